import type { JobEntry } from './job-entry.ts'
import type { JobDropReason } from './job-options.ts'
import { Line } from './line.ts'

/** The jobs that there are, by id, and those that have ended in the order of their ends. */
export class JobShelf<T> {
  readonly #onGone: (entry: JobEntry<T>, reason: JobDropReason) => void
  readonly #entries = new Map<string, JobEntry<T>>()
  readonly #ended = new Line<JobEntry<T>>()

  /** @param onGone is told of each that left, when all is in order again: it may do here what it likes. */
  constructor(onGone: (entry: JobEntry<T>, reason: JobDropReason) => void) {
    this.#onGone = onGone
  }

  get size(): number {
    return this.#entries.size
  }

  get ended(): number {
    return this.#ended.size
  }

  get active(): number {
    return this.#entries.size - this.#ended.size
  }

  /** When the one ended that goes first, Infinity if none has. */
  get oldestEnd(): number {
    return this.#ended.first?.over ?? Number.POSITIVE_INFINITY
  }

  get(id: string): JobEntry<T> | undefined {
    return this.#entries.get(id)
  }

  all(): IterableIterator<JobEntry<T>> {
    return this.#entries.values()
  }

  /** Puts one in, in the place of one that had its id. */
  add(entry: JobEntry<T>): void {
    const old = this.#entries.get(entry.id)
    if (old !== undefined) this.#take(old)
    this.#entries.set(entry.id, entry)
    if (old !== undefined) this.#onGone(old, 'replace')
  }

  /** One has ended: it stands in line. */
  end(entry: JobEntry<T>): void {
    entry.place = this.#ended.push(entry)
  }

  drop(entry: JobEntry<T>, reason: JobDropReason): void {
    this.#take(entry)
    this.#onGone(entry, reason)
  }

  /** Drops those that ended first, until at most so many are left. */
  trim(max: number): void {
    for (let first = this.#ended.first; first && this.#ended.size > max; first = this.#ended.first) {
      this.drop(first, 'evict')
    }
  }

  /** Drops those that ended at that moment or before. Says how many that were. */
  clear(moment: number, reason: JobDropReason, signal?: AbortSignal): number {
    let cleared = 0
    for (let first = this.#ended.first; first && first.over <= moment; first = this.#ended.first) {
      if (signal?.aborted) break
      cleared += 1
      this.drop(first, reason)
    }
    return cleared
  }

  /** Lets go of all, and tells nobody. */
  empty(): void {
    this.#entries.clear()
    while (this.#ended.shift() !== undefined);
  }

  #take(entry: JobEntry<T>): void {
    this.#entries.delete(entry.id)
    if (entry.place !== undefined) this.#ended.remove(entry.place)
    entry.place = undefined
  }
}
