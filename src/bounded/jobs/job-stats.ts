import type { JobDropReason } from './job-options.ts'

/** What a {@link JobRegistry} has and had, as its `stats()` say. */
export interface JobStats {
  /** How many are active. */
  readonly active: number
  /** How many were active at once at most. */
  readonly highWater: number
  /** How many that have ended are kept. */
  readonly kept: number
  /** How many were started so far. */
  readonly started: number
  /** How many were completed so far. */
  readonly completed: number
  /** How many failed so far. */
  readonly failed: number
  /** How many were cancelled so far. */
  readonly cancelled: number
  /** How many were refused, because `maxActive` were active. */
  readonly refused: number
  /** How many updates and ends came for a job that had ended or was not known, and changed nothing. */
  readonly late: number
  /** How many left, by reason. */
  readonly evicted: Readonly<Record<JobDropReason, number>>
  /** How many changes the store has taken. */
  readonly saved: number
  /** How many writes have failed: each attempt counts. */
  readonly saveFailures: number
  /** How many jobs have a change that waits for the store. */
  readonly unsaved: number
  /** How many changes were given up, because too many waited for the store. */
  readonly lost: number
}

/** What has become of the jobs when their registry has closed. */
export interface JobRegistryEnd {
  /** The ids of those that were active: nobody has said how they ended. */
  readonly active: readonly string[]
  /** How many were kept that had ended. */
  readonly kept: number
  /** How many changes the store has not taken in time. */
  readonly unsaved: number
}

/** What a registry counts. */
export class JobCounts {
  readonly evicted: Record<JobDropReason, number> = { expire: 0, evict: 0, pressure: 0, delete: 0, replace: 0 }
  readonly ends = { completed: 0, failed: 0, cancelled: 0 }
  started = 0
  refused = 0
  late = 0
  highWater = 0

  /** One was started, and so many are active with it. */
  start(active: number): void {
    this.started += 1
    this.highWater = Math.max(this.highWater, active)
  }
}

/** All that is counted, in one object. */
export function jobStats(
  { evicted, ends, started, refused, late, highWater }: JobCounts,
  { active, ended: kept }: { readonly active: number; readonly ended: number },
  writer?: { readonly counts: WriterCounts; readonly unsaved: number },
): JobStats {
  const { saved = 0, saveFailures = 0, lost = 0 } = writer?.counts ?? {}
  const store = { saved, saveFailures, unsaved: writer?.unsaved ?? 0, lost }
  const own = { active, highWater, kept, started, ...ends, refused, late }
  return Object.freeze({ ...own, evicted: Object.freeze({ ...evicted }), ...store })
}

interface WriterCounts {
  readonly saved: number
  readonly saveFailures: number
  readonly lost: number
}
