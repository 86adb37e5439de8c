import { Alarm } from '../../lifecycle/alarm.ts'
import { Backoff } from '../../lifecycle/backoff.ts'
import type { Clock } from '../../lifecycle/clock.ts'
import { backoffOf } from '../../lifecycle/supervision/supervise-policy.ts'
import type { RecycleOptions } from './recycle-options.ts'

/** One replacement that is wanted. */
interface Job {
  readonly reason: string
  readonly done: PromiseWithResolvers<void>
  isUnderWay: boolean
}

/** Whose place a replacement takes up: it comes beside the old worker, or after it. */
export type Token = 'surge' | 'unavailable'

/** Replaces one worker. Rejects where the new one did not come up: then the old one is still there. */
export type Exchange<W> = (worker: W, reason: string, token: Token) => Promise<void>

/**
 * The one queue of all workers that are to be replaced, in the order in which they came to be due. Each takes one of few
 * tokens, and has a distance to the one before; one that fails makes all wait, longer each time in a row.
 */
export class Turnover<W> {
  readonly #free: Record<Token, number>
  readonly #spacing: number
  readonly #backoff: Backoff
  readonly #clock: Clock
  readonly #exchange: Exchange<W>
  /** In the order in which they came. */
  readonly #jobs = new Map<W, Job>()
  readonly #alarm: Alarm
  #nextAt = Number.NEGATIVE_INFINITY
  #stopped: { readonly error: unknown } | undefined = undefined

  constructor(options: RecycleOptions, clock: Clock, exchange: Exchange<W>) {
    const { maxSurge = 1, maxUnavailable = 0, spacing = 1_000 } = options
    this.#free = { surge: maxSurge, unavailable: maxUnavailable }
    this.#spacing = spacing
    this.#backoff = new Backoff(backoffOf(options.backoff))
    this.#clock = clock
    this.#exchange = exchange
    this.#alarm = new Alarm(clock, () => this.#advance())
  }

  /** Whether a worker is to be replaced, or is being replaced. */
  has(worker: W): boolean {
    return this.#jobs.has(worker)
  }

  /** Has a worker replaced in its turn. Where that is wanted already, the first reason stays. Dropped, it is handled. */
  want(worker: W, reason: string): Promise<void> {
    const known = this.#jobs.get(worker)
    if (known !== undefined) return known.done.promise
    const done = Promise.withResolvers<void>()
    done.promise.catch(() => {})
    if (this.#stopped !== undefined) {
      done.reject(this.#stopped.error)
      return done.promise
    }
    this.#jobs.set(worker, { reason, done, isUnderWay: false })
    this.#advance()
    return done.promise
  }

  /** Has all of them replaced. With the first that fails, those behind it stay. */
  async all(workers: readonly W[], reason: string): Promise<void> {
    if (this.#stopped !== undefined) throw this.#stopped.error
    const added = workers.filter((worker) => !this.has(worker))
    try {
      await Promise.all(workers.map((worker) => this.want(worker, reason)))
    } catch (error) {
      for (const worker of added) this.drop(worker)
      throw error
    }
  }

  /** A worker has ended, or is not to be replaced any more. One that is being replaced stays on its way. */
  drop(worker: W): void {
    const job = this.#jobs.get(worker)
    if (job === undefined || job.isUnderWay) return
    this.#jobs.delete(worker)
    job.done.resolve()
  }

  /** Replaces nobody from now on: those who wait are told `error`. */
  stop(error: unknown): void {
    this.#stopped ??= { error }
    this.#alarm.clear()
    for (const [worker, job] of this.#jobs) {
      if (job.isUnderWay) continue
      this.#jobs.delete(worker)
      job.done.reject(error)
    }
  }

  #advance(): void {
    for (const [worker, job] of this.#jobs) {
      if (job.isUnderWay) continue
      const token = this.#free.surge > 0 ? 'surge' : 'unavailable'
      if (this.#stopped !== undefined || this.#free[token] === 0) return
      const now = this.#clock.now()
      if (now < this.#nextAt) return this.#alarm.set(this.#nextAt, now)
      this.#nextAt = now + this.#spacing
      job.isUnderWay = true
      this.#free[token] -= 1
      void this.#run(worker, job, token)
    }
  }

  async #run(worker: W, { reason, done }: Job, token: Token): Promise<void> {
    try {
      await this.#exchange(worker, reason, token)
      this.#backoff.reset()
      done.resolve()
    } catch (error) {
      this.#nextAt = Math.max(this.#nextAt, this.#clock.now() + this.#backoff.next())
      done.reject(error)
    }
    this.#free[token] += 1
    this.#jobs.delete(worker)
    this.#advance()
  }
}
