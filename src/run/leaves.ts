import { scopeIn } from '../lifecycle/core-kinds.ts'
import { ENDING, type Entry } from '../lifecycle/entry.ts'
import type { Scope } from '../lifecycle/scope.ts'

/** An entry, and the scope that it is in. */
export interface Leaf {
  readonly scope: Scope
  readonly entry: Entry
}

/** Everything that a scope holds, the scopes in it replaced by what they hold. */
export function* leaves(scope: Scope): Generator<Leaf> {
  for (const entry of scope.entries) {
    const inside = scopeIn(entry)
    if (inside !== undefined && inside.entries.size > 0) yield* leaves(inside)
    else yield { scope, entry }
  }
}

/** What of a scope is on its way out right now, and how many wait for their turn. */
export function closingIn(scope: Scope): { closing: Leaf[]; waiting: number } {
  const closing: Leaf[] = []
  let waiting = 0
  for (const leaf of leaves(scope)) {
    if (leaf.entry.state === ENDING) closing.push(leaf)
    else waiting += 1
  }
  return { closing, waiting }
}
