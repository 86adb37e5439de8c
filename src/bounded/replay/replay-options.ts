import { checkClock, checkFunction, checkObject, checkOptions, outOfRange, wrongType } from '../../lifecycle/check.ts'
import { checkCount } from '../../lifecycle/check-count.ts'
import { type Clock, systemClock } from '../../lifecycle/clock.ts'

/** Why an item is not kept any more. */
export type ReplayDropReason = 'count' | 'bytes' | 'age' | 'pressure' | 'clear' | 'close'

/** Options of {@link ReplayBuffer}. */
export interface ReplayBufferOptions<T> {
  /** How many items are kept at most, 1 to 2^30. */
  max: number
  /** How many bytes all of them may have together, above 0; `weigh` says how many one has. Default: no limit. */
  maxBytes?: number
  /** How many bytes an item has, 0 or more. */
  weigh?: (item: T) => number
  /** How many ms an item is kept, above 0. Default: Infinity. */
  ttl?: number
  /** Is told of each item that is not kept any more, when it is gone. */
  onDrop?: (item: T, reason: ReplayDropReason, id: number) => unknown
  /** Its name in paths, events and errors. Default: `replay-buffer`. */
  name?: string
  /** The source of time. Default: the real one. */
  clock?: Clock
}

/** Options with their defaults. */
export interface ReplaySettings<T> {
  readonly max: number
  readonly maxBytes: number
  readonly weigh: (item: T) => number
  readonly ttl: number
  readonly onDrop: ReplayBufferOptions<T>['onDrop']
  readonly name: string
  readonly clock: Clock
}

const OPTIONS = ['max', 'maxBytes', 'weigh', 'ttl', 'onDrop', 'name', 'clock'] as const

/** Checks the options, and fills in what is missing. */
export function replaySettings<T>(options: ReplayBufferOptions<T>): ReplaySettings<T> {
  checkObject('options', options)
  checkOptions('ReplayBuffer', options, OPTIONS)
  const { max, maxBytes = Number.POSITIVE_INFINITY, weigh, ttl = Number.POSITIVE_INFINITY, onDrop } = options
  const { name = 'replay-buffer', clock = systemClock } = options
  checkCount('options.max', max)
  checkPositive('options.maxBytes', maxBytes)
  checkPositive('options.ttl', ttl)
  if (weigh !== undefined || options.maxBytes !== undefined) {
    checkFunction('options.weigh', weigh, 'maxBytes counts what it says.')
  }
  checkClock('options.clock', clock)
  if (onDrop !== undefined) checkFunction('options.onDrop', onDrop)
  return { max, maxBytes, weigh: weigh ?? (() => 0), ttl, onDrop, name, clock }
}

function checkPositive(name: string, value: unknown): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (!(value > 0)) throw outOfRange(name, 'more than 0', value)
}
