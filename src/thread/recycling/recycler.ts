import { coded } from '../../lifecycle/errors.ts'
import { isHeard, publish } from '../../lifecycle/events.ts'
import { customInspect } from '../../lifecycle/inspect.ts'
import { type Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import { readinessOf } from '../../lifecycle/readiness.ts'
import { watchClosing } from '../../lifecycle/watch-closing.ts'
import type { Crew, Watcher, WorkerRow } from './crew.ts'
import type { RecycleOptions } from './recycle-options.ts'
import { type Token, Turnover } from './turnover.ts'

/** How often what has happened. */
export interface RecycleCounts {
  /** How many workers were replaced, by reason. */
  readonly recycled: Readonly<Record<string, number>>
  /** How many workers have ended without being asked to. */
  readonly crashed: number
  /** How many replacements were broken off, since the new worker did not come up. */
  readonly aborted: number
}

/** Workers that are replaced now and then, as their owner sees them. */
export interface RecycledWorkers extends AsyncDisposable {
  /** Names from the root, such as `/shop/cluster`. */
  readonly path: string
  /** Those there are at this moment. */
  readonly workers: readonly WorkerRow[]
  /** How often what has happened. */
  readonly counts: RecycleCounts
  /** Resolves when all serve. Rejects when one never will: ERR_GAVE_UP, or `ERR_CLOSED` where all closes. */
  ready(): Promise<void>
  /**
   * Replaces all that serve now, one after another, as after a new release. Rejects with what the first replacement that
   * failed has said: the workers behind it stay; with `ERR_CLOSED` once its lifecycle drains or closes. Dropped, it is no unhandled rejection.
   *
   * @param reason for the events and counts. Default: `asked`.
   */
  recycle(reason?: string): Promise<void>
}

/** Watches how worn workers are, and replaces those that are due. */
export class Recycler<W> implements RecycledWorkers, Watcher<W> {
  readonly #home: Lifecycle
  readonly #crew: Crew<W>
  readonly #turnover: Turnover<W>
  readonly #recycled = new Map<string, number>()
  #aborted = 0

  constructor(home: Lifecycle, options: RecycleOptions, makeCrew: (watcher: Watcher<W>) => Crew<W>) {
    const scope = scopeOf(home)
    this.#home = home
    this.#turnover = new Turnover(options, scope.clock, (...exchange) => this.#exchange(...exchange))
    this.#crew = makeCrew(this)
    watchClosing(
      scope,
      () => {},
      () => this.#turnover.stop(this.#closed()),
    )
    // Whoever heard of the first workers may have closed it.
    if (home.state === 'open') home.every('check', options.check ?? 5_000, () => this.#crew.sample(), { ref: false })
  }

  get path(): string {
    return this.#home.path
  }

  get workers(): readonly WorkerRow[] {
    return Object.freeze([...this.#crew.rows])
  }

  get counts(): RecycleCounts {
    const recycled = Object.freeze(Object.fromEntries(this.#recycled))
    return Object.freeze({ recycled, crashed: this.#crew.crashed, aborted: this.#aborted })
  }

  ready(): Promise<void> {
    return this.#crew.ready()
  }

  recycle(reason = 'asked'): Promise<void> {
    const done = this.#turnover.all(this.#crew.members, reason)
    done.catch(() => {})
    return done
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#home.close({ reason: 'the recycling was disposed of' })
  }

  look(worker: W): void {
    const scope = scopeOf(this.#home)
    if (this.#isLeaving) return
    const due = this.#crew.wearOf(worker)?.due(scope.clock.now())
    if (due !== undefined) void this.#turnover.want(worker, due)
  }

  lost(worker: W): void {
    this.#turnover.drop(worker)
  }

  /** Whether the lifecycle drains or closes: then nobody is replaced. */
  get #isLeaving(): boolean {
    const scope = scopeOf(this.#home)
    return scope.state !== 'open' || readinessOf(scope).draining
  }

  #closed(cause?: unknown): ReferenceError {
    return coded(
      new ReferenceError(
        `${this.path} is closing: no worker is replaced.`,
        cause === undefined ? undefined : { cause },
      ),
      'ERR_CLOSED',
    )
  }

  async #exchange(worker: W, reason: string, token: Token): Promise<void> {
    if (this.#isLeaving) throw this.#closed()
    const scope = scopeOf(this.#home)
    const path = this.#crew.pathOf(worker)
    const since = scope.clock.now()
    const tell = (type: 'worker.recycled' | 'resource.error', more: object): void => {
      if (!isHeard(scope, type)) return
      const ms = Math.round(scope.clock.now() - since)
      publish(scope, Object.freeze({ type, path, kind: this.#crew.kind, reason, ms, ...more }))
    }
    try {
      if (!(await this.#crew.replace(worker, reason, token))) return
    } catch (error) {
      // What a shutdown breaks off is no failure.
      if (scope.state !== 'open') throw this.#closed(error)
      this.#aborted += 1
      tell('resource.error', { error })
      throw error
    }
    this.#recycled.set(reason, (this.#recycled.get(reason) ?? 0) + 1)
    if (!this.#crew.tells) tell('worker.recycled', {})
  }

  [customInspect](): object {
    return { path: this.path, workers: this.workers, counts: this.counts }
  }
}
