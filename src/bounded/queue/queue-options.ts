import {
  checkClock,
  checkFunction,
  checkObject,
  checkOneOf,
  checkOptions,
  checkTimeout,
  outOfRange,
  wrongType,
} from '../../lifecycle/check.ts'
import { checkCount } from '../../lifecycle/check-count.ts'
import { checkShare } from '../../lifecycle/check-share.ts'
import { type Clock, systemClock } from '../../lifecycle/clock.ts'

/**
 * What becomes of an item that comes when the queue is full: `reject` throws, `drop-oldest` makes room by giving up the
 * first, `drop-newest` gives up the one that came, `wait` has `put` wait for room, and `push` throw.
 */
export type Overflow = 'reject' | 'drop-oldest' | 'drop-newest' | 'wait'

/** Why an item was given up: for room, as `overflow` says, by `clear`, or because nobody took it until the end. */
export type QueueDropReason = 'oldest' | 'newest' | 'clear' | 'close'

/** Options of {@link BoundedQueue}. */
export interface BoundedQueueOptions<T> {
  /** How many items wait at most, 1 to 2^30. */
  max: number
  /** What becomes of one too many. Default: `reject`. */
  overflow?: Overflow
  /** How many `put` may wait for room, and how many `take` for an item, 1 to 2^30. Default: 1 000. */
  maxWaiting?: number
  /**
   * Shares of `max`, 0 to 1, at which `queue.pressure` says `high` and then `low` again. Default: 0.8 and 0.5, and where
   * `high` is less than that, `low` is at most it.
   */
  pressure?: { high?: number; low?: number }
  /** Is told of each item that was given up, when it is gone. */
  onDrop?: (item: T, reason: QueueDropReason) => unknown
  /** Its name in paths, events and errors. Default: `queue`. */
  name?: string
  /** The source of time. Default: the real one. */
  clock?: Clock
}

/** How long a `put` or `take` waits. */
export interface QueueWaitOptions {
  /** Ends the wait: the promise rejects with its reason. */
  signal?: AbortSignal
  /** How many ms it waits at most, 0 to 2 147 483 647; then it rejects with a `TimeoutError`. Default: no limit. */
  timeout?: number
}

/** Options with their defaults. */
export interface QueueSettings<T> {
  readonly max: number
  readonly overflow: Overflow
  readonly maxWaiting: number
  readonly high: number
  readonly low: number
  readonly onDrop: BoundedQueueOptions<T>['onDrop']
  readonly name: string
  readonly clock: Clock
}

const OPTIONS = ['max', 'overflow', 'maxWaiting', 'pressure', 'onDrop', 'name', 'clock'] as const

/** Checks the options, and fills in what is missing. */
export function queueSettings<T>(options: BoundedQueueOptions<T>): QueueSettings<T> {
  checkObject('options', options)
  checkOptions('BoundedQueue', options, OPTIONS)
  const { max, overflow = 'reject', maxWaiting = 1_000, pressure = {}, onDrop } = options
  const { name = 'queue', clock = systemClock } = options
  checkCount('options.max', max)
  checkOneOf('options.overflow', overflow, ['reject', 'drop-oldest', 'drop-newest', 'wait'])
  checkCount('options.maxWaiting', maxWaiting)
  checkObject('options.pressure', pressure)
  checkOptions('options.pressure', pressure, ['high', 'low'])
  const { high = 0.8, low = Math.min(0.5, high) } = pressure
  checkShare('options.pressure.high', high)
  checkShare('options.pressure.low', low)
  if (low > high) throw outOfRange('options.pressure.low', `at most options.pressure.high, ${high}`, low)
  checkClock('options.clock', clock)
  if (onDrop !== undefined) checkFunction('options.onDrop', onDrop)
  const top = Math.max(1, Math.ceil(high * max))
  // Both marks are numbers of items, and the lower one must be lower, or one item more or less would be told each time.
  return { max, overflow, maxWaiting, high: top, low: Math.min(top - 1, Math.floor(low * max)), onDrop, name, clock }
}

/** Refuses limits of a wait that are none. */
export function checkWaitOptions(method: string, options: QueueWaitOptions): void {
  checkObject('options', options)
  checkOptions(method, options, ['signal', 'timeout'])
  const { signal, timeout } = options
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw wrongType('options.signal', 'an AbortSignal', signal)
  if (timeout !== undefined) checkTimeout('options.timeout', timeout)
}
