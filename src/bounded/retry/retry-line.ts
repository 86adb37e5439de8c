/** An item that waits to be saved. */
export class RetryEntry<T> {
  readonly key: string
  item: T
  /** When the key was added, in ms since 1970. */
  since: number
  /** Its line in the file, where there is one. */
  text: string
  /** How many attempts this item has had. */
  attempts = 0
  /** Counts the items under this key: what saves one of them has not saved the next. */
  version = 0
  isGone = false
  previous: RetryEntry<T> | undefined = undefined
  next: RetryEntry<T> | undefined = undefined

  constructor(key: string, item: T, since: number, text: string) {
    this.key = key
    this.item = item
    this.since = since
    this.text = text
  }
}

/**
 * What waits to be saved, in order of coming, and whose turn it is. Adding, finding, taking out and passing the turn on
 * cost the same however many wait. (The first key of a Map is found by passing all that have been deleted before it.)
 */
export class RetryLine<T> {
  readonly #byKey = new Map<string, RetryEntry<T>>()
  /**
   * What is being saved, by its key. It may have left the line since, and another of its key come: that waits, or the
   * older of the two might be the last to be saved.
   */
  readonly saving = new Map<string, RetryEntry<T>>()
  #first: RetryEntry<T> | undefined = undefined
  #last: RetryEntry<T> | undefined = undefined
  /** Who had his turn last; it goes on behind him, without one at the front. */
  #passed: RetryEntry<T> | undefined = undefined

  get size(): number {
    return this.#byKey.size
  }

  get(key: string): RetryEntry<T> | undefined {
    return this.#byKey.get(key)
  }

  /** Adds one at the end. There must be none of that key. */
  append(entry: RetryEntry<T>): void {
    this.#byKey.set(entry.key, entry)
    entry.previous = this.#last
    if (this.#last === undefined) this.#first = entry
    else this.#last.next = entry
    this.#last = entry
  }

  /** Adds one at the front; where its key is there already, that item is the newer one, and only moves. */
  prepend(entry: RetryEntry<T>): void {
    const newer = this.#byKey.get(entry.key)
    const { since } = entry
    if (newer !== undefined) this.#unlink(newer)
    const first = newer ?? entry
    first.since = since
    this.#byKey.set(first.key, first)
    first.previous = undefined
    first.next = this.#first
    if (this.#first === undefined) this.#last = first
    else this.#first.previous = first
    this.#first = first
  }

  remove(entry: RetryEntry<T>): void {
    if (entry.isGone) return
    entry.isGone = true
    this.#byKey.delete(entry.key)
    this.#unlink(entry)
  }

  /** The one to give up: the oldest that is not being saved right now, else the oldest. */
  oldest(): RetryEntry<T> | undefined {
    for (let entry = this.#first; entry !== undefined; entry = entry.next) if (!this.saving.has(entry.key)) return entry
    return this.#first
  }

  /** Whose turn it is to be saved: nobody's where all are being saved. */
  upNext(): RetryEntry<T> | undefined {
    const passed = this.#passed
    for (let entry = passed?.next; entry !== undefined; entry = entry.next)
      if (!this.saving.has(entry.key)) return entry
    for (let entry = this.#first; entry !== undefined; entry = entry.next) {
      if (!this.saving.has(entry.key)) return entry
      if (entry === passed) break
    }
    return undefined
  }

  /** The turn goes on behind this one, so that one that can't be saved holds up nobody else. */
  passOn(entry: RetryEntry<T>): void {
    if (!entry.isGone) this.#passed = entry
  }

  /** In order of coming. */
  *[Symbol.iterator](): Generator<RetryEntry<T>, void, undefined> {
    for (let entry = this.#first; entry !== undefined; entry = entry.next) yield entry
  }

  #unlink(entry: RetryEntry<T>): void {
    const { previous, next } = entry
    if (this.#passed === entry) this.#passed = previous
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    entry.previous = undefined
  }
}
