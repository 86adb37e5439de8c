import { checkObject, checkOptions, checkTimeout, wrongType } from '../lifecycle/check.ts'
import { close } from '../lifecycle/ending.ts'
import { customInspect } from '../lifecycle/inspect.ts'
import { Lifecycle } from '../lifecycle/lifecycle.ts'
import { PLAIN, splitPlace } from '../lifecycle/place.ts'
import { Bridge, type BridgeState } from './bridge/bridge.ts'
import type { BridgeCounts } from './bridge/bridge-counts.ts'
import { checkSource, settingsOf, type WorkerBridgeOptions } from './bridge/bridge-options.ts'
import { type BridgeThread, type CallSnapshot, rowOf, ThreadFace } from './bridge/bridge-rows.ts'
import {
  type CallOptions,
  checkCall,
  checkCallOptions,
  checkEventOptions,
  checkStreamOptions,
  type StreamOptions,
} from './bridge/call-options.ts'
import type { Drained } from './bridge/drain.ts'
import type { Arguments, CallMethod, Handlers, Result, StreamItem, StreamMethod } from './bridge/handlers.ts'
import type { LiveThread } from './bridge/live-thread.ts'
import { type RecycleThreadOptions, recycleThread } from './bridge/recycle.ts'
import { threadsOf } from './bridge/thread-source.ts'
import type { BridgeEvents, EventOptions } from './wire/event-queue.ts'

/** How a bridge ended. */
export interface BridgeEnd extends Drained {
  /** Threads that could not be ended, whatever was tried: they hang in native code. */
  readonly abandoned: number
}

/**
 * Calls functions in worker threads, and never waits for ever. The threads belong to a lifecycle; a thread that fails is
 * followed by another; a call can be cancelled, also in the thread; and every promise settles, whatever becomes of the
 * thread.
 *
 * @example
 * ```ts
 * // hash-worker.ts
 * export const handlers = { hash: (text: string) => createHash('sha256').update(text).digest('hex') }
 * serve(handlers)
 *
 * // main.ts
 * import type { handlers } from './hash-worker.ts'
 * const bridge = new WorkerBridge<typeof handlers>(life, new URL('./hash-worker.ts', import.meta.url), {
 *   threads: { max: 4 },
 * })
 * const digest = await bridge.call('hash', ['text'], { signal, timeout: 1_000 })
 * ```
 */
export class WorkerBridge<H extends Handlers = Handlers> implements AsyncDisposable {
  /** Names from the root, such as `/orders/bridge`. */
  readonly path: string
  readonly #home: Lifecycle
  readonly #bridge: Bridge
  readonly #faces = new WeakMap<LiveThread, BridgeThread>()
  #end: Promise<BridgeEnd> | undefined = undefined

  /**
   * Opens it in a lifecycle, and starts the least number of threads at once.
   *
   * @param url the file that the threads run: it calls `serve()`.
   * @throws TypeError or RangeError for a bad argument, and ReferenceError (`ERR_CLOSED`) in a closed lifecycle.
   */
  constructor(life: Lifecycle, url: URL | string, options: WorkerBridgeOptions = PLAIN) {
    if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
    checkSource(url)
    const settings = settingsOf(options)
    const [place] = splitPlace(options)
    this.#home = life.scope(settings.name, { ...place, order: 'parallel' })
    this.#bridge = new Bridge(this.#home, settings, threadsOf(url, settings))
    this.path = this.#home.path
  }

  /** Whether it takes calls; `failed` where it takes none because it has no thread, and will have none. */
  get state(): BridgeState {
    return this.#bridge.state
  }

  /** The calls that wait or run at this moment: those that wait first, in order. */
  get calls(): readonly CallSnapshot[] {
    const { desk, fleet, clock } = this.#bridge
    const now = clock.now()
    const running = fleet.seats.flatMap(({ live }) => live?.calls ?? [])
    return Object.freeze([...desk.queue, ...running].map((call) => rowOf(call, now)))
  }

  /** The threads that live at this moment. */
  get threads(): readonly BridgeThread[] {
    const lives = this.#bridge.fleet.seats.flatMap(({ live }) => live ?? [])
    return Object.freeze(lives.filter(({ worker }) => worker.threadId !== -1).map((live) => this.#faceOf(live)))
  }

  /** What has become of calls and threads so far. */
  get counts(): BridgeCounts {
    return this.#bridge.counts
  }

  /**
   * Resolves when `threads.min` threads serve. Rejects when they never will: with a {@link BridgeError} (`ERR_GAVE_UP`,
   * its `cause` why), or a ReferenceError (`ERR_CLOSED`) where the bridge closes. Dropped, it is no unhandled rejection.
   */
  ready(): Promise<void> {
    return this.#bridge.ready
  }

  /**
   * Calls a method in a thread.
   *
   * @returns what the method brings. It rejects with what the method throws; with the reason of `signal`, at once when
   * that aborts; with a `TimeoutError`; with a {@link BridgeError}; or a ReferenceError (`ERR_CLOSED`) where the bridge
   * closes.
   * @throws TypeError or RangeError for a bad argument: at once, not as a rejection.
   */
  call<M extends CallMethod<H>>(method: M, args: Arguments<H, M>, options?: CallOptions): Promise<Result<H, M>> {
    checkCall(method, args)
    if (options !== undefined) checkCallOptions(options)
    return this.#bridge.call(method, args, options) as Promise<Result<H, M>>
  }

  /**
   * Calls a method that is a generator, and gives its values one by one. No more than `window` of them are made before
   * they are taken. Leaving the loop cancels the call; so does disposing of what this returns. Errors are those of `call`.
   */
  stream<M extends StreamMethod<H>>(
    method: M,
    args: Arguments<H, M>,
    options: StreamOptions = PLAIN,
  ): AsyncIterableIterator<StreamItem<H, M>> & AsyncDisposable {
    checkCall(method, args)
    checkStreamOptions(options)
    return this.#bridge.stream(method, args, options) as AsyncIterableIterator<StreamItem<H, M>> & AsyncDisposable
  }

  /** What handlers tell with `emit`, from now on and until the bridge closes. Each that listens has a buffer of its own. */
  events(options: EventOptions = PLAIN): BridgeEvents {
    checkEventOptions(options)
    return this.#bridge.events(options)
  }

  /** Resolves when no more calls wait than `pressure.low` says: at once if so. Rejects when the bridge closes or fails. */
  room(): Promise<void> {
    return this.#bridge.room
  }

  /**
   * Replaces a thread: another one is started, and when that serves, this one gets no more calls, finishes those that it
   * has, and ends. Resolves when it has ended.
   *
   * It rejects when the replacement did not come up: then the thread stays. One that is being replaced is not replaced
   * twice; one that is gone needs no replacing.
   */
  recycle(thread: BridgeThread, options: RecycleThreadOptions = PLAIN): Promise<void> {
    return recycleThread(this.#bridge, thread, options)
  }

  /**
   * Takes no more calls, lets the others finish within the grace, drops and cancels what is left then, and ends the
   * threads. Its lifecycle's closing does the same. Never rejects; a second call gives the same promise, and can only
   * shorten the grace.
   */
  close(options: { grace?: number } = PLAIN): Promise<BridgeEnd> {
    checkObject('options', options)
    checkOptions('close', options, ['grace'])
    const { grace } = options
    if (grace !== undefined) checkTimeout('options.grace', grace)
    this.#bridge.close(grace)
    this.#end ??= close(this.#bridge.scope, {}).then(() => {
      const { drained, cancelled, dropped } = this.#bridge.drained
      return Object.freeze({ drained, cancelled, dropped, abandoned: this.#bridge.counts.abandoned })
    })
    return this.#end
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  [customInspect](): string {
    const { queued, running } = this.counts
    return `WorkerBridge ${this.path}: ${this.state}, ${this.threads.length} threads, ${running} running, ${queued} queued`
  }

  #faceOf(live: LiveThread): BridgeThread {
    const known = this.#faces.get(live)
    if (known !== undefined) return known
    const { clock } = this.#bridge
    const face = new ThreadFace(live, () => clock.now())
    this.#faces.set(live, face)
    return face
  }
}
