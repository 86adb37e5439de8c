import type { Lifecycle } from '../../lifecycle/lifecycle.ts'
import { cut } from './connecting.ts'
import { startHeartbeat } from './heartbeat.ts'
import type { KeepOptions } from './keep-options.ts'
import { watch } from './known-events.ts'
import type { Link } from './subscriptions.ts'

/** How a connection ended: by itself, since the heartbeat had no answer, or since its scope is being closed. */
export type Loss = 'gone' | 'missed' | 'asked'

/**
 * Holds a connection for as long as it lasts: watches it, and asks now and then whether it lives. When it is over, `lost`
 * is called at once, and then the promise resolves with what it was lost by, as far as that is known.
 *
 * @throws what `onGone` throws, and where there is no way to ask.
 */
export function hold<T>(
  { value, scope }: Link<T>,
  { onGone = watch, heartbeat }: Pick<KeepOptions<T>, 'onGone' | 'heartbeat'>,
  lost: (loss: Loss) => void,
): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const { signal } = scope
  let isOver = false
  const over = (loss: Loss, error?: unknown): void => {
    if (isOver) return
    isOver = true
    signal.removeEventListener('abort', asked)
    lost(loss)
    resolve(error)
  }
  const asked = (): void => over('asked')
  signal.addEventListener('abort', asked)
  // It may have come in the same breath in which its scope was closed: then nobody would tell.
  if (signal.aborted) asked()
  if (isOver) return promise
  try {
    const undo = onGone(value, (error) => over('gone', error))
    if (undo !== undefined) owe(scope, undo)
    if (signal.aborted) return promise
    if (heartbeat !== undefined) {
      const { interval = 30_000, timeout = 10_000, ping } = heartbeat
      startHeartbeat(scope, value, { interval, timeout, ping }, (error) => {
        over('missed', error)
        cut(scope, value)
      })
    }
  } catch (error) {
    asked()
    throw error
  }
  return promise
}

/** Has `undo` called when the scope closes: now, where that has begun. */
function owe(scope: Lifecycle, undo: () => void): void {
  if (scope.signal.aborted) undo()
  else scope.defer(undo, { name: 'watch' })
}
