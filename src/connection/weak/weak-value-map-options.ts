import { checkFunction, checkObject, checkOptions, outOfRange, wrongType } from '../../lifecycle/check.ts'

/** Options of `WeakValueMap`. */
export interface WeakValueMapOptions<K> {
  /** How many entries it holds at most, a whole number from 1 to 16 777 216. Default: 10 000. */
  max?: number
  /**
   * Told of each key whose value was collected, after it has left the map. What it throws becomes a `resource.error`, or
   * an uncaught exception where nobody listens.
   */
  onCollect?: (key: K) => unknown
  /** Its place in paths, as long as it stands alone. Default: `weak-map`. */
  name?: string
}

/** What `WeakValueMap.stats()` says. */
export interface WeakValueMapStats {
  /** How many entries it has; values that are collected but not found out yet are counted. */
  readonly size: number
  /** How many of them have a value at this moment. To know, it looks at each. */
  readonly live: number
  /** How many entries it holds at most. */
  readonly max: number
  /** How many entries have left since their value was collected. */
  readonly collected: number
  /** How many living values were replaced under their key by another one. */
  readonly replaced: number
  /** How many entries had to leave since the map was full: the oldest, whose values live on elsewhere. */
  readonly evicted: number
}

/** What became of what a `WeakValueMap` held when it was closed. */
export interface WeakValueMapEnd {
  /** How many entries it let go of. Their values live on where they are held. */
  readonly released: number
}

/** The most that a Map of V8 can hold. */
const MOST = 16_777_216

/** Refuses options that no map could keep to. */
export function checkWeakValueMap(options: WeakValueMapOptions<never>): void {
  checkObject('options', options)
  checkOptions('WeakValueMap', options, ['max', 'onCollect', 'name'])
  const { max = 1, onCollect } = options
  if (typeof max !== 'number') throw wrongType('options.max', 'a number of entries', max)
  const mend = 'Without a bound it could grow for ever.'
  if (!(Number.isInteger(max) && max >= 1 && max <= MOST))
    throw outOfRange('options.max', `a whole number from 1 to ${MOST}`, max, mend)
  if (onCollect !== undefined) checkFunction('options.onCollect', onCollect)
}
