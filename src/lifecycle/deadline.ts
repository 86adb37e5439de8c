import { checkFunction, checkName, checkObject, checkOptions, checkTimeout, outOfRange, wrongType } from './check.ts'
import { type Clock, systemClock } from './clock.ts'
import { checkWait, type WaitOptions, waitFor } from './wait.ts'

/** Options of {@link Deadline}. */
export interface DeadlineOptions {
  /** Its place in paths, without `/`. Default: `deadline`. */
  name?: string
  /** What it is inside of: it never ends later than that. Default: none. */
  parent?: Deadline
  /** The source of time, the parent's where there is one. Default: the parent's, else the real one. */
  clock?: Clock
}

/** What work that has a deadline is given. */
export interface TimeoutContext {
  /** Aborts when the work is no longer waited for, with what its promise rejects with. Made when it is first read. */
  readonly signal: AbortSignal
  /** The deadline of this work, to be the parent of what is inside of it. */
  readonly deadline: Deadline
}

/**
 * A moment by which something must be over, on a monotonic clock: `timeout` ms from now, or when its parent ends, if
 * that is sooner. So whatever is nested, the whole keeps to the outermost.
 *
 * @example
 * ```ts
 * const start = new Deadline(30_000, { name: 'start' })
 * const query = new Deadline(5_000, { name: 'query', parent: start })
 * query.left // 5 000, or what is left of the 30 000
 * ```
 */
export class Deadline {
  /** Its place in paths. */
  readonly name: string
  /** What it is inside of. */
  readonly parent: Deadline | undefined
  /** The source of its time. */
  readonly clock: Clock
  /** How many ms it was given, before its parent cut it. */
  readonly timeout: number
  /** When it was made, in ms of its clock. */
  readonly since: number
  /** When it ends, in ms of its clock. */
  readonly at: number
  /** The one that decides when it ends: itself, or the one above that is sooner. */
  readonly limitedBy: Deadline

  /**
   * @param timeout how many ms from now, 0 to 2 147 483 647.
   * @throws TypeError or RangeError for a bad timeout or option.
   */
  constructor(timeout: number, options: DeadlineOptions = {}) {
    checkTimeout('timeout', timeout)
    checkObject('options', options)
    checkOptions('Deadline', options, ['name', 'parent', 'clock'])
    const { name = 'deadline', parent, clock = parent?.clock ?? systemClock } = options
    checkName('options.name', name)
    if (parent !== undefined) checkParent(parent, clock)
    this.name = name
    this.parent = parent
    this.clock = clock
    this.timeout = timeout
    this.since = clock.now()
    const own = this.since + timeout
    const cut = parent !== undefined && parent.at <= own
    this.at = cut ? parent.at : own
    this.limitedBy = cut ? parent.limitedBy : this
  }

  /** Names from the outermost, joined by `/`. */
  get path(): string {
    return this.parent === undefined ? this.name : `${this.parent.path}/${this.name}`
  }

  /** How many ms are left, 0 when it is over. */
  get left(): number {
    return Math.max(0, this.at - this.clock.now())
  }

  /** Whether it is over. */
  get expired(): boolean {
    return this.clock.now() >= this.at
  }

  /** Plain data for `JSON.stringify`. */
  toJSON(): { path: string; timeout: number; left: number; limitedBy: string } {
    return { path: this.path, timeout: this.timeout, left: this.left, limitedBy: this.limitedBy.path }
  }

  /**
   * Runs `fn` and waits for it until this deadline, as {@link withTimeout} does. One deadline may run many things.
   *
   * @returns what `fn` brings. It rejects with what `fn` throws; with a {@link TimeoutError} when time is up; with the
   * reason of `options.signal` when that aborts. Where either has happened already, `fn` is not called.
   * @throws TypeError for a bad argument.
   * @example
   * ```ts
   * const start = new Deadline(30_000, { name: 'start' })
   * await start.run(({ signal }) => migrate({ signal }))
   * await start.run(({ signal }) => warmUp({ signal })) // in what is left
   * ```
   */
  run<T>(fn: (context: TimeoutContext) => T, options: WaitOptions<Awaited<T>> = {}): Promise<Awaited<T>> {
    checkFunction('fn', fn)
    checkObject('options', options)
    checkOptions('run', options, ['signal', 'onLate'])
    checkWait(options)
    return waitFor<Deadline, T>(this, fn, options, this.left)
  }
}

function checkParent(parent: unknown, clock: Clock): void {
  if (!(parent instanceof Deadline)) throw wrongType('options.parent', 'a Deadline', parent)
  if (clock !== parent.clock)
    throw outOfRange('options.clock', "the parent's clock", clock, 'Moments of two clocks cannot be compared.')
}
