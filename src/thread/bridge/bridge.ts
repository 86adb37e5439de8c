import { Alarm } from '../../lifecycle/alarm.ts'
import { LONGEST_TIMEOUT } from '../../lifecycle/check.ts'
import type { Clock } from '../../lifecycle/clock.ts'
import { ENDED, ENDING, type Entry } from '../../lifecycle/entry.ts'
import type { Kind } from '../../lifecycle/kind.ts'
import { type Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import { closeScope } from '../../lifecycle/scope-kind.ts'
import { Latch, refused } from '../../lifecycle/supervision/latch.ts'
import { watchClosing } from '../../lifecycle/watch-closing.ts'
import { CallStream } from '../wire/call-stream.ts'
import { EventFan } from '../wire/event-fan.ts'
import { holdAbandoned } from './abandoned.ts'
import type { BridgeCounts } from './bridge-counts.ts'
import { bridgeClosed, closedBefore, noThread } from './bridge-errors.ts'
import type { BridgeSettings } from './bridge-options.ts'
import type { CallOptions, StreamOptions } from './call-options.ts'
import { quiet } from './deadlines.ts'
import { Desk } from './desk.ts'
import { Drain, type Drained } from './drain.ts'
import { Fleet } from './fleet.ts'
import { heardInContext } from './heard-in-context.ts'
import type { LiveThread } from './live-thread.ts'
import { PendingCall } from './pending-call.ts'
import { Pressure } from './pressure.ts'
import type { ThreadSource } from './thread-source.ts'

/** Where a bridge stands. */
export type BridgeState = 'open' | 'closing' | 'closed' | 'failed'

/** The inside of a bridge: its calls, its threads, and what each tells the other. */
export class Bridge {
  readonly desk: Desk
  readonly fleet: Fleet
  readonly scope: Scope
  readonly clock: Clock
  readonly settings: BridgeSettings
  readonly #events = new EventFan()
  readonly #pressure: Pressure
  readonly #crewed = new Latch()
  readonly #drain: Drain
  readonly #entry: Entry
  /** Rings when a grace is over that is shorter than the one that closing began with. */
  readonly #graceOver: Alarm
  #serial = 0
  /** By threads that are gone. */
  #droppedBefore = 0
  #failure: { readonly cause: unknown } | undefined = undefined

  constructor(home: Lifecycle, settings: BridgeSettings, source: ThreadSource) {
    const scope = scopeOf(home)
    scope.checkOpen()
    const owner = scope.parent ?? scope
    this.scope = scope
    this.clock = scope.clock
    this.settings = settings
    this.#pressure = new Pressure(settings.high, settings.low, (state) => this.#tellPressure(state))
    this.fleet = new Fleet(home, settings, source, {
      onServing: () => this.desk.pump(),
      onSettled: (call, isValue, value) => this.desk.settle(call, isValue, value),
      onItem: (call, value) => this.desk.item(call, value),
      onEvent: (thread, call, name, value) => {
        this.#events.publish({ name, value, thread: thread.path, method: call?.method, call: call?.id }, thread)
        call?.tell(name, value)
      },
      onLost: (thread, begun, others, cause) => this.#lost(thread, begun, others, cause),
      onCrewed: () => this.#look(),
      onAbandoned: (thread) => {
        this.desk.counts.abandoned += 1
        holdAbandoned(owner, `${scope.name} ${thread.path.split('/').at(-2)}`, thread.worker)
      },
      onHopeless: (cause) => this.#fail(cause),
    })
    this.desk = new Desk(
      {
        path: scope.path,
        clock: scope.clock,
        free: () => this.fleet.free(),
        need: (calls) => this.fleet.need(calls),
        onQueue: () => this.#pressure.set(this.desk.queue.size),
        onAllOver: () => this.#drain.check(),
      },
      settings,
    )
    this.#drain = new Drain(scope.path, this.desk, this.fleet, settings.cancelGrace)
    this.#entry = scope.add(
      Drain.kind as Kind,
      this.#drain,
      undefined,
      scope.placeOf({ name: 'calls', grace: settings.grace }),
    )
    this.#graceOver = new Alarm(quiet(scope.clock), () => this.#entry.detail?.ladder?.force())
    watchClosing(
      scope,
      () => this.#closed(),
      () => this.#closing(),
    )
    this.fleet.start()
    this.#look()
  }

  get state(): BridgeState {
    return this.#failure === undefined ? this.scope.state : 'failed'
  }

  get counts(): BridgeCounts {
    const { counts, queue, running } = this.desk
    const { done, failed, cancelled, timedOut, refused, lost, retried, unserved, abandoned } = counts
    let dropped = this.#droppedBefore + this.#events.dropped
    for (const { live } of this.fleet.seats) dropped += live?.dropped ?? 0
    const now = { queued: queue.size, running, done, failed, cancelled, timedOut }
    return Object.freeze({ ...now, refused, lost, retried, unserved, dropped, abandoned })
  }

  /** Resolves when the least number of threads serve. */
  get ready(): Promise<void> {
    return this.state === 'open' ? this.#crewed.passed : refused(this.#refusal(''))
  }

  /** Resolves when few calls wait. */
  get room(): Promise<void> {
    return this.state === 'open' ? this.#pressure.room : refused(this.#refusal(''))
  }

  /** Makes a call. */
  call(method: string, args: readonly unknown[], options: CallOptions | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#serial += 1
      const priority = options?.priority ?? 0
      const call = new PendingCall(this.#serial, method, args, priority, this.clock.now(), resolve, reject)
      this.#take(call, options)
    })
  }

  /** Makes a call with many values. */
  stream(method: string, args: readonly unknown[], options: StreamOptions): CallStream<unknown> {
    const { window = 16, priority = 0 } = options
    const stream: CallStream<unknown> = new CallStream(
      {
        credit: (count) => this.desk.credit(call, count),
        cancel: () => this.desk.cancel(call, new DOMException('Nobody takes its values any more.', 'AbortError')),
      },
      window,
    )
    this.#serial += 1
    const resolve = (value: unknown): void => stream.finish(value)
    const reject = (error: unknown): void => stream.fail(error)
    const call = new PendingCall(this.#serial, method, args, priority, this.clock.now(), resolve, reject)
    call.stream = stream
    call.window = window
    this.#take(call, options)
    return stream
  }

  events(options: Parameters<EventFan['open']>[0]): ReturnType<EventFan['open']> {
    return this.#events.open(options)
  }

  /** Closes it. A shorter grace than the one that runs wins. */
  close(grace: number | undefined): void {
    if (grace !== undefined) this.#shorten(grace)
    const { grace: usual, terminateTimeout } = this.settings
    const threads = Math.max(this.scope.settings.grace, terminateTimeout)
    const timeout = Math.min(LONGEST_TIMEOUT, (grace ?? usual) + threads + 3_000)
    closeScope(this.scope, { reason: 'close() was called', timeout }, Number.POSITIVE_INFINITY, true)
  }

  /** What has become of the calls since closing began. */
  get drained(): Drained {
    return this.#drain.result
  }

  #take(call: PendingCall, options: CallOptions | undefined): void {
    if (this.state !== 'open') return call.refuse(this.#refusal(call.method))
    if (options !== undefined) {
      const { signal, timeout, queueTimeout, transfer, onEvent } = options
      if (signal?.aborted) return call.refuse(signal.reason)
      call.timeout = timeout
      call.queueTimeout = queueTimeout
      call.transfer = transfer
      if (onEvent !== undefined) call.onEvent = heardInContext(onEvent, this.scope)
      if (signal !== undefined) this.#heed(call, signal)
    }
    this.desk.accept(call)
  }

  #heed(call: PendingCall, signal: AbortSignal): void {
    call.signal = signal
    call.onAbort = () => this.desk.cancel(call, signal.reason)
    signal.addEventListener('abort', call.onAbort)
  }

  #shorten(grace: number): void {
    const { state } = this.#entry
    if (state === ENDED) return
    if (state !== ENDING) this.#entry.detailed().grace = grace
    else this.#graceOver.set(this.clock.now() + grace, this.clock.now())
  }

  #lost(thread: LiveThread, begun: readonly PendingCall[], others: readonly PendingCall[], cause: unknown): void {
    this.#droppedBefore += thread.dropped
    this.desk.lose(thread.path, begun, others, cause)
    this.#drain.check()
  }

  /** The number of threads has changed. */
  #look(): void {
    if (this.state !== 'open') return this.#drain.check()
    if (this.fleet.isCrewed) this.#crewed.open()
    else this.#crewed.shut()
    // Whoever waits may wait for a thread that was just lost.
    if (this.desk.queue.size > 0) this.fleet.need(this.desk.queue.size)
  }

  #fail(cause: unknown): void {
    this.#failure = { cause }
    this.#crewed.refuse(this.#refusal(''))
    this.#pressure.refuse(this.#refusal(''))
    this.desk.drop(({ method }) => noThread(this.scope.path, method, cause))
    closeScope(this.scope, { reason: 'it has no thread any more' }, Number.POSITIVE_INFINITY, false)
  }

  #refusal(method: string): Error {
    const { path } = this.scope
    if (this.#failure !== undefined) return noThread(path, method, this.#failure.cause)
    return bridgeClosed(path, method === '' ? 'it waits for nothing' : `it takes no call of '${method}'`)
  }

  #closing(): void {
    if (this.#failure !== undefined) return
    this.#crewed.refuse(this.#refusal(''))
    this.#pressure.refuse(this.#refusal(''))
  }

  /** Nothing is left that could settle a call. */
  #closed(): void {
    this.desk.drop((call) => closedBefore(this.scope.path, call))
    this.desk.close()
    this.fleet.close()
    this.#graceOver.clear()
    this.#events.close()
  }

  #tellPressure(state: 'high' | 'low'): void {
    if (this.scope.observes('queue.pressure'))
      this.scope.publish('queue.pressure', undefined, { kind: 'bridge', state })
  }
}
