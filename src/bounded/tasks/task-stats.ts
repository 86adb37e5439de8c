/** What a {@link TaskQueue} does and did, as its `stats()` say. */
export interface TaskQueueStats {
  /** How many may run at a time. */
  readonly concurrency: number
  /** How many slots are taken, also by tasks that nobody waits for any more. */
  readonly running: number
  /** How many of those were told to stop, or had their time, and still go on. */
  readonly overrunning: number
  /** How many wait for their turn. */
  readonly queued: number
  /** How many wait outside, because the queue is full. */
  readonly parked: number
  /** How many waited for their turn at once at most. */
  readonly highWater: number
  /** How many were taken so far. */
  readonly added: number
  /** How many fulfilled. */
  readonly completed: number
  /** How many rejected by themselves. */
  readonly failed: number
  /** How many had no time left, running or waiting. */
  readonly timedOut: number
  /** How many were stopped by their signal, or by the end of the queue. */
  readonly aborted: number
  /** How many were dropped before they ran. */
  readonly dropped: number
  /** How many were refused, because the queue was full. */
  readonly refused: number
  /** How many settled after they had been given up. */
  readonly late: number
  /** How many had their slot taken from them, because they went on for `abortGrace` ms. */
  readonly abandoned: number
}

/** What has become of the tasks when their queue has closed. */
export interface TaskQueueEnd {
  /** How many ended by themselves since `close` was called. */
  readonly finished: number
  /** How many were dropped before they ran. */
  readonly dropped: number
  /** How many were told to stop. */
  readonly aborted: number
  /** The names of those that go on all the same. */
  readonly abandoned: readonly string[]
}

/** A task that runs. */
export interface TaskRow {
  /** What it is called. */
  readonly name: string
  /** For how many ms it has run. */
  readonly ms: number
  /** Whether nobody waits for it any more. */
  readonly overrunning: boolean
}

/** What a queue counts. */
export class TaskCounts {
  highWater = 0
  added = 0
  completed = 0
  failed = 0
  timedOut = 0
  aborted = 0
  dropped = 0
  refused = 0
  late = 0
  abandoned = 0
}
