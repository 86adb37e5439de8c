import { checkName, checkObject, checkOptions, checkTimeout, wrongType } from './check.ts'
import { type Clock, systemClock } from './clock.ts'

/** Options of {@link Deadline}. */
export interface DeadlineOptions {
  /** Its place in paths, without `/`. Default: `deadline`. */
  name?: string
  /** What it is inside of: it never ends later than that. Default: none. */
  parent?: Deadline
  /** The source of time. Default: the parent's, else the real one. */
  clock?: Clock
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
  readonly name: string
  readonly parent: Deadline | undefined
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
    if (parent !== undefined && !(parent instanceof Deadline)) throw wrongType('options.parent', 'a Deadline', parent)
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
}
