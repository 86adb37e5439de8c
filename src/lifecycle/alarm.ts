import type { Clock, ClockTimer } from './clock.ts'

/**
 * One timer that serves many waits in a row. A wait that ends before an armed timer fires costs nothing: the timer
 * rings early, and whoever is rung looks at the clock and sets it anew.
 */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #timer: ClockTimer | undefined = undefined
  #at = 0

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings at that moment at the latest. */
  set(moment: number, now: number): void {
    if (this.#timer !== undefined) {
      if (this.#at <= moment) return
      this.clear()
    }
    this.#at = moment
    this.#timer = this.#clock.setTimeout(
      () => {
        this.#timer = undefined
        this.#ring()
      },
      Math.max(0, moment - now),
    )
  }

  clear(): void {
    if (this.#timer === undefined) return
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
