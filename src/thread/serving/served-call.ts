import { SLOTS } from '../wire/shared.ts'
import type { Call } from './call.ts'
import type { ServedStream } from './served-stream.ts'

/** What a call asks of its thread's end of the port. */
export interface Speaker {
  readonly words: Int32Array<SharedArrayBuffer>
  emit(seq: number, name: string, value: unknown): boolean
  /** Resolves when there is room for an event, or that call is cancelled. */
  drained(call: ServedCall): Promise<void>
  /** A call is cancelled: it may be waiting for room. */
  wake(): void
}

/** One call in its thread: the `this` of its handler. */
export class ServedCall implements Call {
  readonly seq: number
  readonly method: string
  /** Where its values come one by one. */
  stream: ServedStream | undefined = undefined
  readonly #speaker: Speaker
  readonly #slot: number
  #controller: AbortController | undefined = undefined
  /** Known when the caller's message has come. */
  #reason: unknown

  constructor(speaker: Speaker, seq: number, slot: number, method: string) {
    this.#speaker = speaker
    this.seq = seq
    this.#slot = slot
    this.method = method
  }

  get cancelled(): boolean {
    return Atomics.load(this.#speaker.words, SLOTS + this.#slot) === this.seq || this.#reason !== undefined
  }

  get signal(): AbortSignal {
    // The flag alone does not abort it: the caller's reason comes right after, and none other shall be in it.
    this.#controller ??= newController(this.#reason)
    return this.#controller.signal
  }

  /** Why it is cancelled. The flag is there before the caller's words are. */
  get reason(): unknown {
    return this.#reason ?? new DOMException(`The call of ${this.method}() was cancelled.`, 'AbortError')
  }

  throwIfCancelled(): void {
    if (this.cancelled) throw this.reason
  }

  emit(name: string, value: unknown): boolean {
    return this.#speaker.emit(this.seq, name, value)
  }

  async drained(): Promise<void> {
    await this.#speaker.drained(this)
  }

  /** The thread's: the caller, or whoever ends the thread, has said why it is to end. */
  cancel(reason: unknown): void {
    this.#reason ??= reason ?? this.reason
    this.#controller?.abort(this.#reason)
    this.stream?.wake()
    this.#speaker.wake()
  }
}

function newController(reason: unknown): AbortController {
  const controller = new AbortController()
  if (reason !== undefined) controller.abort(reason)
  return controller
}
