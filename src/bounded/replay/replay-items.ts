import { Ring } from '../queue/ring.ts'

/** An item with its number, as a reader gets it. */
export interface Replayed<T> {
  /** Its number, by which the next one is one more. */
  readonly id: number
  /** What was pushed. */
  readonly item: T
}

/** What there is from some number on. */
export interface Replay<T> {
  /** In order of their numbers. */
  readonly items: readonly Replayed<T>[]
  /** Whether something is missing before or between them: the reader must begin anew from another source. */
  readonly gap: boolean
  /** What to ask for next. */
  readonly next: number
}

/** An item that is kept; without one, the mark that it was never kept. */
interface Kept<T> {
  readonly item: T | undefined
  readonly wasKept: boolean
  readonly at: number
  readonly bytes: number
}

/** Items whose numbers follow one another. They leave only at the front, so a place says the number. */
export class ReplayItems<T> {
  readonly #ring = new Ring<Kept<T>>()
  /** Of the last one that was pushed. */
  #latest = 0
  #bytes = 0
  /** How many marks of items that were never kept there are. */
  #holes = 0

  get size(): number {
    return this.#ring.size - this.#holes
  }

  get places(): number {
    return this.#ring.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get latest(): number {
    return this.#latest
  }

  /** The number of the first place, in which there is one that was kept, or of the next to come. */
  get first(): number {
    return this.#latest - this.#ring.size + 1
  }

  /** When the first came. */
  get since(): number {
    return this.#ring.size === 0 ? Number.POSITIVE_INFINITY : this.#ring.at(0).at
  }

  push(item: T, at: number, bytes: number): void {
    this.#ring.push({ item, wasKept: true, at, bytes })
    this.#bytes += bytes
    this.#latest += 1
  }

  /** Counts an item that is not kept. Before the first that is, no mark is needed. */
  pass(): void {
    this.#latest += 1
    if (this.#ring.size === 0) return
    this.#ring.push({ item: undefined, wasKept: false, at: 0, bytes: 0 })
    this.#holes += 1
  }

  /** Takes the first out, which is one that was kept. There must be one. */
  shift(): Replayed<T> {
    const id = this.first
    const { item, bytes } = this.#ring.shift()
    this.#bytes -= bytes
    for (; this.#ring.size > 0 && !this.#ring.at(0).wasKept; this.#holes -= 1) this.#ring.shift()
    return { id, item: item as T }
  }

  /** From a number on, at most `limit`. A number that has not been given out is one of another life. */
  from(wanted: number, limit: number): Replay<T> {
    const isForeign = wanted > this.#latest + 1
    const start = isForeign ? this.first : Math.max(wanted, this.first)
    const items: Replayed<T>[] = []
    let gap = isForeign || Math.max(wanted, 1) < this.first
    let next = start
    for (; next <= this.#latest && items.length < limit; next += 1) {
      const { item, wasKept } = this.#ring.at(next - this.first)
      if (wasKept) items.push(Object.freeze({ id: next, item: item as T }))
      else gap = true
    }
    return Object.freeze({ items: Object.freeze(items), gap, next })
  }
}
