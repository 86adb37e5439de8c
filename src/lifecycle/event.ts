import type { Outcome, Site } from './contract.ts'

/** What happens in a lifecycle. Each also goes out on `diagnostics_channel` as `endswell:` and its type. */
export interface LifecycleEvent {
  /**
   * `resource.created`; `resource.forcing` when its grace is over; `resource.ended` with its outcome;
   * `resource.left` when it ended by itself; `resource.forgotten`; `resource.error` for what a task, timer or health check threw;
   * `resource.late` for what settled after it had been given up; `startup.began` and `startup.ended`, with the error if
   * it failed, for a step or phase of a start; `lifecycle.ready` when the start is over; `lifecycle.draining` when it
   * still serves but is about to close; `lifecycle.closing` and `lifecycle.closed`; `supervised.changed` when what is
   * supervised has a new state; `queue.pressure` when a queue fills (`high`) and when it has room again (`low`);
   * `thread.changed` when a monitored thread has a new verdict; `worker.recycled` when one was replaced, and why;
   * `connection.opened`, `connection.closed` with the reason, and `connection.failed` with the error, of one in a pool;
   * `connection.changed` when one that is kept has a new state; `lease.overdue` when a lease is held for very long, and
   * `lease.lost` when it was dropped without release; `item.dropped` when a cache, queue or buffer gives something up,
   * and why; `save.failed` and `save.done` when a save that is tried again does not, or does, go through;
   * `cleanup.ended` when a clean-up is over, with its report as the cause.
   */
  readonly type:
    | 'resource.created'
    | 'resource.forcing'
    | 'resource.ended'
    | 'resource.left'
    | 'resource.forgotten'
    | 'resource.error'
    | 'resource.late'
    | 'startup.began'
    | 'startup.ended'
    | 'lifecycle.ready'
    | 'lifecycle.draining'
    | 'lifecycle.closing'
    | 'lifecycle.closed'
    | 'supervised.changed'
    | 'queue.pressure'
    | 'thread.changed'
    | 'worker.recycled'
    | 'connection.opened'
    | 'connection.closed'
    | 'connection.failed'
    | 'connection.changed'
    | 'lease.overdue'
    | 'lease.lost'
    | 'item.dropped'
    | 'save.failed'
    | 'save.done'
    | 'cleanup.ended'
  /** Of the resource or the lifecycle. */
  readonly path: string
  /** The sort of resource; `step`, `phase`, `lifecycle` or `supervised` for what is none. */
  readonly kind: string
  /** How it ended. */
  readonly outcome?: Outcome
  /** How long it took, in ms. */
  readonly ms?: number
  /** How many ms a step or phase that began may take, or the drain; or the wait before the next life. */
  readonly timeout?: number
  /** What was thrown. */
  readonly error?: unknown
  /** Why the lifecycle closes, or the worker was replaced. */
  readonly reason?: string
  /** What has become of it: `ready` or `backing-off`, `high` or `low`, `hung` or `busy`. */
  readonly state?: string
  /** Which of its lives that is about, from 1. */
  readonly incarnation?: number
  /** What that life ended with: what was thrown, or how a process exited; or the report on a thread or a clean-up. */
  readonly cause?: unknown
  /** The key or id of the item that it is about. */
  readonly item?: unknown
  /** Where what it is about was made, such as the place that acquired a lease. */
  readonly site?: Site
}
