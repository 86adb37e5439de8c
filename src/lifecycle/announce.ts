import { scopeIn } from './core-kinds.ts'
import { type Entry, LIVE } from './entry.ts'
import type { Scope } from './scope.ts'

/**
 * Has everything in a lifecycle, and in the scopes inside, tell those who use it that it is about to close, as far as
 * its kind knows how. Unless it `accepts`, it takes nothing new from now on. What a kind throws is published.
 */
export function announce(scope: Scope, accepts: boolean): void {
  for (const entry of [...scope.entries]) {
    const inside = scopeIn(entry)
    if (inside !== undefined) announce(inside, accepts)
    else if (entry.state === LIVE) announceOne(scope, entry, accepts)
  }
}

function announceOne(scope: Scope, entry: Entry, accepts: boolean): void {
  try {
    entry.kind.announce?.(entry.value, accepts)
  } catch (error) {
    if (scope.observes('resource.error')) scope.publish('resource.error', entry, { error })
  }
}
