import type { QueueWaitOptions } from './queue-options.ts'

/** What is iterated over. */
interface Source<T> {
  /** Whether there is nothing more to come. */
  readonly isDrained: boolean
  take(options: QueueWaitOptions): Promise<T>
}

/**
 * Takes one item after another until the queue is closed and empty. It is no generator: leaving one that waits for an
 * item would have to wait for that item, too, and lose it.
 */
export class QueueIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #source: Source<T>
  readonly #left = new AbortController()

  constructor(source: Source<T>) {
    this.#source = source
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    const { signal } = this.#left
    if (signal.aborted) return { done: true, value: undefined }
    try {
      return { done: false, value: await this.#source.take({ signal }) }
    } catch (error) {
      if (signal.aborted || this.#source.isDrained) return { done: true, value: undefined }
      throw error
    }
  }

  /** Stops: who waits for an item is told that there is none, and takes none. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.#left.abort()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
