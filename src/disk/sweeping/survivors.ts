/** What is compared and counted of what a rule keeps. */
interface Kept {
  readonly modified: number
  readonly size: number
}

/** How many a rule may keep, and what is not to be touched. */
interface Limits {
  readonly maxCount: number
  readonly maxTotalSize: number
  /** What was modified after this moment stays. */
  readonly protectedAfter: number
}

/** What must go, and because of which limit. */
interface Excess<T> {
  readonly one: T
  readonly reason: 'count' | 'size'
}

/** How many are remembered at most: beyond that the newest are only counted, which are the last to go. */
const REMEMBERED = 100_000

/**
 * What a rule with a `maxCount` or `maxTotalSize` keeps, as it is found. As soon as that is too much, the oldest goes:
 * whatever is found later can make it only more. So only what stays is remembered, by its age.
 */
export class Survivors<T extends Kept> {
  readonly #limits: Limits
  readonly #remembered: number
  /** A heap: the oldest stands first, and each before the two that it is older than. */
  readonly #heap: T[] = []
  #count = 0
  #size = 0
  /** Of those that are only counted, the oldest. */
  #horizon = Number.POSITIVE_INFINITY
  /** Of those that had to go, the newest: what is older, and comes later, goes too. */
  #cut = Number.NEGATIVE_INFINITY
  #reason: 'count' | 'size' = 'count'

  constructor(limits: Limits, remembered = REMEMBERED) {
    this.#limits = limits
    this.#remembered = remembered
  }

  /** One more was found. Gives those that must go, the oldest first. */
  add(one: T): readonly Excess<T>[] {
    if (one.modified < this.#cut) return [{ one, reason: this.#reason }]
    this.#count += 1
    this.#size += one.size
    if (one.modified < this.#horizon) this.#push(one)
    const gone: Excess<T>[] = []
    for (;;) {
      const reason = this.#excess()
      const oldest = this.#heap[0]
      if (reason === undefined || oldest === undefined || oldest.modified > this.#limits.protectedAfter) break
      this.#shift()
      this.#count -= 1
      this.#size -= oldest.size
      this.#cut = oldest.modified
      this.#reason = reason
      gone.push({ one: oldest, reason })
    }
    if (this.#heap.length > this.#remembered) this.#forget()
    return gone
  }

  #excess(): 'count' | 'size' | undefined {
    if (this.#count > this.#limits.maxCount) return 'count'
    return this.#size > this.#limits.maxTotalSize ? 'size' : undefined
  }

  /** Forgets the newer half. A sorted array is a heap. */
  #forget(): void {
    this.#heap.sort((one, other) => one.modified - other.modified)
    const half = Math.ceil(this.#heap.length / 2)
    this.#horizon = this.#age(half)
    this.#heap.length = half
  }

  #push(one: T): void {
    let at = this.#heap.push(one) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (this.#age(above) <= one.modified) break
      this.#swap(at, above)
      at = above
    }
  }

  #shift(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      const older = this.#age(left + 1) < this.#age(left) ? left + 1 : left
      if (this.#age(older) >= this.#age(at)) break
      this.#swap(at, older)
      at = older
    }
  }

  #age(at: number): number {
    return this.#heap[at]?.modified ?? Number.POSITIVE_INFINITY
  }

  #swap(one: number, other: number): void {
    const [first, second] = [this.#heap[one], this.#heap[other]] as [T, T]
    this.#heap[one] = second
    this.#heap[other] = first
  }
}
