import { LONGEST_TIMEOUT } from './check.ts'
import type { Clock, ClockTimer } from './clock.ts'

/** Options of {@link Alarm}. */
export interface AlarmOptions {
  /** Whether the armed timer keeps the process alive. Default: true. */
  ref?: boolean
}

/**
 * One timer that serves many waits in a row. A wait that ends before an armed timer fires costs nothing: the timer
 * rings early, and whoever is rung looks at the clock and sets it anew. A moment further away than a timer can count
 * also rings early, and one at `Infinity` never.
 */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  readonly #ref: boolean
  #timer: ClockTimer | undefined = undefined
  #at = 0

  constructor(clock: Clock, ring: () => void, { ref = true }: AlarmOptions = {}) {
    this.#clock = clock
    this.#ring = ring
    this.#ref = ref
  }

  /** Rings at that moment at the latest. */
  set(moment: number, now: number): void {
    if (moment === Number.POSITIVE_INFINITY) return
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
      Math.min(Math.max(0, moment - now), LONGEST_TIMEOUT),
    )
    if (!this.#ref) this.#timer.unref()
  }

  clear(): void {
    if (this.#timer === undefined) return
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
