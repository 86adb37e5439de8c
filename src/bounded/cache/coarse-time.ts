import type { Clock, ClockTimer } from '../../lifecycle/clock.ts'

/** How many readings one look at the clock may serve. */
const READINGS = 32
/** How many ms it may. */
const SPAN = 1

/**
 * The time, a millisecond old at most as far as the event loop can tell: a look at the clock costs more than a look into
 * a cache. When it was looked at twice within a millisecond, the next readings are given what it said, until a timer says
 * that the millisecond is over, or so many have been served that a loop which never ends is not told the same for ever.
 */
export class CoarseTime {
  readonly clock: Clock
  #now = Number.NEGATIVE_INFINITY
  #left = 0
  #timer: ClockTimer | undefined = undefined

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** What time it is, about. It never goes back. */
  read(): number {
    if (this.#left === 0) return this.exact()
    this.#left -= 1
    return this.#now
  }

  /** What time it is. */
  exact(): number {
    const now = this.clock.now()
    if (now - this.#now < SPAN) this.#keep()
    this.#now = now
    return now
  }

  /** Stops its timer. */
  stop(): void {
    this.#left = 0
    if (this.#timer !== undefined) this.clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #keep(): void {
    this.#left = READINGS - 1
    if (this.#timer !== undefined) return
    this.#timer = this.clock.setTimeout(() => {
      this.#timer = undefined
      this.#left = 0
    }, SPAN)
    this.#timer.unref()
  }
}
