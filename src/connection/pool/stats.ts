/** What a pool has and has had, in numbers: a frozen plain object. */
export interface PoolStats {
  /** How many connections are open, of which each is idle, leased, being checked or being ended. */
  readonly size: number
  /** How many of them wait to be used. */
  readonly idle: number
  /** How many are lent. */
  readonly leased: number
  /** How many are being checked by `validate`. */
  readonly checking: number
  /** How many are being ended. */
  readonly ending: number
  /** How many are being opened; they have a place already. */
  readonly connecting: number
  /** How many calls of `create` were given up at `createTimeout`, and have not settled: they are deaf to their signal. */
  readonly stuck: number
  /** How many wait for one. */
  readonly waiting: number
  /** How many there may be at most. */
  readonly max: number
  /** How many leases are out for longer than `leakThreshold`. */
  readonly overdue: number
  /** How many leases were given, ever. */
  readonly acquired: number
  /** How many connections were opened, ever. */
  readonly opened: number
  /** How many have been ended, ever. */
  readonly closed: number
  /** How many attempts to open one have failed. */
  readonly failed: number
  /** How many checks found a connection that was no good. */
  readonly invalid: number
  /** How many endings threw, or had not settled when their time was up. */
  readonly destroyFailed: number
  /** How many waited in vain until their time was up. */
  readonly timedOut: number
  /** How many gave up because their signal aborted. */
  readonly aborted: number
  /** How many were refused because too many were waiting. */
  readonly refused: number
  /** How many releases came for a lease that was released already. */
  readonly doubleReleases: number
  /** How many leases were dropped without release, as far as that was noticed. */
  readonly lost: number
}

/** What a pool counts. */
export class Counts {
  acquired = 0
  opened = 0
  closed = 0
  failed = 0
  invalid = 0
  destroyFailed = 0
  timedOut = 0
  aborted = 0
  refused = 0
  doubleReleases = 0
  lost = 0
}
