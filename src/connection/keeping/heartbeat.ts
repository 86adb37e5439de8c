import { wrongType } from '../../lifecycle/check.ts'
import { EndswellError } from '../../lifecycle/errors.ts'
import { type Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import { Limit } from '../../lifecycle/limit.ts'
import { waitFor } from '../../lifecycle/wait.ts'
import { final } from './misuse.ts'

/** How it is found out whether a connection lives. */
export interface Heart<T> {
  readonly interval: number
  readonly timeout: number
  readonly ping: ((value: T, signal: AbortSignal) => unknown) | undefined
}

/**
 * Asks a connection again and again whether it lives, for as long as its scope is open. Where no answer comes in time,
 * `missed` is called once, with why. It doesn't keep the process alive.
 */
export function startHeartbeat<T>(life: Lifecycle, value: T, heart: Heart<T>, missed: (error: unknown) => void): void {
  const { interval, timeout } = heart
  const ping = heart.ping ?? pingOf(value)
  const { clock } = scopeOf(life)
  let isOver = false
  const beat = async (signal: AbortSignal): Promise<void> => {
    if (isOver) return
    const limit = new Limit(`${life.path}/heartbeat`, clock, timeout)
    try {
      const answer = await waitFor(limit, (context) => ping(value, context.signal), { signal }, timeout)
      if (answer === false) throw new EndswellError('ERR_ABORTED', 'The heartbeat said that the connection is over.')
    } catch (error) {
      if (signal.aborted) return
      isOver = true
      missed(error)
    }
  }
  life.every('heartbeat', interval, beat, { ref: false })
}

/** How a connection is asked where nobody says: as that of `ws` can be. */
function pingOf(value: unknown): (value: unknown, signal: AbortSignal) => unknown {
  const { ping, once, off } = (value ?? {}) as Partial<Record<'ping' | 'once' | 'off', unknown>>
  if ([ping, once, off].every((method) => typeof method === 'function'))
    return (ws, signal) => pong(ws as Pinged, signal)
  throw final(
    wrongType('options.heartbeat.ping', 'a function for this connection', undefined, 'Only that of ws needs none.'),
  )
}

interface Pinged {
  ping(): void
  once(event: 'pong', told: () => void): unknown
  off(event: 'pong', told: () => void): unknown
}

function pong(value: Pinged, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      value.off('pong', settle)
      signal.removeEventListener('abort', settle)
      if (signal.aborted) reject(signal.reason)
      else resolve()
    }
    value.once('pong', settle)
    signal.addEventListener('abort', settle)
    value.ping()
  })
}
