import { type Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import { readinessOf } from '../../lifecycle/readiness.ts'
import { supervise } from '../../lifecycle/supervision/supervise.ts'
import type { SupervisePolicy } from '../../lifecycle/supervision/supervise-policy.ts'
import type { Supervised } from '../../lifecycle/supervision/supervised.ts'
import { withTimeout } from '../../lifecycle/with-timeout.ts'
import type { ClusterWorker } from './cluster-worker.ts'
import type { RecycleOptions } from './recycle-options.ts'
import type { Token } from './turnover.ts'
import type { WorkerExit } from './worker-exit.ts'

/** Whoever has seats. */
export interface SeatHost {
  /** Starts a worker, which nobody owns yet. */
  fork(isFirst: boolean): ClusterWorker
  /** The worker of a seat has ended. */
  onEnd(worker: ClusterWorker): void
}

/**
 * One place in a cluster, which is kept taken: when its worker ends, the supervision begins another. To replace one, the
 * next is started beside it, and the life that begins when the old one has ended takes over what runs already.
 */
export class ClusterSeat {
  readonly name: string
  readonly supervised: Supervised
  current: ClusterWorker | undefined = undefined
  #next: ClusterWorker | undefined = undefined
  /** Whether it has had no worker yet. */
  #isFirst = true
  readonly #home: Lifecycle
  readonly #options: RecycleOptions
  readonly #host: SeatHost

  constructor(home: Lifecycle, name: string, options: RecycleOptions, host: SeatHost) {
    const { readyTimeout = 30_000, backoff, intensity } = options
    this.name = name
    this.#home = home
    this.#options = options
    this.#host = host
    // That it ends before is told by its life.
    const readyWhen = (): unknown => this.current?.ready.catch(() => new Promise(() => {}))
    const policy: SupervisePolicy<unknown> = { readyWhen, readyTimeout }
    if (backoff !== undefined) policy.backoff = backoff
    if (intensity !== undefined) policy.intensity = intensity
    this.supervised = supervise(home, name, (scope) => this.#live(scope), policy)
  }

  /**
   * Replaces its worker, and says whether it did: the old one may have crashed first, and the new one have its place.
   * Rejects where the new one is not ready in time: then the old one is still there.
   */
  async replace(old: ClusterWorker, reason: string, token: Token): Promise<boolean> {
    const next = token === 'surge' ? this.#prepare() : undefined
    try {
      if (next !== undefined) await this.#untilReady(next)
      if (next !== undefined && this.current === next) return false
      const { notice = 1_000 } = this.#options
      old.manner = { reason: `it is recycled: ${reason}`, notice, isHard: reason === 'hard-memory' }
      await this.supervised.restart()
      return true
    } catch (error) {
      if (next !== undefined && this.#next === next) await this.#dismiss(next)
      throw error
    }
  }

  /** Starts the one that is to come, outside of any life of this seat. */
  #prepare(): ClusterWorker {
    scopeOf(this.#home).checkOpen()
    const next = this.#host.fork(false)
    this.#next = next
    next.join(this.#home, `${this.name}-next`, this.#drain)
    return next
  }

  async #dismiss(next: ClusterWorker): Promise<void> {
    this.#next = undefined
    await this.#home.release(next)
  }

  #untilReady(next: ClusterWorker): Promise<void> {
    const { readyTimeout: timeout = 30_000 } = this.#options
    const { clock } = scopeOf(this.#home)
    const name = `the next ${this.name}`
    return withTimeout(() => next.ready, { timeout, name, clock, signal: this.#home.signal })
  }

  async #live(scope: Lifecycle): Promise<WorkerExit | undefined> {
    if (this.#next === undefined && readinessOf(scopeOf(scope)).draining) return await aborted(scope.signal)
    const worker = this.#take(scope)
    const exit = await worker.ended
    if (this.current === worker) this.current = undefined
    this.#host.onEnd(worker)
    return exit
  }

  /** The one that was prepared, or one that is started now. */
  #take(scope: Lifecycle): ClusterWorker {
    const next = this.#next
    this.#next = undefined
    // It has gone while the old one finished: that is no life of this seat.
    const isLost = next?.state === 'ended'
    if (isLost) this.#host.onEnd(next)
    const worker = isLost ? this.#host.fork(false) : (next ?? this.#host.fork(this.#isFirst))
    this.#isFirst = false
    this.current = worker
    worker.join(scope, 'process', this.#drain)
    if (worker === next) this.#home.forget(next)
    return worker
  }

  get #drain(): number {
    return this.#options.drain ?? 30_000
  }
}

/** Whoever is about to go begins nothing more. */
function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}
