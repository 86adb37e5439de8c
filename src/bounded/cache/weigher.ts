import { wrongType } from '../../lifecycle/check.ts'
import { type CacheRules, checkWhole } from './cache-options.ts'

/** What an entry weighs: as is said of it, or as `weigh` says. Entries of a cache that isn't weighed weigh 1 each. */
export function weightOf<K, V>({ maxSize, weigh }: CacheRules<K, V>, key: K, value: V, size?: number): number {
  if (maxSize === undefined && size === undefined) return 1
  if (maxSize === undefined) throw wrongType('options.size', 'undefined where the cache has no maxSize', size)
  const weight = size ?? weigh?.(value, key)
  checkWhole(size === undefined ? 'What weigh returns' : 'options.size', weight)
  return weight as number
}
