import type { MessagePort } from 'node:worker_threads'
import { wrongType } from '../../lifecycle/check.ts'
import type { ErrorCode } from '../../lifecycle/errors.ts'
import {
  type Calls,
  type Hello,
  ITEM,
  REFUSED,
  RESULT,
  THROWN,
  type ToBridge,
  type ToThread,
} from '../wire/messages.ts'
import { packWhole, uncloneable, unpack } from '../wire/packed.ts'
import { BEGUN } from '../wire/shared.ts'
import type { Call } from './call.ts'
import { EventRoom } from './event-room.ts'
import { Outbox } from './outbox.ts'
import { ServedCall } from './served-call.ts'
import { ServedStream, valuesOf } from './served-stream.ts'
import { Transferred } from './transferred.ts'

/** What does the work: called with the call as its `this`. */
export type Handler = (this: Call, ...args: never[]) => unknown

/** The thread's end of the port to its bridge. */
export class ThreadEnd {
  readonly words: Int32Array<SharedArrayBuffer>
  readonly #port: MessagePort
  readonly #handlers: ReadonlyMap<string, Handler>
  readonly #outbox: Outbox
  readonly #room: EventRoom
  /** Those that have begun and are not over when their handler returns. */
  readonly #running = new Map<number, ServedCall>()
  #onIdle: (() => void) | undefined = undefined

  constructor({ port, words }: Hello, handlers: ReadonlyMap<string, Handler>) {
    this.#port = port
    this.words = words
    this.#handlers = handlers
    this.#room = new EventRoom(words)
    this.#outbox = new Outbox(port, (seq) => this.#leave(seq)?.cancel(undefined))
    port.on('message', (message: Calls | ToThread) => {
      if ('type' in message) this.#heed(message)
      else this.#outbox.during(() => this.#begin(message))
    })
    const ready: ToBridge = { type: 'ready', methods: [...handlers.keys()] }
    port.postMessage(ready)
  }

  /** Says something to whoever listens; `seq` is 0 outside of a call. False where there is no room. */
  emit(seq: number, name: string, value: unknown): boolean {
    if (typeof name !== 'string') throw wrongType('name', 'the name of the event', name)
    if (!this.#room.take()) return false
    const isMoved = value instanceof Transferred
    try {
      if (isMoved) this.#outbox.tell(seq, name, value.value, value.list)
      else this.#outbox.tell(seq, name, value)
      return true
    } catch (cause) {
      this.#room.giveBack()
      const message = uncloneable(`The value of the event '${name}'`, isMoved ? value.value : value, cause)
      throw Object.assign(new TypeError(message, { cause }), { code: 'ERR_UNCLONEABLE' satisfies ErrorCode })
    }
  }

  /** Resolves when there is room for an event, or `call` is cancelled. */
  drained(call?: ServedCall): Promise<void> {
    return this.#room.drained(call)
  }

  /** A call is cancelled: it may be waiting for room. */
  wake(): void {
    this.#room.resume()
  }

  /** Sends what waits to be sent. */
  flush(): void {
    this.#outbox.flush()
  }

  /** Cancels what runs, and calls `over` when all of it has let go. */
  cancelAll(reason: unknown, over: () => void): void {
    for (const call of this.#running.values()) call.cancel(reason)
    if (this.#running.size === 0) over()
    else this.#onIdle = over
  }

  /** Says what there is to say. After that it keeps the thread alive no longer. */
  close(): void {
    this.flush()
    this.#port.close()
  }

  #heed(message: ToThread): void {
    if (message.type === 'resume') this.#room.resume()
    else if (message.type === 'cancel') this.#running.get(message.seq)?.cancel(unpack(message.reason))
    else this.#running.get(message.seq)?.stream?.add(message.count)
  }

  #begin(calls: Calls): void {
    for (let at = 0; at < calls.length; ) {
      const first = at + 4
      const next = first + (calls[at + 3] as number)
      const place = calls[at + 1] as number
      const call = new ServedCall(this, calls[at] as number, place < 0 ? -1 - place : place, calls[at + 2] as string)
      this.#run(call, place < 0, calls.slice(first, next))
      at = next
    }
  }

  #run(call: ServedCall, isStream: boolean, args: readonly unknown[]): void {
    // In this order: whoever cancels a call and then sees that it has not been begun can give it to another thread.
    Atomics.store(this.words, BEGUN, call.seq)
    if (call.cancelled) return this.#fail(call, call.reason)
    const handler = this.#handlers.get(call.method)
    if (handler === undefined) return this.#refuse(call, 'ERR_UNKNOWN_METHOD', this.#unknown(call))
    try {
      if (isStream) this.#stream(call, Reflect.apply(handler, call, args.slice(1)), args[0] as number)
      else {
        const result = Reflect.apply(handler, call, args)
        if (isThenable(result)) this.#follow(call, result)
        else this.#answer(call, RESULT, result)
      }
    } catch (error) {
      this.#fail(call, error)
    }
  }

  #stream(call: ServedCall, result: unknown, credit: number): void {
    const values = valuesOf(result)
    if (values === undefined) throw new TypeError(`${call.method}() is called as a stream, but returns no iterator.`)
    call.stream = new ServedStream(call, values, credit)
    this.#follow(
      call,
      call.stream.run((value) => this.#answer(call, ITEM, value)),
    )
  }

  /** Never rejects. By `await`, which asks nothing of a `Promise` that the thread's own code may have replaced. */
  async #follow(call: ServedCall, result: PromiseLike<unknown>): Promise<void> {
    this.#running.set(call.seq, call)
    try {
      const value = await result
      if (this.#leave(call.seq)) this.#answer(call, RESULT, value)
    } catch (error) {
      if (this.#leave(call.seq)) this.#fail(call, error)
    }
  }

  /** It is over: `undefined` where it was before. */
  #leave(seq: number): ServedCall | undefined {
    const call = this.#running.get(seq)
    this.#running.delete(seq)
    if (this.#running.size === 0) this.#onIdle?.()
    return call
  }

  #answer({ seq, method }: ServedCall, kind: number, value: unknown): void {
    if (value instanceof Transferred) this.#outbox.move(seq, kind, value.value, value.list, method)
    else this.#outbox.add(seq, kind, value, method)
  }

  #fail(call: ServedCall, thrown: unknown): void {
    try {
      this.#outbox.add(call.seq, THROWN, packWhole(thrown), call.method)
    } catch (cause) {
      this.#refuse(call, 'ERR_UNCLONEABLE', uncloneable(`What ${call.method}() threw`, thrown, cause))
    }
  }

  #refuse({ seq, method }: ServedCall, code: ErrorCode, message: string): void {
    this.#outbox.add(seq, REFUSED, [code, message], method)
  }

  #unknown({ method }: ServedCall): string {
    return `There is no method '${method}' here, only ${[...this.#handlers.keys()].join(', ')}.`
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
