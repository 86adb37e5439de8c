/**
 * A sliding window over restarts: it says when there were too many of them in too short a time. It keeps as many moments
 * as it allows, each written over by the one that comes `max` later, so it never grows and never counts anew.
 *
 * @example
 * ```ts
 * const intensity = new Intensity(2, 1_000)
 * intensity.allows(0) // true
 * intensity.allows(400) // true
 * intensity.allows(1_000) // false: a third one within a second
 * intensity.allows(1_001) // true: the first is too long ago
 * ```
 */
export class Intensity {
  readonly max: number
  readonly period: number
  /** The moments of the last `max` restarts, as a ring. */
  readonly #moments: number[] = []
  /** Where the oldest of them stands, once all places are taken. */
  #oldest = 0

  /**
   * @param max how many restarts are allowed within `period`: a whole number, or Infinity.
   * @param period in ms.
   */
  constructor(max: number, period: number) {
    this.max = max
    this.period = period
  }

  /** What was too much where it says no. */
  toString(): string {
    return `more than ${this.max} times within ${this.period} ms`
  }

  /** Whether one more restart at the moment `now` is allowed. It counts only if it is. */
  allows(now: number): boolean {
    if (this.max === Number.POSITIVE_INFINITY) return true
    if (this.#moments.length < this.max) {
      this.#moments.push(now)
      return true
    }
    // As in OTP, what lies exactly one period back is still inside. Of a window for none there is no oldest.
    const oldest = this.#moments[this.#oldest] ?? now
    if (now - oldest <= this.period) return false
    this.#moments[this.#oldest] = now
    this.#oldest = (this.#oldest + 1) % this.max
    return true
  }
}
