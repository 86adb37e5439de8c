/** What has become of the calls and threads of a bridge so far. */
export interface BridgeCounts {
  /** Calls that wait for a thread now. */
  readonly queued: number
  /** Calls that are in a thread now, those included whose caller has gone. */
  readonly running: number
  /** Calls that brought a value. */
  readonly done: number
  /** Calls whose handler threw, or that could not be made: of an unknown method, or with what can't be cloned. */
  readonly failed: number
  /** Calls that were cancelled by their signal, by leaving their stream, or when the bridge closed. */
  readonly cancelled: number
  /** Calls whose time was up, waiting or running. */
  readonly timedOut: number
  /** Calls that were refused because the queue was full. */
  readonly refused: number
  /** Calls that were running in a thread when it ended. */
  readonly lost: number
  /** How often a call was put back because its thread ended before it had begun. */
  readonly retried: number
  /** Calls that waited when the bridge failed, or when its closing did not get to them. */
  readonly unserved: number
  /**
   * Events that were dropped: in the threads for want of room, and here because a consumer was too slow. What is told while
   * nobody listens is not among them: it has gone to all there are.
   */
  readonly dropped: number
  /** Threads that could not be ended. */
  readonly abandoned: number
}

/** The counts that grow. */
export class Counts {
  done = 0
  failed = 0
  cancelled = 0
  timedOut = 0
  refused = 0
  lost = 0
  retried = 0
  unserved = 0
  abandoned = 0
}
