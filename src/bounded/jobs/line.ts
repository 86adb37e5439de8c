/** The place of a value in a {@link Line}, by which it leaves that from anywhere. */
export interface Place<T> {
  readonly value: T
  previous: Place<T> | undefined
  next: Place<T> | undefined
}

/** First in, first out, and out of the middle as quickly: a map's keys would be walked over all that were deleted. */
export class Line<T> {
  #first: Place<T> | undefined = undefined
  #last: Place<T> | undefined = undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The one that has been in it for longest. */
  get first(): T | undefined {
    return this.#first?.value
  }

  push(value: T): Place<T> {
    const place: Place<T> = { value, previous: this.#last, next: undefined }
    if (this.#last === undefined) this.#first = place
    else this.#last.next = place
    this.#last = place
    this.#size += 1
    return place
  }

  /** Takes one out that is in it. */
  remove({ previous, next }: Place<T>): void {
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    this.#size -= 1
  }

  shift(): T | undefined {
    const place = this.#first
    if (place !== undefined) this.remove(place)
    return place?.value
  }
}
