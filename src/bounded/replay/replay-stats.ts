import type { ReplayDropReason } from './replay-options.ts'

/** What {@link ReplayBuffer} has counted. */
export interface ReplayStats {
  /** How many items are kept. */
  readonly size: number
  /** How many may be. */
  readonly max: number
  /** How many bytes they have, as `weigh` says. */
  readonly bytes: number
  /** How many were pushed. */
  readonly pushed: number
  /** How many were dropped, by reason. */
  readonly dropped: Readonly<Record<ReplayDropReason, number>>
}

/** What became of what was in a {@link ReplayBuffer} when it closed. */
export interface ReplayEnd {
  /** How many items it still had. */
  readonly dropped: number
}
