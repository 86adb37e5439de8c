import { checkObject, checkOptions, checkTimeout } from '../lifecycle/check.ts'
import { type Clock, type ClockTimer, systemClock } from '../lifecycle/clock.ts'

/** An end that is under way. */
interface Ending<End> {
  /** What it comes to, if there is nothing to wait for. */
  readonly end?: End
  /** What it comes to, if there is. It does not reject. */
  readonly done?: Promise<End>
  /** What it comes to when time is up. */
  giveUp(): End
}

/** An end that comes once, is waited for only so long, and is told to all who ask for it. A further call can shorten the wait. */
export class Closing<End> {
  readonly #clock: Clock
  readonly #onClosed: () => void
  readonly #end = Promise.withResolvers<End>()
  #ending: Ending<End> | undefined = undefined
  #timer: ClockTimer | undefined = undefined
  /** When the wait is over, by the clock. */
  #deadline = Number.POSITIVE_INFINITY
  #isClosed = false

  constructor(clock: Clock = systemClock, onClosed: () => void = () => {}) {
    this.#clock = clock
    this.#onClosed = onClosed
  }

  /** Whether it was asked for. */
  get isClosing(): boolean {
    return this.#ending !== undefined
  }

  /** Begins it by `begin`, if it has not begun. The promise is always the same, and never rejects. */
  close(options: { timeout?: number }, begin: () => Ending<End>): Promise<End> {
    checkObject('options', options)
    checkOptions('close', options, ['timeout'])
    const { timeout = 5_000 } = options
    checkTimeout('options.timeout', timeout)
    if (this.#ending === undefined) {
      this.#ending = begin()
      const { end, done } = this.#ending
      if (done === undefined) this.#finish(end as End)
      else done.then((result) => this.#finish(result))
    }
    this.#limit(timeout)
    return this.#end.promise
  }

  #limit(timeout: number): void {
    if (this.#isClosed) return
    if (timeout === 0) return this.#giveUp()
    const moment = this.#clock.now() + timeout
    if (moment >= this.#deadline) return
    this.#deadline = moment
    this.#disarm()
    this.#timer = this.#clock.setTimeout(() => this.#giveUp(), timeout)
  }

  #giveUp(): void {
    if (this.#isClosed || this.#ending === undefined) return
    this.#finish(this.#ending.giveUp())
  }

  #finish(end: End): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#disarm()
    this.#onClosed()
    this.#end.resolve(Object.freeze(end))
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
