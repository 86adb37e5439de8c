import type { Outcome } from '../../lifecycle/contract.ts'

/**
 * Where a kept connection stands: `connecting`; `connected`; `waiting`, when it is lost, or an attempt has failed, and
 * the next is to come; `closed` when there will be no other; `failed` when it has given up.
 */
export type KeptState = 'connecting' | 'connected' | 'waiting' | 'closed' | 'failed'

/** What `Kept.stats()` says. */
export interface KeptStats {
  /** Where it stands. */
  readonly state: KeptState
  /** How many attempts to connect have begun. */
  readonly attempts: number
  /** How many of them have brought a connection. */
  readonly connects: number
  /** How many connections have ended by themselves, or were not heard of any more. */
  readonly losses: number
  /** How many of those were lost since the heartbeat had no answer. */
  readonly missed: number
  /** How many subscriptions there are. */
  readonly subscriptions: number
  /** How many starts of subscriptions have thrown. */
  readonly failedStarts: number
  /** How many ms the present connection has held; 0 where there is none. */
  readonly held: number
}

/** What became of a kept connection that was closed. */
export interface KeptEnd {
  /** How many connections there have been. */
  readonly connects: number
  /** How many of them were lost. */
  readonly losses: number
  /** The worst way in which something of the last one has ended. */
  readonly outcome: Outcome
}
