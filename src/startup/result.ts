import { checkTimeout, isObject, wrongType } from '../lifecycle/check.ts'
import type { PlaceOptions, UseOptions } from '../lifecycle/contract.ts'
import { checkKind, kindFor } from '../lifecycle/kind.ts'
import { splitPlace } from '../lifecycle/place.ts'
import { adopt, use } from '../lifecycle/register.ts'
import type { Scope } from '../lifecycle/scope.ts'

/** How a step says how its result ends, and where it stands among the others. */
export type ResultOptions<T> = Pick<UseOptions<T>, 'close' | 'force' | 'grace' | 'kind'> & PlaceOptions

/**
 * How a step's result is registered in `home`: as it says, or by what the value itself can; a plain value is not. What
 * comes too late is registered elsewhere, only to be ended, and has no siblings there.
 *
 * @throws TypeError or RangeError for what can be seen to be wrong before anything is opened.
 */
export function registerResult<T>(
  home: Scope,
  name: string,
  options: ResultOptions<T>,
): (scope: Scope, value: T) => void {
  const [place, ending] = splitPlace(options)
  const { close, force, grace, kind } = ending
  checkEnding(ending)
  if (home.state === 'open') home.placeOf({ name, ...place })
  const given = close !== undefined || force !== undefined || kind !== undefined
  return (scope, value) => {
    const where = scope === home ? { name, ...place } : { name }
    if (isObject(value)) {
      if (given || canEnd(scope, value)) use(scope, value, { ...where, ...ending })
    } else if (typeof close === 'function')
      adopt(scope, value, close, grace === undefined ? where : { ...where, grace })
  }
}

function checkEnding<T>({ close, force, grace, kind }: ResultOptions<T>): void {
  if (grace !== undefined) checkTimeout('options.grace', grace)
  for (const [option, way] of Object.entries({ close, force })) {
    if (way === undefined || ['function', 'string', 'symbol'].includes(typeof way)) continue
    throw wrongType(`options.${option}`, 'a function or the name of a method', way)
  }
  if (kind !== undefined && kind !== false) checkKind('options.kind', kind, 'a kind or false')
}

function canEnd(scope: Scope, value: object): boolean {
  if (kindFor(value, scope.settings.kinds) !== undefined) return true
  return Symbol.asyncDispose in value || Symbol.dispose in value
}
