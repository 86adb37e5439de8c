import { server } from './connection/server.ts'
import { socket } from './connection/socket.ts'
import { stream } from './connection/stream.ts'
import type { LifecycleOptions } from './lifecycle/contract.ts'
import type { Kind } from './lifecycle/kind.ts'
import { Lifecycle as Bare, type Home } from './lifecycle/lifecycle.ts'
import { listenerKind } from './lifecycle/listener.ts'
import { timer } from './lifecycle/timer.ts'
import { childProcess } from './process/child-process.ts'
import { worker } from './thread/worker.ts'

/** The kinds of Node's own resources, the most specific first. */
export const nodeKinds: readonly Kind[] = Object.freeze([
  server,
  socket,
  stream,
  worker,
  childProcess,
  timer,
  listenerKind,
] as readonly Kind<never>[] as readonly Kind[])

const home: Home = { kinds: nodeKinds, wrap: (scope) => new Lifecycle(scope as never) }

/**
 * Owns resources and ends them: in order, on time, and it names what did not end.
 *
 * It is an `AsyncDisposableStack`, with the same members, order, errors and turns, and adds names, deadlines,
 * escalation, a report and O(1) release. It knows how servers, sockets, streams, workers, child processes, timers and
 * listeners end. What was registered last closes first, unless edges say otherwise.
 *
 * @example
 * ```ts
 * await using life = new Lifecycle('orders')
 * const server = life.use(createServer(handler), { name: 'http', grace: 10_000 })
 * const redis = life.use(createClient(), { name: 'cache', close: 'quit', force: 'disconnect' })
 * ```
 */
export class Lifecycle extends Bare {
  /**
   * @param options its name, or options.
   * @throws TypeError or RangeError for an unknown or bad option.
   */
  constructor(options: string | LifecycleOptions = {}) {
    super(options, home)
  }
}

// The standard's class has its members itself, and so has this one, for whoever looks at its prototype.
const { constructor: _, ...members } = Object.getOwnPropertyDescriptors(Bare.prototype)
Object.defineProperties(Lifecycle.prototype, members)
