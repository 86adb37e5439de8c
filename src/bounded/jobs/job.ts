/** How a job ended. */
export type JobOutcome = 'completed' | 'failed' | 'cancelled'

/** Where a job stands. */
export type JobState = 'active' | JobOutcome

/** The words for how a job can end. */
export const outcomes: readonly JobOutcome[] = ['completed', 'failed', 'cancelled']

/** A job as it was when it was looked at: frozen, and made anew at each look. `data` is what you gave, and as mutable. */
export interface Job<T = unknown> {
  /** As it was given to `start`. */
  readonly id: string
  /** Where it stands. */
  readonly state: JobState
  /** What you keep of it. */
  readonly data: T
  /** The date of its start. */
  readonly startedAt: Date
  /** The date of its end, if it has ended. */
  readonly endedAt?: Date
  /** How many ms ago it was started, by a clock that is never set. */
  readonly age: number
}

/** A job as a store keeps it: what JSON can hold, if `data` can. */
export interface StoredJob<T = unknown> {
  /** As it was given to `start`; also the key. */
  readonly id: string
  /** Where it stood. */
  readonly state: JobState
  /** What you keep of it. */
  readonly data: T
  /** The date of its start, in ms since 1970. */
  readonly startedAt: number
  /** The date of its end, in ms since 1970, if it has ended. */
  readonly endedAt?: number | undefined
}

/** A job as it is shown. */
export function toJob<T>({ id, state, data, startedAt, endedAt }: StoredJob<T>, age: number): Job<T> {
  const job = { id, state, data, startedAt: new Date(startedAt), age: Math.max(0, Math.round(age)) }
  return Object.freeze(endedAt === undefined ? job : { ...job, endedAt: new Date(endedAt) })
}

/** Whether what a store brought is a job with that id: others may write there, too. */
export function isStoredJob<T>(value: unknown, id: string): value is StoredJob<T> {
  if (typeof value !== 'object' || value === null) return false
  const { id: own, state, startedAt, endedAt } = value as Partial<StoredJob>
  if (own !== id || !Number.isFinite(startedAt)) return false
  return state === 'active' ? endedAt === undefined : outcomes.includes(state as JobOutcome) && Number.isFinite(endedAt)
}
