import { Alarm } from '../../lifecycle/alarm.ts'
import type { Clock } from '../../lifecycle/clock.ts'
import type { Site } from '../../lifecycle/contract.ts'

/** Somebody who waits for a connection. */
export class Waiter<L> {
  readonly timeout: number
  /** The moment at which it gives up, whatever happens until then. */
  readonly at: number
  /** Where it was that asked. */
  readonly site: Site | undefined
  readonly promise: Promise<L>
  resolve!: (lease: L) => void
  reject!: (reason: unknown) => void
  before: Waiter<L> | undefined = undefined
  after: Waiter<L> | undefined = undefined
  /** Takes the listener off its signal. */
  unlink: (() => void) | undefined = undefined

  constructor(now: number, timeout: number, site: Site | undefined) {
    this.timeout = timeout
    this.at = now + timeout
    this.site = site
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}

/** What {@link Waiters} asks of those who know why nobody was served. */
interface Judge<L> {
  /** The error of one whose time is up. */
  tooLate(waiter: Waiter<L>, now: number): unknown
  /** One has given up because its signal aborted. */
  gaveUp(): void
}

/**
 * Those who wait for a connection, in the order of their coming. Whoever gives up leaves at once, wherever it stands,
 * and one timer serves all deadlines.
 */
export class Waiters<L> {
  size = 0
  #first: Waiter<L> | undefined = undefined
  #last: Waiter<L> | undefined = undefined
  readonly #alarm: Alarm
  readonly #clock: Clock
  readonly #judge: Judge<L>

  constructor(clock: Clock, judge: Judge<L>) {
    this.#clock = clock
    this.#judge = judge
    // It keeps the process alive: somebody waits.
    this.#alarm = new Alarm(clock, () => this.#expire())
  }

  /** One more, at the end. */
  add(waiter: Waiter<L>, now: number, signal: AbortSignal | undefined): void {
    waiter.before = this.#last
    if (this.#last === undefined) this.#first = waiter
    else this.#last.after = waiter
    this.#last = waiter
    this.size += 1
    this.#alarm.set(waiter.at, now)
    if (signal !== undefined) this.#link(waiter, signal)
  }

  /** Takes out the first, who is to be served or refused now. */
  shift(): Waiter<L> | undefined {
    const waiter = this.#first
    if (waiter !== undefined) this.#remove(waiter)
    return waiter
  }

  /** Refuses all of them. */
  refuse(reason: () => unknown): void {
    for (let waiter = this.shift(); waiter !== undefined; waiter = this.shift()) waiter.reject(reason())
  }

  #link(waiter: Waiter<L>, signal: AbortSignal): void {
    const stop = (): void => {
      this.#remove(waiter)
      this.#judge.gaveUp()
      waiter.reject(signal.reason)
    }
    signal.addEventListener('abort', stop)
    waiter.unlink = () => signal.removeEventListener('abort', stop)
  }

  #remove(waiter: Waiter<L>): void {
    if (waiter.before === undefined) this.#first = waiter.after
    else waiter.before.after = waiter.after
    if (waiter.after === undefined) this.#last = waiter.before
    else waiter.after.before = waiter.before
    waiter.before = undefined
    waiter.after = undefined
    this.size -= 1
    waiter.unlink?.()
    waiter.unlink = undefined
    if (this.size === 0) this.#alarm.clear()
  }

  /** Each may have a timeout of its own, so all are looked at. */
  #expire(): void {
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    for (let waiter = this.#first; waiter !== undefined; ) {
      const { after }: Waiter<L> = waiter
      if (waiter.at > now) next = Math.min(next, waiter.at)
      else {
        // The error is made before it leaves, and tells the place that it had.
        const error = this.#judge.tooLate(waiter, now)
        this.#remove(waiter)
        waiter.reject(error)
      }
      waiter = after
    }
    this.#alarm.set(next, now)
  }
}
