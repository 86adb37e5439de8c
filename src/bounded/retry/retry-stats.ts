import type { RetryDropReason } from './retry-options.ts'

/** How a {@link RetryBuffer} stands. */
export interface RetryStats {
  /** How many items wait. */
  readonly size: number
  /** How many may. */
  readonly max: number
  /** How many are being saved now. */
  readonly saving: number
  /** How many attempts went well. */
  readonly saved: number
  /** How many attempts failed. */
  readonly failed: number
  /** How many items were replaced by a newer one of their key. */
  readonly replaced: number
  /** How many items were given up, by reason. */
  readonly dropped: Readonly<Record<RetryDropReason, number>>
  /** How many items came back from disk. */
  readonly restored: number
  /** How many lines of the file could not be read. */
  readonly corrupt: number
  /** How many times the file was written. */
  readonly writes: number
  /** How many times that failed. */
  readonly writesFailed: number
  /** What `close` resolved to. */
  readonly end: RetryEnd | undefined
}

/** What became of what was in a {@link RetryBuffer} when it closed. */
export interface RetryEnd {
  /** How many were saved while it closed. */
  readonly saved: number
  /** How many are on disk, for the next start. */
  readonly spilled: number
  /** How many are neither: they were given up, with the reason `close`. */
  readonly lost: number
}
