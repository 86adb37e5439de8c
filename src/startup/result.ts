import type { UseOptions } from '../lifecycle/contract.ts'
import { adopt, use } from '../lifecycle/register.ts'
import type { Scope } from '../lifecycle/scope.ts'

/** How a step says that its result ends. */
export type ResultOptions<T> = Pick<UseOptions<T>, 'close' | 'force' | 'grace' | 'kind'>

/** How a step's result is registered: as it says, or by what the value itself can; a plain value is not. */
export function registerResult<T>(name: string, ending: ResultOptions<T>): (scope: Scope, value: T) => void {
  const given = ending.close !== undefined || ending.force !== undefined || ending.kind !== undefined
  return (scope, value) => {
    if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
      if (given || canEnd(scope, value)) use(scope, value, { name, ...ending })
    } else if (typeof ending.close === 'function') {
      const { close, grace } = ending
      adopt(scope, value, close, grace === undefined ? { name } : { name, grace })
    }
  }
}

function canEnd(scope: Scope, value: object): boolean {
  if (scope.settings.kinds.some((kind) => kind.matches(value))) return true
  return Symbol.asyncDispose in value || Symbol.dispose in value
}
