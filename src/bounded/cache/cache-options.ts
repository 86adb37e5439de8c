import {
  checkBoolean,
  checkClock,
  checkFunction,
  checkObject,
  checkOneOf,
  checkOptions,
  outOfRange,
  wrongType,
} from '../../lifecycle/check.ts'
import { checkShare } from '../../lifecycle/check-share.ts'
import { checkSpan } from '../../lifecycle/check-span.ts'
import { type Clock, systemClock } from '../../lifecycle/clock.ts'
import type { CacheDropReason } from './farewells.ts'

/** Options of {@link BoundedCache}. It needs `max`, or `maxSize` and `weigh`, or all three. */
export interface BoundedCacheOptions<K, V> {
  /** How many entries there are at most, 1 to 8 388 608. Default: as many as `maxSize` lets in. */
  max?: number
  /** What all entries together weigh at most, in the unit of `weigh`: a whole number from 1. Default: they aren't weighed. */
  maxSize?: number
  /** What an entry weighs: a whole number from 1, so that what weighs nothing does not pile up. Needs `maxSize`. */
  weigh?: (value: V, key: K) => number
  /** What one entry weighs at most, 1 to `maxSize`; a heavier one is not kept. Default: `maxSize`. */
  maxEntrySize?: number
  /** How many ms an entry lives: any positive number. Default: Infinity, for ever. */
  ttl?: number
  /**
   * When that time begins: `set`, when its value is set; `touch`, also when it is read by `get`, or by `touch`; `terminal`,
   * when `markTerminal` says that it has ended, and before that it doesn't. Default: `set`.
   */
  ttlFrom?: 'set' | 'touch' | 'terminal'
  /**
   * Which entry makes room: `lru`, the one whose last use is longest ago; `fifo`, the one that came first. Default: `lru`.
   * What has expired, or has ended, goes before either.
   */
  evict?: 'lru' | 'fifo'
  /** With `ttlFrom: 'terminal'`, whether entries that haven't ended may be evicted. Default: false, a new one is refused. */
  evictRunning?: boolean
  /**
   * How many ms after its time is over an entry is removed at the latest, if nobody looks at it before: any positive
   * number. Default: a sixtieth of `ttl`, but at least 1 000.
   */
  resolution?: number
  /** Which share a sweep removes when memory presses, each 0 to 1. Default: 0.25 at `high`, 0.5 at `critical`. */
  pressure?: { high?: number; critical?: number }
  /** Is told of each value that left, once, when it is gone and the cache is whole again. Default: nothing. */
  onEvict?: (key: K, value: V, reason: CacheDropReason) => unknown
  /** Its name in paths, events and errors. Default: `cache`. */
  name?: string
  /** The source of time. Default: the real one. */
  clock?: Clock
}

/** The options with their defaults. */
export interface CacheRules<K, V> {
  readonly max: number
  readonly maxSize: number | undefined
  readonly weigh: ((value: V, key: K) => number) | undefined
  readonly maxEntrySize: number
  readonly ttl: number
  readonly ttlFrom: 'set' | 'touch' | 'terminal'
  readonly evict: 'lru' | 'fifo'
  readonly evictRunning: boolean
  readonly resolution: number
  readonly pressure: { readonly high: number; readonly critical: number }
  readonly onEvict: BoundedCacheOptions<K, V>['onEvict']
  readonly clock: Clock
}

const OPTIONS = [
  ...['max', 'maxSize', 'weigh', 'maxEntrySize', 'ttl', 'ttlFrom', 'evict', 'evictRunning', 'resolution', 'pressure'],
  ...['onEvict', 'name', 'clock'],
]

/** As many entries as a `Map` can hold while they come and go: half of its 2^24 places may be taken by deleted ones. */
const MOST = 2 ** 23

/** Refuses what no cache could keep to, and fills in the rest. */
export function cacheRules<K, V>(options: BoundedCacheOptions<K, V>): CacheRules<K, V> {
  checkObject('options', options)
  checkOptions('BoundedCache', options, OPTIONS)
  const { maxSize, weigh, ttl = Number.POSITIVE_INFINITY, ttlFrom = 'set', evict = 'lru', onEvict } = options
  const { max = Math.min(maxSize ?? Number.NaN, MOST), maxEntrySize = maxSize ?? Number.POSITIVE_INFINITY } = options
  const { evictRunning = false, resolution = Math.max(1_000, ttl / 60), clock = systemClock } = options
  checkWeighing(options)
  checkWhole('options.max', max, MOST)
  checkSpan('options.ttl', ttl)
  checkSpan('options.resolution', resolution)
  checkOneOf('options.ttlFrom', ttlFrom, ['set', 'touch', 'terminal'])
  checkOneOf('options.evict', evict, ['lru', 'fifo'])
  checkBoolean('options.evictRunning', evictRunning)
  if (evictRunning && ttlFrom !== 'terminal')
    throw outOfRange('options.evictRunning', "false where options.ttlFrom is not 'terminal'", evictRunning)
  checkClock('options.clock', clock)
  if (onEvict !== undefined) checkFunction('options.onEvict', onEvict)
  const pressure = sharesOf(options.pressure)
  return {
    ...{ max, maxSize, weigh, maxEntrySize, ttl, ttlFrom, evict, evictRunning, resolution, pressure, onEvict, clock },
  }
}

function checkWeighing<K, V>({ max, maxSize, weigh, maxEntrySize }: BoundedCacheOptions<K, V>): void {
  if (max === undefined && maxSize === undefined)
    throw wrongType('options.max', 'a number', max, 'A cache has a limit: max, or maxSize and weigh.')
  if (weigh !== undefined) checkFunction('options.weigh', weigh)
  if (maxSize !== undefined) checkWhole('options.maxSize', maxSize)
  else if (weigh !== undefined || maxEntrySize !== undefined)
    throw wrongType('options.maxSize', 'a number where entries are weighed', maxSize)
  if (maxEntrySize !== undefined) checkWhole('options.maxEntrySize', maxEntrySize, maxSize)
}

/** Refuses anything but a whole number from 1. */
export function checkWhole(name: string, value: unknown, most: number = Number.MAX_SAFE_INTEGER): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  throw outOfRange(name, `a whole number from 1 to ${most}`, value)
}

function sharesOf(pressure: unknown = {}): CacheRules<unknown, unknown>['pressure'] {
  checkObject('options.pressure', pressure)
  checkOptions('options.pressure', pressure as object, ['high', 'critical'])
  const { high = 0.25, critical = Math.max(0.5, high) } = pressure as { high?: number; critical?: number }
  checkShare('options.pressure.high', high)
  checkShare('options.pressure.critical', critical)
  return { high, critical }
}
