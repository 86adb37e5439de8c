import type { QueueDropReason } from './queue-options.ts'

/** What {@link BoundedQueue} has counted. */
export interface QueueStats {
  /** How many items wait. */
  readonly size: number
  /** How many may. */
  readonly max: number
  /** The most that ever waited. */
  readonly highWater: number
  /** How many went in. */
  readonly pushed: number
  /** How many were taken. */
  readonly taken: number
  /** How many were refused by `ERR_QUEUE_FULL`. */
  readonly rejected: number
  /** How many were given up, by reason. All but `newest` had gone in. */
  readonly dropped: Readonly<Record<QueueDropReason, number>>
  /** How many wait for room (`put`) and for an item (`take`). */
  readonly waiting: { readonly put: number; readonly take: number }
}

/** What became of what was in a {@link BoundedQueue} when it closed. */
export interface QueueEnd<T> {
  /** How many were still taken. */
  readonly taken: number
  /** Those that nobody took. */
  readonly left: readonly T[]
}
