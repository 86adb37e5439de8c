import type { Entry } from '../lifecycle/entry.ts'
import { Scope } from '../lifecycle/scope.ts'

/** An entry, and the scope that it is in. */
export interface Leaf {
  readonly scope: Scope
  readonly entry: Entry
}

/** Everything that a scope holds, the scopes in it replaced by what they hold. */
export function* leaves(scope: Scope): Generator<Leaf> {
  for (const entry of scope.entries) {
    if (entry.value instanceof Scope && entry.value.entries.size > 0) yield* leaves(entry.value)
    else yield { scope, entry }
  }
}
