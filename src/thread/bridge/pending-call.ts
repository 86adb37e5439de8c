import type { Transferable } from 'node:worker_threads'
import type { ClockTimer } from '../../lifecycle/clock.ts'
import type { CallStream } from '../wire/call-stream.ts'

/** Where a call stands: it waits, it was sent to a thread, its caller has gone while it runs, or all is over. */
export const QUEUED = 0
/** See {@link QUEUED}. */
export const RUNNING = 1
/** See {@link QUEUED}. */
export const CANCELLING = 2
/** See {@link QUEUED}. */
export const OVER = 3

/** The calls of one priority that wait, in order. */
export interface Bucket {
  readonly priority: number
  first: PendingCall | undefined
  last: PendingCall | undefined
}

/** A list of calls whose time runs out. */
export interface Ages {
  remove(call: PendingCall): void
}

/** The thread that has a call, as the call's fate needs it. */
export interface Carrier {
  readonly path: string
  /** Whether it serves that method; if not, `methods` says what it serves. */
  readonly methods: ReadonlySet<string>
  /** Takes a call. There must be a free place. */
  carry(call: PendingCall): void
  /** Takes what it has said, and has not been heard yet. */
  listen(): void
  /** Whether it is that call that holds it up: it was begun, or could have been, since nothing else was. */
  isStuckIn(call: PendingCall): boolean
  /** Tells a call that it is to end. */
  cancel(call: PendingCall, reason: unknown): void
  /** So many more values may come. */
  credit(call: PendingCall, count: number): void
  /** Ends the thread, since that call does not end. */
  condemned(why: string): void
}

/**
 * One call from its making to its end. It is the only object of a call besides its promise: queue and lists are chains of
 * these.
 */
export class PendingCall {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
  readonly priority: number
  /** When it was made. */
  readonly since: number
  /** Those of the promise that its caller has. */
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  state: typeof QUEUED | typeof RUNNING | typeof CANCELLING | typeof OVER = QUEUED
  transfer: readonly Transferable[] | undefined = undefined
  /** How many ms it may wait, and run; `undefined` for what the bridge allows. */
  queueTimeout: number | undefined = undefined
  timeout: number | undefined = undefined
  signal: AbortSignal | undefined = undefined
  onAbort: (() => void) | undefined = undefined
  /** Who hears what it tells. */
  onEvent: ((name: string, value: unknown) => void) | undefined = undefined
  /** Where its values go, if it has many. */
  stream: CallStream<unknown> | undefined = undefined
  /** How many values its thread may send at first, and as things stand. */
  window = 0
  credit = 0
  /** The thread that has it, its number and its place there. */
  thread: Carrier | undefined = undefined
  seq = 0
  slot = 0
  /** Its neighbours in the queue. */
  bucket: Bucket | undefined = undefined
  previous: PendingCall | undefined = undefined
  next: PendingCall | undefined = undefined
  /** Its neighbours among those whose time runs out, and from when on that counts: NaN where it does not. */
  ages: Ages | undefined = undefined
  older: PendingCall | undefined = undefined
  younger: PendingCall | undefined = undefined
  at = Number.NaN
  /** The timer of a call with a time of its own. */
  timer: ClockTimer | undefined = undefined

  constructor(
    id: number,
    method: string,
    args: readonly unknown[],
    priority: number,
    since: number,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.id = id
    this.method = method
    this.args = args
    this.priority = priority
    this.since = since
    this.resolve = resolve
    this.reject = reject
  }

  /** It could not be made, or is given up: of a stream, what has come and was not taken is dropped. */
  refuse(reason: unknown): void {
    if (this.stream === undefined) this.reject(reason)
    else this.stream.abort(reason)
  }

  /** It tells an event. */
  tell(name: string, value: unknown): void {
    if (this.state === RUNNING) this.onEvent?.(name, value)
  }

  /** Nobody listens to its signal any more. */
  unlisten(): void {
    if (this.onAbort === undefined) return
    this.signal?.removeEventListener('abort', this.onAbort)
    this.onAbort = undefined
  }
}
