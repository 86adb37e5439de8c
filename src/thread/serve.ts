import { builtin } from '../lifecycle/builtin.ts'
import { checkFunction, checkObject, checkOptions, wrongType } from '../lifecycle/check.ts'
import { coded } from '../lifecycle/errors.ts'
import type { Handlers } from './bridge/handlers.ts'
import type { Call } from './serving/call.ts'
import { Service } from './serving/service.ts'

export type { Call } from './serving/call.ts'

/** Options of {@link serve}. */
export interface ServeOptions {
  /**
   * Ends what the thread has opened. Called once, when the thread is asked to end and its calls have let go, and awaited;
   * then the thread exits. `signal` aborts shortly before the grace is over and the thread is terminated. What it throws
   * is an uncaught error, and the thread's end counts as failed. Default: there is nothing to end.
   */
  teardown?: (signal: AbortSignal) => unknown
}

/** What {@link serve} gives. */
export interface Server<H extends Handlers> {
  /** What is served: `WorkerBridge<typeof server.handlers>` is its bridge. */
  readonly handlers: H
  /** Aborts when the thread is asked to end: calls that still run are cancelled with it. */
  readonly signal: AbortSignal
  /**
   * Tells whoever listens to the bridge's `events()`, outside of a call.
   *
   * @returns false if there was no room, or the bridge has not said hello yet: then the event is dropped.
   * @throws TypeError as the `emit` of a {@link Call} does.
   */
  emit(name: string, value: unknown): boolean
  /**
   * Resolves when there is room for another event, and not before the bridge has said hello. Await it right before each
   * `emit` to lose none.
   */
  drained(): Promise<void>
}

/** The ports to the threads' parents on which somebody serves: one thread, one server. */
const serving = new WeakSet<object>()

/**
 * In a worker: answers the calls of the {@link WorkerBridge} that has started it. Call it while the module loads, and
 * not after an `await` of something else; the thread is ready from then on.
 *
 * A handler is called with the caller's arguments, and with its {@link Call} as `this`: there it learns that the call is
 * cancelled, and tells events. What it returns, or its promise brings, is the result; an iterator, such as a generator's,
 * is the bridge's `stream()`. What it throws is thrown where it was called, with its stack: an error keeps its
 * properties, and its class where that is the language's own. All must be cloneable, or the call rejects with a
 * `BridgeError` (`ERR_UNCLONEABLE`); {@link transfer} moves instead.
 *
 * The thread stays until it is asked to end, by its bridge or by a lifecycle that holds it. In a worker that no bridge
 * has started it just waits.
 *
 * @param handlers the methods: own properties that are functions. Anything else in there is not served.
 * @throws TypeError for bad arguments, outside of a worker, and where the thread serves already.
 * @example
 * ```ts
 * // pricing.worker.ts
 * export const handlers = {
 *   price: (cart: Cart) => priceOf(cart),
 *   async *report(this: Call, year: number) {
 *     for await (const row of rows(year, this.signal)) yield row
 *   },
 * }
 * serve(handlers, { teardown: () => db.end() })
 *
 * // main.ts
 * import type { handlers } from './pricing.worker.ts'
 * const pricing = new WorkerBridge<typeof handlers>(life, new URL('./pricing.worker.ts', import.meta.url))
 * ```
 */
export function serve<H extends Handlers>(handlers: H & ThisType<Call>, options: ServeOptions = {}): Server<H> {
  checkObject('handlers', handlers)
  checkObject('options', options)
  checkOptions('serve', options, ['teardown'])
  const { teardown = () => {} } = options
  checkFunction('options.teardown', teardown)
  const methods = new Map(Object.entries(handlers).filter(([, each]) => typeof each === 'function'))
  if (methods.size === 0) throw wrongType('handlers', 'an object with functions', handlers)
  const { isMainThread, parentPort } = builtin('node:worker_threads')
  if (isMainThread || parentPort === null) throw misplaced('serve() answers calls in a worker, but this is none.')
  if (serving.has(parentPort)) throw misplaced('serve() has been called in this thread: pass all handlers at once.')
  serving.add(parentPort)
  const service = new Service(parentPort, methods, teardown)
  return {
    handlers,
    signal: service.signal,
    emit: (name, value) => service.emit(name, value),
    drained: () => service.drained(),
  }
}

function misplaced(message: string): TypeError {
  return coded(new TypeError(message), 'ERR_MISPLACED')
}
