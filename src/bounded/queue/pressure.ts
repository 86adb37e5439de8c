/** Says when something fills and when it has room again: at two marks, so that it does not say so with every item. */
export class Pressure {
  readonly #high: number
  readonly #low: number
  readonly #changed: (state: 'high' | 'low') => void
  #isHigh = false

  /** @param changed told when there are `high` or more, and when there are `low` or fewer after that. */
  constructor(high: number, low: number, changed: (state: 'high' | 'low') => void) {
    this.#high = high
    this.#low = low
    this.#changed = changed
  }

  /** There are so many now. */
  set(size: number): void {
    if (this.#isHigh ? size > this.#low : size < this.#high) return
    this.#isHigh = !this.#isHigh
    this.#changed(this.#isHigh ? 'high' : 'low')
  }
}
