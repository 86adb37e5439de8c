import { wrongType } from '../lifecycle/check.ts'
import { Lifecycle, scopeOf } from '../lifecycle/lifecycle.ts'
import { checkKeep, type KeepOptions } from './keeping/keep-options.ts'
import { Kept } from './kept.ts'

/**
 * Keeps a connection: makes it, and again whenever it is lost, at growing intervals, until it is closed or its lifecycle
 * closes. The first attempt is made at once.
 *
 * Each attempt has a scope of its own, `/orders/feed/3`, which is closed wholly before the next begins. The connection,
 * its heartbeat, its listeners and its subscriptions are in there, so after a thousand reconnects there is one of each.
 *
 * Each change of state is published as `connection.changed`.
 *
 * @throws ReferenceError (`ERR_CLOSED`) once closing has begun; TypeError or RangeError for a bad argument.
 * @example
 * ```ts
 * const feed = keepConnected(life, {
 *   name: 'feed',
 *   connect: () => new WebSocket(url),
 *   heartbeat: { interval: 20_000, ping: (socket, signal) => ask(socket, signal) },
 * })
 * feed.subscribe('prices', (socket) => socket.send('subscribe prices'))
 * const socket = await feed.ready()
 * ```
 */
export function keepConnected<T>(life: Lifecycle, options: KeepOptions<T>): Kept<T> {
  if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
  scopeOf(life).checkOpen()
  checkKeep(options)
  return new Kept(life, options)
}
