import { Alarm } from '../../lifecycle/alarm.ts'
import { guarded } from '../../lifecycle/outcry.ts'
import type { SweepContext } from '../../lifecycle/sweepable.ts'
import type { Voice } from '../../lifecycle/voice.ts'
import type { JobOutcome } from './job.ts'
import { JobEntry } from './job-entry.ts'
import { duplicateJob, tooManyJobs } from './job-errors.ts'
import { JobHistory } from './job-history.ts'
import { JobMirror } from './job-mirror.ts'
import type { JobDropReason, JobSettings } from './job-options.ts'
import { JobShelf } from './job-shelf.ts'
import { JobCounts, type JobStats, jobStats } from './job-stats.ts'

/** What a registry does with its jobs: starts and ends them, counts, keeps the store informed, and lets go in time. */
export class JobKeeper<T> {
  readonly history: JobHistory
  readonly mirror: JobMirror<T> | undefined
  readonly shelf = new JobShelf<T>((entry, reason) => this.#gone(entry, reason))
  readonly #settings: JobSettings<T>
  readonly #voice: Voice
  readonly #counts = new JobCounts()
  readonly #alarm: Alarm
  /** When the store must hear again of what is active. */
  #renewal = Number.POSITIVE_INFINITY

  constructor(settings: JobSettings<T>, voice: Voice, onDrained: () => void) {
    const { clock, store } = settings
    this.#settings = settings
    this.#voice = voice
    this.history = new JobHistory(clock.now())
    this.mirror = store && new JobMirror(store, settings, voice, onDrained)
    this.#alarm = new Alarm(clock, () => this.#ring(), { ref: false })
  }

  get now(): number {
    return this.#settings.clock.now()
  }

  start(id: string, data: T): JobEntry<T> {
    const { wall, maxActive } = this.#settings
    if (this.shelf.get(id)?.state === 'active') throw duplicateJob(this.#voice.path, id)
    if (this.shelf.active >= maxActive) {
      this.#counts.refused += 1
      throw tooManyJobs(this.#voice.path, id, maxActive)
    }
    const { now } = this
    const entry = new JobEntry(id, data, wall(), now)
    const active = this.shelf.active + 1
    this.#counts.start(active)
    this.history.count('started', active, now)
    this.shelf.add(entry)
    // Who is told that another one made room may have deleted this one.
    if (this.shelf.get(id) === entry) this.save(entry)
    return entry
  }

  /** The active job of that id, with its data replaced; none where it has ended or is not known. */
  change(id: string, data: T | ((data: T) => T) | undefined): JobEntry<T> | undefined {
    const entry = this.shelf.get(id)
    if (entry?.state === 'active') {
      const made = typeof data === 'function' ? (data as (data: T) => T)(entry.data) : data
      // The function may have ended it.
      if (this.shelf.get(id) === entry && entry.state === 'active') {
        if (made !== undefined) entry.data = made
        return entry
      }
    }
    this.#counts.late += 1
    return undefined
  }

  end(entry: JobEntry<T>, outcome: JobOutcome): void {
    const now = this.now
    entry.end(outcome, this.#settings.wall(), now)
    this.shelf.end(entry)
    this.#counts.ends[outcome] += 1
    this.history.count(outcome, this.shelf.active, now)
    this.save(entry)
    this.shelf.trim(this.#settings.max)
  }

  /** Has the store told, if there is one. */
  save(entry: JobEntry<T>): void {
    this.mirror?.save(entry)
    this.#arm(this.now)
  }

  /** Drops those whose time is over, which the timer may not have done yet. Says what time it is. */
  expire(): number {
    const { now } = this
    this.shelf.clear(now - this.#settings.retain, 'expire')
    return now
  }

  sweep({ signal, pressure }: Partial<SweepContext>): number {
    const { now, shelf } = this
    const { retain, retainPressed } = this.#settings
    const { level = 'normal', usage = 0 } = pressure ?? {}
    const isPressed = usage > 0.8 || level === 'high' || level === 'critical'
    const expired = shelf.clear(now - retain, 'expire')
    return expired + (isPressed ? shelf.clear(now - retainPressed, 'pressure', signal) : 0)
  }

  stats(): JobStats {
    this.expire()
    return jobStats(this.#counts, this.shelf, this.mirror?.writer)
  }

  /** Lets go of all jobs. What the store does not have yet it still gets. */
  close(): void {
    this.shelf.empty()
    this.#alarm.clear()
    this.#renewal = Number.POSITIVE_INFINITY
  }

  #ring(): void {
    const now = this.expire()
    if (now >= this.#renewal) {
      this.#renewal = Number.POSITIVE_INFINITY
      for (const entry of this.shelf.all()) if (entry.state === 'active') this.mirror?.save(entry)
    }
    this.#arm(now)
  }

  #arm(now: number): void {
    const { shelf, mirror } = this
    if (mirror !== undefined && shelf.active > 0) this.#renewal = Math.min(this.#renewal, now + mirror.patience)
    this.#alarm.set(Math.min(shelf.oldestEnd + this.#settings.retain, this.#renewal), now)
  }

  #gone(entry: JobEntry<T>, reason: JobDropReason): void {
    this.#counts.evicted[reason] += 1
    // What the user takes out is known to the user.
    const isOurs = reason !== 'delete' && reason !== 'replace'
    if (isOurs && this.#voice.isHeard('item.dropped')) this.#voice.tell('item.dropped', { item: entry.id, reason })
    const { onEvict } = this.#settings
    if (onEvict !== undefined) guarded(this.#voice, () => onEvict(entry.view(this.now), reason))
  }
}
