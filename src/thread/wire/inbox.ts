interface Taker<T> {
  resolve(result: IteratorResult<T, unknown>): void
  reject(error: unknown): void
}

/** Values in the order in which they came, for a consumer that asks for one after another. */
export class Inbox<T> {
  readonly #onTaken: (value: T) => void
  /** What waits, from `#first` on: taking from the front of a long list would move all the rest. */
  #values: T[] = []
  #first = 0
  /** Those who ask while nothing waits. */
  readonly #takers: Taker<T>[] = []
  #ended = false
  /** What comes after the last value, until somebody has been told. */
  #end: ((taker: Taker<T>) => void) | undefined = undefined

  /** @param onTaken told of each value that the consumer takes. */
  constructor(onTaken: (value: T) => void) {
    this.#onTaken = onTaken
  }

  /** How many values wait. */
  get size(): number {
    return this.#values.length - this.#first
  }

  /** Whether nothing comes any more; what waits may still be taken. */
  get ended(): boolean {
    return this.#ended
  }

  /** Once it has ended, a value is ignored. */
  push(value: T): void {
    if (this.#ended) return
    const taker = this.#takers.shift()
    if (taker === undefined) this.#values.push(value)
    else {
      this.#onTaken(value)
      taker.resolve({ done: false, value })
    }
  }

  /** Takes the value that has waited longest, of which there must be one. */
  shift(): T {
    const value = this.#values[this.#first] as T
    this.#values[this.#first] = undefined as T
    this.#first += 1
    if (this.#first * 2 > this.#values.length) {
      this.#values = this.#values.slice(this.#first)
      this.#first = 0
    }
    return value
  }

  /** Takes all that waits. */
  clear(): readonly T[] {
    const values = this.#values.slice(this.#first)
    this.#values = []
    this.#first = 0
    return values
  }

  /** Nothing comes any more. What waits can be taken; then comes `value`, once, as what the iterator returns. */
  finish(value: unknown): void {
    this.#close((taker) => taker.resolve({ done: true, value }))
  }

  /** As `finish`, with an error. */
  fail(error: unknown): void {
    this.#close((taker) => taker.reject(error))
  }

  /** The next value, now or when it comes. */
  next(): Promise<IteratorResult<T, unknown>> {
    if (this.size > 0) {
      const value = this.shift()
      this.#onTaken(value)
      return Promise.resolve({ done: false, value })
    }
    return new Promise((resolve, reject) => {
      if (this.#ended) this.#tellEnd({ resolve, reject })
      else this.#takers.push({ resolve, reject })
    })
  }

  #close(end: (taker: Taker<T>) => void): void {
    if (this.#ended) return
    this.#ended = true
    this.#end = end
    for (const taker of this.#takers.splice(0)) this.#tellEnd(taker)
  }

  #tellEnd(taker: Taker<T>): void {
    const end = this.#end ?? (({ resolve }: Taker<T>) => resolve({ done: true, value: undefined }))
    this.#end = undefined
    end(taker)
  }
}
