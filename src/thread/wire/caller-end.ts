import type { MessagePort, Transferable, Worker } from 'node:worker_threads'
import { builtin } from '../../lifecycle/builtin.ts'
import { isObject } from '../../lifecycle/check.ts'
import type { ErrorCode } from '../../lifecycle/errors.ts'
import {
  type Answers,
  EVENT,
  type Hello,
  ITEM,
  REFUSED,
  RESULT,
  THROWN,
  type ToBridge,
  type ToThread,
} from './messages.ts'
import { type Packed, pack, uncloneable, unpack } from './packed.ts'
import { BEGUN, DROPPED, POSTED, ROOM, SLOTS, sharedWords, TAKEN, WAITING } from './shared.ts'

/** Why a call was not made, or why its result cannot come: no fault of the handler's. */
export interface Refusal {
  /** `ERR_UNCLONEABLE` (an argument, or the result) or `ERR_UNKNOWN_METHOD`. */
  readonly code: ErrorCode
  /** Whole sentences, ready for a BridgeError. */
  readonly message: string
  /** What the engine said, where it was asked on this side. */
  readonly cause?: unknown
}

/** What a {@link CallerEnd} tells its bridge. All come in the order in which the thread said them. */
export interface CallerHooks {
  /** The thread serves these methods. */
  ready(methods: readonly string[]): void
  /** The call has ended: with a value, or with what was thrown. A cancelled one ends, too: its slot is free. */
  settled(seq: number, isValue: boolean, value: unknown): void
  /** The call has ended: it was not made, and maybe not even sent, or its result cannot be sent. Its slot is free. */
  refused(seq: number, refusal: Refusal): void
  /** A call has told something; `seq` is 0 where the thread did, outside of a call. Answer with `consumed`. */
  event(seq: number, name: string, value: unknown): void
  /** The next value of a stream. */
  item(seq: number, value: unknown): void
}

/** Options of a {@link CallerEnd}. */
export interface CallerEndOptions {
  /** How many calls can be in the thread at once: slots are 0 to this - 1. */
  readonly slots: number
  /** Path of the thread. */
  readonly name: string
  /** How many events may be under way: posted and not yet consumed. */
  readonly maxEvents: number
}

/** The bridge's end of the port to one of its threads. */
export class CallerEnd {
  readonly #port: MessagePort
  readonly #words: Int32Array<SharedArrayBuffer>
  readonly #hooks: CallerHooks
  /** What waits for the end of this turn: see `Calls`. */
  #out: unknown[] = []
  /** Whether there is an object among it. */
  #hasObject = false
  #isTurning = false
  readonly #onTurn = (): void => {
    this.#isTurning = false
    this.#flush()
  }

  /** Says hello, through the worker's own port. The port does not keep the process alive until `ref()`. */
  constructor(worker: Worker, { slots, name, maxEvents }: CallerEndOptions, hooks: CallerHooks) {
    const { MessageChannel } = builtin('node:worker_threads')
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#words = sharedWords(slots, maxEvents)
    this.#hooks = hooks
    port1.on('message', (message: Answers | ToBridge) => this.#receive(message))
    port1.unref()
    const hello: Hello = { type: 'endswell:bridge', port: port2, words: this.#words, name }
    worker.postMessage(hello, [port2])
  }

  /** Number of the call that was begun last in the thread; 0 before the first. See `isLater`. */
  get begun(): number {
    return Atomics.load(this.#words, BEGUN)
  }

  /** How many events the thread has dropped. */
  get dropped(): number {
    return Atomics.load(this.#words, DROPPED)
  }

  /**
   * Sends a call, in one message with all others of this turn. `seq` comes from `nextSeq`.
   *
   * @param slot a place that no other call in the thread has, until this one has settled or was refused.
   */
  send(seq: number, slot: number, method: string, args: readonly unknown[], transfer?: readonly Transferable[]): void {
    // What an earlier call in this slot was told may still stand there.
    if (this.#words[SLOTS + slot] !== 0) Atomics.store(this.#words, SLOTS + slot, 0)
    this.#call(seq, slot, method, args, transfer)
  }

  /** As `send`, for a call whose values come one by one: as many as it has credits. */
  stream(
    seq: number,
    slot: number,
    method: string,
    args: readonly unknown[],
    credit: number,
    transfer?: readonly Transferable[],
  ): void {
    Atomics.store(this.#words, SLOTS + slot, 0)
    this.#call(seq, -1 - slot, method, [credit, ...args], transfer)
  }

  /** Cancels a call. It settles when its handler has let go, however it ends; one not yet begun never begins. */
  cancel(seq: number, slot: number, reason: unknown): void {
    Atomics.store(this.#words, SLOTS + slot, seq)
    this.#tell({ type: 'cancel', seq, reason: pack(reason) })
  }

  /** So many more values of a stream may come. */
  credit(seq: number, count: number): void {
    this.#tell({ type: 'credit', seq, count })
  }

  /** So many events are under way no more. */
  consumed(count: number): void {
    const words = this.#words
    const left = (Atomics.load(words, POSTED) - Atomics.add(words, TAKEN, count) - count) | 0
    // Half of the room at once, so that a thread that waits is not woken for each.
    if (left * 2 <= (words[ROOM] as number) && Atomics.exchange(words, WAITING, 0) === 1) this.#tell({ type: 'resume' })
  }

  /** Takes what is still in the port, at once. Call it when the thread has exited: its last answers may come later. */
  drain(): void {
    const { receiveMessageOnPort } = builtin('node:worker_threads')
    for (let last = receiveMessageOnPort(this.#port); last !== undefined; last = receiveMessageOnPort(this.#port)) {
      this.#receive(last.message as Answers | ToBridge)
    }
  }

  /** Keeps the process alive. */
  ref(): void {
    this.#port.ref()
  }

  /** Lets the process end. */
  unref(): void {
    this.#port.unref()
  }

  /** From now on the hooks are told nothing, and nothing is sent. */
  close(): void {
    this.#out = []
    this.#port.close()
  }

  #call(
    seq: number,
    place: number,
    method: string,
    args: readonly unknown[],
    transfer?: readonly Transferable[],
  ): void {
    if (transfer !== undefined) {
      this.#flush()
      return this.#post([seq, place, method, args.length, ...args], transfer)
    }
    if (args.some(isObject)) {
      // Sent together, what two calls have in common would be one object in the thread: each gets a copy of its own.
      if (this.#hasObject) this.#flush()
      this.#hasObject = true
    }
    const out = this.#out
    out.push(seq, place, method, args.length)
    for (let at = 0; at < args.length; at += 1) out.push(args[at])
    if (this.#isTurning) return
    this.#isTurning = true
    queueMicrotask(this.#onTurn)
  }

  #flush(): void {
    const batch = this.#out
    if (batch.length === 0) return
    this.#out = []
    this.#hasObject = false
    try {
      this.#port.postMessage(batch)
    } catch {
      for (let at = 0; at < batch.length; ) {
        const end = at + 4 + (batch[at + 3] as number)
        this.#post(batch.slice(at, end))
        at = end
      }
    }
  }

  /** Sends one call by itself. */
  #post(call: unknown[], transfer: readonly Transferable[] = []): void {
    try {
      this.#port.postMessage(call, transfer)
    } catch (cause) {
      const [seq, place, method] = call as [number, number, string]
      const args = call.slice(place < 0 ? 5 : 4)
      const message = uncloneable(`The list of arguments of ${method}()`, args, cause)
      const refusal: Refusal = { code: 'ERR_UNCLONEABLE', message, cause }
      // Never while the caller is still sending.
      queueMicrotask(() => this.#hooks.refused(seq, refusal))
    }
  }

  #tell(message: ToThread): void {
    this.#port.postMessage(message)
  }

  #receive(message: Answers | ToBridge): void {
    if ('type' in message) return this.#hooks.ready(message.methods)
    for (let at = 0; at < message.length; at += 3) this.#answer(message[at] as number, message[at + 1], message[at + 2])
  }

  #answer(seq: number, kind: unknown, value: unknown): void {
    if (kind === RESULT) return this.#hooks.settled(seq, true, value)
    if (kind === ITEM) return this.#hooks.item(seq, value)
    if (kind === THROWN) return this.#hooks.settled(seq, false, unpack(value as Packed))
    const [word, content] = value as [string, unknown]
    if (kind === EVENT) this.#hooks.event(seq, word, content)
    else if (kind === REFUSED) this.#hooks.refused(seq, { code: word as ErrorCode, message: content as string })
  }
}
