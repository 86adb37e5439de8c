import type { Worker } from 'node:worker_threads'
import { type Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import { ownThread, type ThreadOwner } from '../monitor/owner-of.ts'
import type { CallerHooks, Refusal } from '../wire/caller-end.ts'
import { isLater, nextSeq } from '../wire/shared.ts'
import { refusedCall, terminatedFor } from './bridge-errors.ts'
import type { BridgeSettings } from './bridge-options.ts'
import type { Carrier, PendingCall } from './pending-call.ts'
import { ThreadBody } from './thread-body.ts'
import type { ThreadEnd, ThreadSource } from './thread-source.ts'
import { workText } from './work-text.ts'

/** Where a thread stands: it boots, takes calls, takes no more, or is on its way out. */
export type ThreadState = 'starting' | 'ready' | 'draining' | 'stopping'

/** Who is told of what happens in a thread. */
export interface ThreadHost {
  /** It serves. */
  onServing(thread: LiveThread): void
  /** A call in it is over; `outcome` says how. Its place is free. */
  onSettled(call: PendingCall, isValue: boolean, value: unknown): void
  onItem(call: PendingCall, value: unknown): void
  onEvent(thread: LiveThread, call: PendingCall | undefined, name: string, value: unknown): void
  /** It has nothing to do. */
  onIdle(thread: LiveThread): void
  /** It will answer no more: `begun` were begun, `others` not; `cause` is why, where it was not asked to end. */
  onLost(thread: LiveThread, begun: readonly PendingCall[], others: readonly PendingCall[], cause: unknown): void
  /** A call in it does not end: it is to be ended, and another to take its place. */
  onStuck(thread: LiveThread): void
  /** It could not be ended. */
  onAbandoned(thread: LiveThread): void
}

/** One life of one thread: the worker, and the calls that are in it. */
export class LiveThread implements Carrier, CallerHooks, ThreadOwner {
  readonly path: string
  /** When it was started, and since when it has nothing to do, in ms of the clock. */
  readonly since: number
  idleSince: number
  state: ThreadState = 'starting'
  /** How many calls have ended in it. */
  finished = 0
  methods: ReadonlySet<string> = new Set()
  /** Its worker: how it is doing, and how it ended. */
  readonly body: ThreadBody
  readonly #host: ThreadHost
  readonly #end: ThreadEnd
  readonly #told: () => void
  readonly #inFlight = new Map<number, PendingCall>()
  /** The places that are free. */
  readonly #slots: number[]
  #seq = 0
  #isRefd = true
  #isLost = false
  #onEmpty: (() => void) | undefined = undefined

  /** Starts it, in a scope that is its life. Throws what Node does where it can't be started. */
  constructor(face: Lifecycle, settings: BridgeSettings, source: ThreadSource, host: ThreadHost, told: () => void) {
    const { maxInFlight } = settings
    this.path = face.path
    this.since = this.idleSince = scopeOf(face).clock.now()
    this.#host = host
    this.#told = told
    this.#slots = Array.from({ length: maxInFlight }, (_, at) => maxInFlight - 1 - at)
    const { worker, end } = source.start(this.path, this)
    this.#end = end
    ownThread(worker, this)
    this.body = new ThreadBody(face, worker, source.kind, settings, {
      onClosing: () => this.#closing(),
      onExit: (cause) => this.#lose(cause),
      onClosed: (isAbandoned) => {
        this.#lose(undefined)
        if (isAbandoned) host.onAbandoned(this)
      },
    })
  }

  get worker(): Worker {
    return this.body.worker
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  get calls(): readonly PendingCall[] {
    return [...this.#inFlight.values()]
  }

  /** How many events it has dropped. */
  get dropped(): number {
    return this.#end.dropped
  }

  /** Whether it can take a call now. */
  get hasRoom(): boolean {
    return this.state === 'ready' && this.#slots.length > 0
  }

  work(): string | undefined {
    const call = this.#inFlight.get(this.#end.begun)
    return call && workText(call)
  }

  carry(call: PendingCall): void {
    const seq = nextSeq(this.#seq)
    const slot = this.#slots.pop() as number
    this.#seq = seq
    call.thread = this
    call.seq = seq
    call.slot = slot
    if (!this.#isRefd) this.#ref()
    this.#inFlight.set(seq, call)
    call.credit = call.window
    const { method, args, transfer, window } = call
    try {
      if (call.stream === undefined) this.#end.send(seq, slot, method, args, transfer)
      else this.#end.stream(seq, slot, method, args, window, transfer)
    } catch (error) {
      // The list of arguments itself throws when it is read: nothing was sent.
      this.settled(seq, false, error)
    }
  }

  listen(): void {
    if (!this.#isLost) this.#end.drain()
  }

  isStuckIn(call: PendingCall): boolean {
    return this.#hasBegun(call) || !this.calls.some((other) => this.#hasBegun(other))
  }

  cancel(call: PendingCall, reason: unknown): void {
    this.#end.cancel(call.seq, call.slot, reason)
  }

  credit(call: PendingCall, count: number): void {
    this.#end.credit(call.seq, count)
  }

  consumed(count: number): void {
    this.#end.consumed(count)
  }

  /** Takes no more calls. Resolves when none is left in it. */
  drain(): Promise<void> {
    if (this.state === 'ready') this.state = 'draining'
    return new Promise((resolve) => {
      if (this.#inFlight.size === 0 || this.#isLost) resolve()
      else this.#onEmpty = resolve
    })
  }

  condemned(why: string, cause?: unknown): void {
    if (this.#isLost) return
    this.body.condemn(why)
    if (!this.body.hasServed) return // Its start has failed: no other follows at once.
    this.#lose(terminatedFor(this.path, why, cause))
    this.#host.onStuck(this)
  }

  ready(methods: readonly string[]): void {
    this.body.served()
    if (this.state !== 'starting') return
    this.methods = new Set(methods)
    this.state = 'ready'
    this.#told()
    this.#unref()
    this.#host.onServing(this)
  }

  settled(seq: number, isValue: boolean, value: unknown): void {
    const call = this.#inFlight.get(seq)
    if (call === undefined) return
    this.#inFlight.delete(seq)
    this.#slots.push(call.slot)
    this.finished += 1
    this.#host.onSettled(call, isValue, value)
    if (this.#inFlight.size === 0) this.#empty()
  }

  refused(seq: number, refusal: Refusal): void {
    const call = this.#inFlight.get(seq)
    if (call !== undefined) this.settled(seq, false, refusedCall(this.path, call, refusal))
  }

  item(seq: number, value: unknown): void {
    const call = this.#inFlight.get(seq)
    if (call !== undefined) this.#host.onItem(call, value)
  }

  event(seq: number, name: string, value: unknown): void {
    this.#host.onEvent(this, this.#inFlight.get(seq), name, value)
  }

  /** Whether its handler was called, as far as can be known from outside. */
  #hasBegun(call: PendingCall): boolean {
    return !isLater(call.seq, this.#end.begun)
  }

  #empty(): void {
    this.#onEmpty?.()
    this.#host.onIdle(this)
    // Whoever has just got an answer may make the next call with it.
    queueMicrotask(this.#rest)
  }

  readonly #rest = (): void => {
    if (this.#inFlight.size === 0) this.#unref()
  }

  /** It keeps the process alive as long as it has something to do. */
  #ref(): void {
    this.#isRefd = true
    this.#end.ref()
    this.worker.ref()
  }

  #unref(): void {
    if (!this.#isRefd || this.#isLost) return
    this.#isRefd = false
    this.#end.unref()
    this.worker.unref()
  }

  /** It was asked to end, or nobody needs it any more. */
  #closing(): void {
    this.state = 'stopping'
    // Whoever waits for its exit must not be alone with it.
    if (!this.#isRefd) this.#ref()
  }

  /** Nothing comes from it any more: what was in it is lost, or can be given to others. */
  #lose(cause: unknown): void {
    if (this.#isLost) return
    this.state = 'stopping'
    this.listen()
    this.#isLost = true
    const { calls } = this
    // While it lives it must not begin what is given to others. Either it sees that or we see that it has begun it.
    for (const call of calls) if (!this.#hasBegun(call)) this.#end.cancel(call.seq, call.slot, undefined)
    const begun: PendingCall[] = []
    const others: PendingCall[] = []
    for (const call of calls) (this.#hasBegun(call) ? begun : others).push(call)
    this.#inFlight.clear()
    this.#end.close()
    this.#onEmpty?.()
    this.#host.onLost(this, begun, others, cause)
  }
}
