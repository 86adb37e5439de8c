import { checkOneOf } from '../lifecycle/check.ts'
import { closedError } from '../lifecycle/closed-error.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { customInspect } from '../lifecycle/inspect.ts'
import type { Kind } from '../lifecycle/kind.ts'
import { type CloseOptions, Ending } from '../lifecycle/own-ending.ts'
import { defineOwnKind, ownKind } from '../lifecycle/own-kind.ts'
import type { Sweepable, SweepContext, Swept } from '../lifecycle/sweepable.ts'
import { Voice } from '../lifecycle/voice.ts'
import { type Job, type JobOutcome, type JobState, outcomes } from './jobs/job.ts'
import { checkId } from './jobs/job-errors.ts'
import type { JobMinute } from './jobs/job-history.ts'
import { JobKeeper } from './jobs/job-keeper.ts'
import { type JobRegistryOptions, jobSettings } from './jobs/job-options.ts'
import type { JobRegistryEnd, JobStats } from './jobs/job-stats.ts'

let voiceOf: (jobs: JobRegistry) => Voice
let endOf: (jobs: JobRegistry) => JobRegistryEnd

/**
 * The jobs of a service: those that are active as long as they are, those that have ended for a while, so that somebody
 * can still ask how. One timer serves them all, and needs nobody to look.
 *
 * @example
 * ```ts
 * const jobs = life.use(new JobRegistry<{ percent: number }>(), { name: 'jobs' })
 * jobs.start('train-17', { percent: 0 })
 * jobs.update('train-17', { percent: 40 })
 * jobs.end('train-17', 'completed', { percent: 100 })
 * jobs.get('train-17')?.state // 'completed', for an hour
 * ```
 */
export class JobRegistry<T = unknown> implements Sweepable, AsyncDisposable {
  readonly #voice: Voice
  readonly #wall: () => number
  readonly #keeper: JobKeeper<T>
  readonly #ending: Ending<JobRegistryEnd>
  #end: JobRegistryEnd = { active: [], kept: 0, unsaved: 0 }

  static {
    voiceOf = (jobs) => jobs.#voice
    endOf = (jobs) => jobs.#end
  }

  /** @throws TypeError or RangeError for an unknown or bad option, or a bad `JOB_RETENTION` where `retain` is not given. */
  constructor(options: JobRegistryOptions<T> = {}) {
    const settings = jobSettings(options)
    this.#wall = settings.wall
    this.#voice = new Voice(kind.name, options.name)
    this.#keeper = new JobKeeper(settings, this.#voice, () => this.#drained())
    this.#ending = new Ending(settings.clock, () => this.#over())
  }

  get [ownKind](): Kind {
    return kind
  }

  /** Its path: `/job-registry` as long as it stands alone. */
  get path(): string {
    return this.#voice.path
  }

  /** How many there are, active or ended. */
  get size(): number {
    this.#keeper.expire()
    return this.#keeper.shelf.size
  }

  /** How many are active. */
  get active(): number {
    return this.#keeper.shelf.active
  }

  /**
   * Starts a job. One of that id that has ended makes room for it.
   *
   * @throws RangeError (`ERR_DUPLICATE_NAME`) where one of that id is active; {@link EndswellError} (`ERR_QUEUE_FULL`)
   * where `maxActive` are; ReferenceError (`ERR_CLOSED`) when it is closed.
   */
  start(id: string, data: T): Job<T> {
    // Who is told of what goes may start or close what he likes: only then it shows what can be started.
    this.#keeper.expire()
    this.#checkOpen()
    checkId(id)
    return this.#keeper.start(id, data).view(this.#keeper.now)
  }

  /**
   * Replaces what is kept of an active job: by a value, or by what a function makes of the present one. One that has ended
   * stays as it is: then, and where there is none, this changes nothing and gives undefined.
   *
   * @throws ReferenceError (`ERR_CLOSED`) when it is closed; what the function throws, and nothing has changed.
   */
  update(id: string, data: T | ((data: T) => T)): Job<T> | undefined {
    this.#checkOpen()
    const entry = this.#keeper.change(id, data)
    if (entry !== undefined) this.#keeper.save(entry)
    return entry?.view(this.#keeper.now)
  }

  /**
   * Ends a job, once: the first end counts, a later one changes nothing and gives undefined. It is kept for `retain` ms
   * from now on.
   *
   * @param data as for `update`. Default: it stays.
   * @throws RangeError for an unknown outcome; otherwise as `update`.
   */
  end(id: string, outcome: JobOutcome, data?: T | ((data: T) => T)): Job<T> | undefined {
    this.#checkOpen()
    checkOneOf('outcome', outcome, outcomes)
    const entry = this.#keeper.change(id, data)
    if (entry !== undefined) this.#keeper.end(entry, outcome)
    return entry?.view(this.#keeper.now)
  }

  /** The job of that id, if this process knows one. */
  get(id: string): Job<T> | undefined {
    const now = this.#keeper.expire()
    return this.#keeper.shelf.get(id)?.view(now)
  }

  /** Whether this process knows a job of that id. */
  has(id: string): boolean {
    this.#keeper.expire()
    return this.#keeper.shelf.get(id) !== undefined
  }

  /** The job of that id: as this process knows it, or else as the store does. It rejects with what the store throws. */
  async find(id: string): Promise<Job<T> | undefined> {
    checkId(id)
    return this.get(id) ?? (this.#ending.hasBegun ? undefined : await this.#keeper.mirror?.find(id))
  }

  /** Forgets a job, whatever its state, here and in the store. Says whether there was one here. */
  delete(id: string): boolean {
    this.#checkOpen()
    checkId(id)
    const { shelf, mirror } = this.#keeper
    const entry = shelf.get(id)
    mirror?.forget(id)
    if (entry !== undefined) shelf.drop(entry, 'delete')
    return entry !== undefined
  }

  /** All jobs, or those in one state, in the order of their starts. */
  list({ state }: { state?: JobState } = {}): Job<T>[] {
    if (state !== undefined) checkOneOf('options.state', state, ['active', ...outcomes])
    return [...this].filter((job) => state === undefined || job.state === state)
  }

  *[Symbol.iterator](): IterableIterator<Job<T>> {
    const now = this.#keeper.expire()
    for (const entry of this.#keeper.shelf.all()) yield entry.view(now)
  }

  /** What was started and ended in each of the last 60 minutes, oldest first. The last is not over yet. */
  get history(): readonly JobMinute[] {
    return Object.freeze(this.#keeper.history.rows(this.#keeper.now, this.#wall()))
  }

  /** Removes those whose time is over, and under pressure (`high`, or above 80 %) those that ended `retainPressed` ms ago. */
  sweep(context: Partial<SweepContext> = {}): Swept {
    return { removed: this.#keeper.sweep(context) }
  }

  /** Writes now what the store does not have yet. It rejects with the first failure; what failed is tried again anyway. */
  flush(): Promise<void> {
    return this.#keeper.mirror?.writer.flush() ?? Promise.resolve()
  }

  /** What there is and was. */
  stats(): JobStats {
    return this.#keeper.stats()
  }

  /** Calls `listener` with `item.dropped`, `save.failed`, `save.done` and `resource.error`. Returns its undo. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    return this.#voice.subscribe(listener)
  }

  /** Ends it: it knows no job any more, and waits for the store to take what that does not have yet. Never rejects. */
  close(options: CloseOptions = {}): Promise<JobRegistryEnd> {
    return this.#ending.by(options, () => {
      const active = this.list({ state: 'active' }).map(({ id }) => id)
      this.#end = { active: Object.freeze(active), kept: this.#keeper.shelf.ended, unsaved: 0 }
      this.#keeper.close()
      // What failed is tried now: the wait that is on may be longer than there is time.
      if (options.timeout !== 0) this.flush().catch(() => {})
      this.#drained()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  [customInspect](): string {
    return `JobRegistry(${this.path}: ${describe(this.stats())})`
  }

  #checkOpen(): void {
    if (this.#ending.hasBegun) throw closedError(this.path)
  }

  #drained(): void {
    if (this.#ending.hasBegun && (this.#keeper.mirror?.writer.unsaved ?? 0) === 0) this.#over()
  }

  #over(): void {
    const writer = this.#keeper.mirror?.writer
    const unsaved = writer?.unsaved ?? 0
    writer?.stop(closedError(this.path))
    this.#voice.over()
    this.#end = { ...this.#end, unsaved }
    this.#ending.over(this.#end)
  }
}

function describe({ active, kept }: JobStats): string {
  return `${active} active, ${kept} ended`
}

/** What the report should say: jobs that nobody ended, changes that the store does not have. */
function noteOf({ active, unsaved }: Pick<JobRegistryEnd, 'active' | 'unsaved'>): string | undefined {
  const parts = [active.length > 0 && `${active.length} active`, unsaved > 0 && `${unsaved} unsaved`].filter(Boolean)
  return parts.length === 0 ? undefined : parts.join(', ')
}

const kind = defineOwnKind<JobRegistry>({
  name: 'job-registry',
  voiceOf: (jobs) => voiceOf(jobs),
  describe: (jobs) => describe(jobs.stats()),
  note: (jobs) => noteOf(endOf(jobs)),
  hasLost: (jobs) => (endOf(jobs)?.unsaved ?? 0) > 0,
})
