import { Inbox } from './inbox.ts'

/** What a {@link CallStream} asks of its bridge. */
export interface StreamSource {
  /** The consumer has taken so many values: as many more may come. */
  credit(count: number): void
  /** The consumer wants no more: the call is to end. Called once at most, and not after the stream has ended. */
  cancel(): void
}

/**
 * The values of one call, as its consumer sees them. No more than a window of them is under way or waits here: the
 * handler in the thread is held at its `yield` until the consumer has taken some.
 */
export class CallStream<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #source: StreamSource
  readonly #inbox = new Inbox<T>(() => this.#onTaken())
  readonly #batch: number
  /** How many were taken since the last credit. */
  #taken = 0

  /** @param window how many values may be under way; the call is sent with as many credits. */
  constructor(source: StreamSource, window: number) {
    this.#source = source
    this.#batch = Math.ceil(window / 2)
  }

  /** The bridge's: the next value has come. */
  push(value: T): void {
    this.#inbox.push(value)
  }

  /** The bridge's: the handler has returned this. What waits is delivered before. */
  finish(value: unknown): void {
    this.#inbox.finish(value)
  }

  /** The bridge's: the handler has thrown this. What waits is delivered before. */
  fail(error: unknown): void {
    this.#inbox.fail(error)
  }

  /** The bridge's: the call was aborted, or lost. What waits is dropped. */
  abort(reason: unknown): void {
    this.#inbox.clear()
    this.#inbox.fail(reason)
  }

  next(): Promise<IteratorResult<T, unknown>> {
    return this.#inbox.next()
  }

  /** Ends the call if it has not ended, as `break` does. What has come and was not taken is dropped. */
  async return(value?: unknown): Promise<IteratorResult<T, unknown>> {
    const { ended } = this.#inbox
    this.#inbox.clear()
    this.#inbox.finish(undefined)
    if (!ended) this.#source.cancel()
    return { done: true, value }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #onTaken(): void {
    this.#taken += 1
    if (this.#taken < this.#batch || this.#inbox.ended) return
    const count = this.#taken
    this.#taken = 0
    this.#source.credit(count)
  }
}
