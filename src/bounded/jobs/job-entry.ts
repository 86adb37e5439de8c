import { type Job, type JobOutcome, type JobState, type StoredJob, toJob } from './job.ts'
import type { Place } from './line.ts'

/** A job as its registry keeps it: dates for those outside, and moments of a monotonic clock for itself. */
export class JobEntry<T> implements StoredJob<T> {
  readonly id: string
  readonly startedAt: number
  readonly since: number
  data: T
  state: JobState = 'active'
  endedAt: number | undefined = undefined
  /** When it ended. */
  over = Number.POSITIVE_INFINITY
  /** Its place among those that have ended. */
  place: Place<JobEntry<T>> | undefined = undefined

  constructor(id: string, data: T, startedAt: number, since: number) {
    this.id = id
    this.data = data
    this.startedAt = startedAt
    this.since = since
  }

  end(outcome: JobOutcome, date: number, now: number): void {
    this.state = outcome
    this.endedAt = date
    this.over = now
  }

  view(now: number): Job<T> {
    return toJob(this, now - this.since)
  }

  stored(): StoredJob<T> {
    const { id, state, data, startedAt, endedAt } = this
    return endedAt === undefined ? { id, state, data, startedAt } : { id, state, data, startedAt, endedAt }
  }
}
