import type { Closing } from './closing.ts'
import type { Scope } from './scope.ts'
import type { Tally } from './tally.ts'

/**
 * Calls `done` when a scope has closed, whoever closes it, with what that closing has counted: nothing, where nothing was
 * in it. Before that it calls `began` when the closing begins.
 */
export function watchClosing(scope: Scope, done: (tally: Tally | undefined) => void, began?: () => void): void {
  const { signal } = scope
  const look = (): void => {
    const closing = scope.closing as Closing | undefined
    began?.()
    // An empty scope is over as soon as whoever closes it is through.
    if (closing === undefined) queueMicrotask(() => done(undefined))
    else closing.whenDone(() => done(closing.tally))
  }
  if (signal.aborted) look()
  else signal.addEventListener('abort', look, { once: true })
}
