import { checkTimeout, wrongType } from '../lifecycle/check.ts'
import type { UseOptions } from '../lifecycle/contract.ts'
import { kindFor } from '../lifecycle/kind.ts'
import { adopt, use } from '../lifecycle/register.ts'
import type { Scope } from '../lifecycle/scope.ts'

/** How a step says that its result ends. */
export type ResultOptions<T> = Pick<UseOptions<T>, 'close' | 'force' | 'grace' | 'kind'>

/** How a step's result is registered: as it says, or by what the value itself can; a plain value is not. */
export function registerResult<T>(name: string, ending: ResultOptions<T>): (scope: Scope, value: T) => void {
  const { close, force, grace, kind } = ending
  checkEnding(ending)
  const given = close !== undefined || force !== undefined || kind !== undefined
  return (scope, value) => {
    if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
      if (given || canEnd(scope, value)) use(scope, value, { name, ...ending })
    } else if (typeof close === 'function') adopt(scope, value, close, grace === undefined ? { name } : { name, grace })
  }
}

/** What can be seen to be wrong before anything is opened is refused then: later it would have to be left open. */
function checkEnding<T>({ close, force, grace, kind }: ResultOptions<T>): void {
  if (grace !== undefined) checkTimeout('options.grace', grace)
  for (const [option, way] of Object.entries({ close, force })) {
    if (way === undefined || ['function', 'string', 'symbol'].includes(typeof way)) continue
    throw wrongType(`options.${option}`, 'a function or the name of a method', way)
  }
  if (kind === undefined || kind === false || (typeof kind === 'object' && kind !== null)) return
  throw wrongType('options.kind', 'a kind or false', kind)
}

function canEnd(scope: Scope, value: object): boolean {
  if (kindFor(value, scope.settings.kinds) !== undefined) return true
  return Symbol.asyncDispose in value || Symbol.dispose in value
}
