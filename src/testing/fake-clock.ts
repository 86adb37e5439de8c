import { setImmediate } from 'node:timers'
import { checkFunction, checkTimeout, outOfRange, wrongType } from '../lifecycle/check.ts'
import type { Clock, ClockTimer } from '../lifecycle/clock.ts'

class FakeTimer implements ClockTimer {
  readonly callback: () => void
  readonly due: number

  constructor(callback: () => void, due: number) {
    this.callback = callback
    this.due = due
  }

  unref(): this {
    return this
  }
}

/**
 * A {@link Clock} that stands still until it is told to move, so that a test of five minutes takes none.
 *
 * Only what takes its time from this clock is moved: real I/O still needs real time and an event to wait for.
 *
 * @example
 * ```ts
 * const clock = new FakeClock()
 * const life = new Lifecycle({ clock, grace: 5_000 })
 * life.use(stuck)
 * const closing = life.close()
 * await clock.advance(5_000)
 * expect((await closing).counts.forced).toBe(1)
 * expect(clock.pending).toBe(0)
 * ```
 */
export class FakeClock implements Clock {
  #now = 0
  /** In order of firing. */
  readonly #timers: FakeTimer[] = []
  #moving: Promise<unknown> = Promise.resolve()

  /** Milliseconds since this clock was made, as it counts them. */
  now(): number {
    return this.#now
  }

  /** How many timers are waiting. A test that ends with more than none has found a leak. */
  get pending(): number {
    return this.#timers.length
  }

  /**
   * Calls `callback` once, when the clock has moved on by `delay` ms.
   *
   * @throws TypeError or RangeError when the delay is not a number from 0 to 2 147 483 647.
   */
  setTimeout(callback: () => void, delay: number): ClockTimer {
    checkFunction('callback', callback)
    checkTimeout('delay', delay)
    const timer = new FakeTimer(callback, this.#now + delay)
    const place = this.#timers.findLastIndex((other) => other.due <= timer.due) + 1
    this.#timers.splice(place, 0, timer)
    return timer
  }

  /** Undoes `setTimeout`; a timer that has fired is no error. */
  clearTimeout(timer: ClockTimer): void {
    const place = this.#timers.indexOf(timer as FakeTimer)
    if (place !== -1) this.#timers.splice(place, 1)
  }

  /**
   * Moves on by `ms`, firing what falls due on the way: in order of time, and of making where times are equal. Before it
   * sets out and after each timer it lets all promises settle that can, so that a timer made then, and due within the
   * window, fires too. Calls made while one is under way take their turn.
   *
   * @returns A promise that settles when the clock has arrived. It rejects with what a timer throws; the clock then stops
   * there, and the rest of the timers stay.
   * @throws TypeError or RangeError when `ms` is not a finite number, 0 or more.
   */
  async advance(ms: number): Promise<void> {
    checkDuration(ms)
    await this.#inTurn(async () => {
      const target = this.#now + ms
      while (await this.#fireBy(target));
      this.#now = target
    })
  }

  /**
   * Moves on to the timer that is due next, and fires that one.
   *
   * @returns By how many ms the clock moved, or `undefined` if nothing was waiting.
   */
  async next(): Promise<number | undefined> {
    return await this.#inTurn(async () => {
      const start = this.#now
      return (await this.#fireBy(Number.POSITIVE_INFINITY)) ? this.#now - start : undefined
    })
  }

  /**
   * Moves on by `ms` without firing anything, as time does while the event loop is blocked. What has fallen due
   * meanwhile fires late, at the next `advance`.
   *
   * @throws TypeError or RangeError when `ms` is not a finite number, 0 or more.
   */
  blocked(ms: number): void {
    checkDuration(ms)
    this.#now += ms
  }

  #inTurn<T>(move: () => Promise<T>): Promise<T> {
    const moved = this.#moving.then(async () => {
      await settled()
      return await move()
    })
    // Whoever called gets the rejection; the next in turn need not.
    this.#moving = moved.catch(() => {})
    return moved
  }

  async #fireBy(target: number): Promise<boolean> {
    const [timer] = this.#timers
    if (timer === undefined || timer.due > target) return false
    this.#timers.shift()
    this.#now = Math.max(this.#now, timer.due)
    timer.callback()
    await settled()
    return true
  }
}

/** All microtasks and ticks run before the next immediate, however long the chain. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function checkDuration(ms: unknown): void {
  if (typeof ms !== 'number') throw wrongType('ms', 'a number of milliseconds', ms)
  if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY))
    throw outOfRange('ms', 'a finite number of milliseconds, 0 or more', ms)
}
