import { ENDED, type Entry } from './entry.ts'

/** Entries from which the newest that is still there can be taken, in O(log n): a binary heap by serial number. */
export class NewestFirst {
  readonly #heap: Entry[] = []

  add(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!this.#swapped(above, at)) return
      at = above
    }
  }

  /** Takes the newest out; entries that have ended meanwhile are dropped. */
  take(): Entry | undefined {
    const heap = this.#heap
    const newest = heap[0]
    const last = heap.pop()
    if (newest === undefined || last === undefined) return undefined
    if (newest !== last) {
      heap[0] = last
      this.#sink()
    }
    return newest.state === ENDED ? this.take() : newest
  }

  /** Drops all. */
  clear(): void {
    this.#heap.length = 0
  }

  #sink(): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const newer = this.#serial(left + 1) > this.#serial(left) ? left + 1 : left
      if (!this.#swapped(at, newer)) return
      at = newer
    }
  }

  /** Swaps two places where the lower one is newer than the upper. */
  #swapped(above: number, below: number): boolean {
    const upper = this.#heap[above]
    const lower = this.#heap[below]
    if (upper === undefined || lower === undefined || upper.serial > lower.serial) return false
    this.#heap[above] = lower
    this.#heap[below] = upper
    return true
  }

  #serial(at: number): number {
    return this.#heap[at]?.serial ?? 0
  }
}
