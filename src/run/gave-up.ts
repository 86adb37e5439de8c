import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import type { Scope } from '../lifecycle/scope.ts'

/**
 * Calls `tell` when a supervision in this lifecycle has given up, and returns the undo. By the channel of that one event:
 * who subscribes to the lifecycle has all its events made for it.
 */
export function onGivenUp(scope: Scope, tell: (error: unknown) => void): () => void {
  const hear = (message: unknown): void => {
    const { state, path, error } = message as LifecycleEvent
    if (state === 'failed' && path.startsWith(`${scope.path}/`)) tell(error)
  }
  subscribe('endswell:supervised.changed', hear)
  return () => void unsubscribe('endswell:supervised.changed', hear)
}
