import type { Scope } from '../scope.ts'

/** A scope, and those that it is in, as far up as `top`. */
export function around(scope: Scope, top?: Scope): readonly Scope[] {
  return scope.parent === undefined || scope === top ? [scope] : [scope, ...around(scope.parent, top)]
}
