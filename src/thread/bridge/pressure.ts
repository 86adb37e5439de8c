import { Latch } from '../../lifecycle/supervision/latch.ts'

/** Says when a queue fills and when it has room again: at two marks, so that it does not say so at every call. */
export class Pressure {
  readonly #high: number
  readonly #low: number
  readonly #changed: (state: 'high' | 'low') => void
  readonly #room = new Latch()
  #isHigh = false
  #isFull = false

  /** @param changed told when there are `high` or more, and when there are `low` or fewer after that. */
  constructor(high: number, low: number, changed: (state: 'high' | 'low') => void) {
    this.#high = high
    this.#low = low
    this.#changed = changed
    this.#room.open()
  }

  /** Resolves when there are `low` or fewer. */
  get room(): Promise<void> {
    return this.#room.passed
  }

  /** So many wait now. */
  set(size: number): void {
    if (size > this.#low !== this.#isFull) {
      this.#isFull = !this.#isFull
      if (this.#isFull) this.#room.shut()
      else this.#room.open()
    }
    if (this.#isHigh ? size > this.#low : size < this.#high) return
    this.#isHigh = !this.#isHigh
    this.#changed(this.#isHigh ? 'high' : 'low')
  }

  /** Nobody needs to wait any more. */
  refuse(error: unknown): void {
    this.#room.refuse(error)
  }
}
