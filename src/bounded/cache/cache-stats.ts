import type { CacheDropReason } from './farewells.ts'

/** What a {@link BoundedCache} holds, and what became of what it held. All counts are since it was made. */
export interface CacheStats {
  /** How many entries there are. */
  readonly size: number
  /** How many there may be. */
  readonly max: number
  /** What they weigh together; 0 where they aren't weighed. */
  readonly weight: number
  /** What they may weigh; Infinity where they aren't weighed. */
  readonly maxSize: number
  /** How many reads by `get` and `fetch` found a value. */
  readonly hits: number
  /** How many of them found none. */
  readonly misses: number
  /** How many loads of `fetch` are under way. */
  readonly loading: number
  /** How many values left since something else needed their place. */
  readonly evicted: number
  /** How many left since their time was over. */
  readonly expired: number
  /** How many were deleted. */
  readonly deleted: number
  /** How many were replaced by another value of their key. */
  readonly replaced: number
  /** How many left by `clear` or `close`. */
  readonly cleared: number
  /** How many left by `trim`, or by a sweep under pressure. */
  readonly trimmed: number
  /** How many were too heavy to be kept. */
  readonly refused: number
}

/** What became of the entries of a {@link BoundedCache} that was closed. */
export interface CacheEnd {
  /** How many entries there were. */
  readonly cleared: number
  /** How many loads of `fetch` were under way, and were aborted. */
  readonly aborted: number
}

/** Gives what is counted in several places the names of the stats. */
export function cacheStats(
  { max, maxSize = Number.POSITIVE_INFINITY }: { max: number; maxSize: number | undefined },
  { size, weight, refused }: Pick<CacheStats, 'size' | 'weight' | 'refused'>,
  left: Readonly<Record<CacheDropReason, number>>,
  counted: Pick<CacheStats, 'hits' | 'misses' | 'loading'>,
): CacheStats {
  const {
    evict: evicted,
    expire: expired,
    delete: deleted,
    replace: replaced,
    clear: cleared,
    pressure: trimmed,
  } = left
  const removed = { evicted, expired, deleted, replaced, cleared, trimmed, refused }
  return Object.freeze({ size, max, weight, maxSize, ...counted, ...removed })
}
