import type { Scope } from '../scope.ts'

/** A scope, and those that it is in. */
export function around(scope: Scope): readonly Scope[] {
  return scope.parent === undefined ? [scope] : [scope, ...around(scope.parent)]
}
