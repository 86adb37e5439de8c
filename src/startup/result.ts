import { checkTimeout, isObject, wrongType } from '../lifecycle/check.ts'
import type { PlaceOptions, Reference, UseOptions } from '../lifecycle/contract.ts'
import { checkKind, kindFor } from '../lifecycle/kind.ts'
import { splitPlace } from '../lifecycle/place.ts'
import { adopt, use } from '../lifecycle/register.ts'
import type { Scope } from '../lifecycle/scope.ts'
import type { Stage } from './stage.ts'

/** How a step says how its result ends, and where it stands among the others. */
export type ResultOptions<T> = Pick<UseOptions<T>, 'close' | 'force' | 'grace' | 'kind'> & PlaceOptions

/** The start that a step belongs to. */
interface Home {
  readonly scope: Scope
  readonly root: Stage
}

/**
 * How a step's result is registered: as it says, or by what the value itself can; a plain value is not. What comes too
 * late is registered elsewhere, only to be ended, and has no siblings there.
 *
 * @throws TypeError or RangeError for what can be seen to be wrong before anything is opened.
 */
export function registerResult<T>(
  home: Home,
  name: string,
  options: ResultOptions<T>,
): (scope: Scope, value: T) => void {
  const [place, ending] = splitPlace(options)
  const { close, force, grace, kind } = ending
  checkEnding(ending)
  if (home.scope.state === 'open') home.scope.placeOf({ name, ...present(home, place) })
  const given = close !== undefined || force !== undefined || kind !== undefined
  return (scope, value) => {
    if (value === undefined || value === null) return
    const where = scope === home.scope ? { name, ...present(home, place) } : { name }
    if (isObject(value)) {
      // What the step has registered itself need not be registered again.
      const held = !given && home.scope.entries.byValue(value).length > 0
      if (given || (!held && canEnd(scope, value))) use(scope, value, { ...where, ...ending })
      else if (!held) warnOfEnding(name, value)
    } else if (typeof close === 'function')
      adopt(scope, value, close, grace === undefined ? where : { ...where, grace })
    else if (given) throw wrongType('options.close', `a function, since ${name} brought no object`, close)
  }
}

/** A place without the siblings that are steps of this start and have left nothing to wait for. */
function present(home: Home, { dependsOn, requiredBy, ...place }: PlaceOptions): PlaceOptions {
  const held = (references: readonly Reference[]): readonly Reference[] =>
    Array.isArray(references) ? references.filter((reference) => !hasLeftNothing(home, reference)) : references
  return {
    ...place,
    ...(dependsOn === undefined ? {} : { dependsOn: held(dependsOn) }),
    ...(requiredBy === undefined ? {} : { requiredBy: held(requiredBy) }),
  }
}

function hasLeftNothing({ scope, root }: Home, reference: Reference): boolean {
  if (typeof reference !== 'string' || scope.entries.byName(reference).length > 0) return false
  return [...root.all()].some(({ facts, running }) => facts.name === reference && !running)
}

function checkEnding<T>({ close, force, grace, kind }: ResultOptions<T>): void {
  if (grace !== undefined) checkTimeout('options.grace', grace)
  for (const [option, way] of Object.entries({ close, force })) {
    if (way === undefined || ['function', 'string', 'symbol'].includes(typeof way)) continue
    throw wrongType(`options.${option}`, 'a function or the name of a method', way)
  }
  if (kind !== undefined && kind !== false) checkKind('options.kind', kind, 'a kind or false')
}

/** What people call the end of a client that has no disposer. */
const endings = ['close', 'end', 'quit', 'destroy', 'disconnect', 'terminate'] as const

/** Says aloud that something looks as if it had to be ended, and that nobody will: nothing is guessed. */
function warnOfEnding(name: string, value: object): void {
  const method = endings.find((each) => typeof (value as Record<string, unknown>)[each] === 'function')
  if (method === undefined) return
  process.emitWarning(
    `The step '${name}' brought something with a method '${method}', which nobody will call. ` +
      `Say how it ends: { close: '${method}' }; or { close: () => {} } if it need not.`,
    { type: 'EndswellWarning', code: 'ENDSWELL_NO_ENDING' },
  )
}

function canEnd(scope: Scope, value: object): boolean {
  if (kindFor(value, scope.settings.kinds) !== undefined) return true
  return Symbol.asyncDispose in value || Symbol.dispose in value
}
