import { checkObject, checkOptions, checkTimeout, wrongType } from '../../lifecycle/check.ts'
import { withTimeout } from '../../lifecycle/with-timeout.ts'
import type { Bridge } from './bridge.ts'
import { BridgeError } from './bridge-error.ts'
import { type BridgeThread, liveOf } from './bridge-rows.ts'
import type { LiveThread } from './live-thread.ts'
import type { Seat } from './seat.ts'

/** Options of a bridge's `recycle`. Durations are ms. */
export interface RecycleThreadOptions {
  /** Why, for the event `worker.recycled`. Default: `recycle() was called`. */
  reason?: string
  /** How long the replacement has to serve. Default: 30 000. */
  timeout?: number
  /** How long the calls in the old thread have to finish before they are cancelled. Default: 30 000. */
  drain?: number
}

/** Replaces a thread by another, which serves before the old one ends. Joins where that is under way. */
export function recycleThread(bridge: Bridge, thread: BridgeThread, options: RecycleThreadOptions): Promise<void> {
  const live = liveOf(thread)
  if (live === undefined) throw wrongType('thread', "one of the bridge's threads", thread)
  checkObject('options', options)
  checkOptions('recycle', options, ['reason', 'timeout', 'drain'])
  const { reason = 'recycle() was called', timeout = 30_000, drain = 30_000 } = options
  if (typeof reason !== 'string') throw wrongType('options.reason', 'a string', reason)
  checkTimeout('options.timeout', timeout)
  checkTimeout('options.drain', drain)
  const seat = bridge.fleet.seatOf(live)
  if (seat === undefined || live.state === 'stopping') return Promise.resolve()
  seat.recycling ??= replace(bridge, seat, { reason, timeout, drain }).finally(() => {
    seat.recycling = undefined
  })
  return seat.recycling
}

async function replace(bridge: Bridge, seat: Seat, options: Required<RecycleThreadOptions>): Promise<void> {
  const { reason, timeout, drain } = options
  const { clock, scope } = bridge
  const since = clock.now()
  await comeUp(bridge, timeout)
  // The thread that is there now: the one that was meant may have failed meanwhile.
  const { live } = seat
  if (live !== undefined) await empty(bridge, live, drain)
  const path = live?.path ?? scope.path
  await seat.retire()
  if (scope.observes('worker.recycled'))
    scope.publish('worker.recycled', undefined, { path, kind: 'thread', reason, ms: clock.now() - since })
}

/** Starts another thread and waits until it serves. One that fails at that is not tried again. */
async function comeUp(bridge: Bridge, timeout: number): Promise<void> {
  const { promise: failed, reject } = Promise.withResolvers<never>()
  failed.catch(() => {})
  const seat = bridge.fleet.open(reject)
  if (seat === undefined) return void (await bridge.ready)
  try {
    const limit = { timeout, name: seat.name, clock: bridge.clock }
    await withTimeout(() => Promise.race([seat.ready(), failed]), limit)
    seat.isTrial = false
  } catch (error) {
    void seat.retire()
    throw error
  }
}

/** Gives a thread no more calls and waits for those that it has; those that take too long are cancelled. */
async function empty(bridge: Bridge, live: LiveThread, drain: number): Promise<void> {
  bridge.fleet.withdraw(live)
  const empty = live.drain()
  if (live.inFlight === 0) return
  try {
    await withTimeout(() => empty, { timeout: drain, name: 'drain', clock: bridge.clock })
  } catch {
    for (const call of live.calls) {
      const { method } = call
      const message = `${live.path} was replaced, and the call of '${method}' took longer than ${drain} ms to end.`
      bridge.desk.cancel(call, new BridgeError('ERR_ABORTED', message, { path: live.path, method, retriable: true }))
    }
    await empty
  }
}
