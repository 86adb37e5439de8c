import type { Worker } from 'node:worker_threads'
import { checkName, wrongType } from '../lifecycle/check.ts'
import type { Outcome } from '../lifecycle/contract.ts'
import { coded } from '../lifecycle/errors.ts'
import { Lifecycle, scopeOf } from '../lifecycle/lifecycle.ts'
import { PLAIN, splitPlace } from '../lifecycle/place.ts'
import type { MonitorCounts } from './monitor/consequences.ts'
import { HealthCheck, type HealthCheckOptions, type HealthRow } from './monitor/health-check.ts'
import { Lanes } from './monitor/lanes.ts'
import { checkKnown, settingsOf, type ThreadMonitorOptions } from './monitor/monitor-options.ts'
import { Patrol } from './monitor/patrol.ts'
import type { ThreadRow } from './monitor/watched-thread.ts'

/**
 * Watches the threads of this process, and tells which of them hangs, and where.
 *
 * Each thread that is registered beats in memory that all share, a few times a second; the monitor looks. One that is
 * silent for `hang` ms is examined: what is stuck in a loop is told from what waits, from what is in native code, and
 * from what only has much to do. A monitor whose own thread was held up, or whose process was suspended, accuses nobody
 * of it.
 *
 * Create it before the workers: each one that is started later, in whatever thread, can be registered by one line in it,
 * {@link registerThread}. The threads of a `WorkerBridge` register by themselves. There is one monitor in a process.
 *
 * @example
 * ```ts
 * const monitor = new ThreadMonitor(life, { hang: 3_000, onReport: (report) => console.error(String(report)) })
 * ```
 */
export class ThreadMonitor implements AsyncDisposable {
  readonly #home: Lifecycle
  readonly #patrol: Patrol
  readonly #healthChecks = new Set<HealthCheck>()

  /**
   * Begins to watch, as a resource of `life`. It keeps no process alive.
   *
   * @throws Error (`ERR_MISPLACED`) where there is a monitor already; ReferenceError (`ERR_CLOSED`) once closing has
   * begun; TypeError or RangeError for a bad option.
   */
  constructor(life: Lifecycle, options: ThreadMonitorOptions = PLAIN) {
    if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
    scopeOf(life).checkOpen()
    checkKnown(options)
    const [place, own] = splitPlace(options)
    const settings = settingsOf(own)
    if (Lanes.shared?.isOpen)
      throw coded(new Error('A process has one ThreadMonitor, and there is one. Close that first.'), 'ERR_MISPLACED')
    this.#home = life.scope(settings.name, place)
    this.#patrol = new Patrol(scopeOf(this.#home), settings)
    this.#home.defer(() => this.#patrol.end(), { name: 'lanes' })
  }

  /** Its path, such as `/orders/threads`. */
  get path(): string {
    return this.#home.path
  }

  /** The threads that it knows, at this moment: those registered, and workers that are not. */
  get threads(): readonly ThreadRow[] {
    return this.#patrol.rows()
  }

  /** What has happened so far. */
  get counts(): MonitorCounts {
    return this.#patrol.counts
  }

  /** The health checks, at this moment. */
  get healthChecks(): readonly HealthRow[] {
    return Object.freeze([...this.#healthChecks].map((check) => check.row(this.path)))
  }

  /**
   * Lets it know a worker that was started before the monitor was, or gives one a name. Later ones it knows by itself. It
   * does not keep it in memory.
   *
   * @throws TypeError for what is no Worker.
   */
  watch(worker: Worker, { name }: { name?: string } = PLAIN): void {
    if (typeof (worker as Worker | undefined)?.threadId !== 'number') throw wrongType('worker', 'a Worker', worker)
    if (name !== undefined) checkName('options.name', name)
    this.#patrol.watch(worker, name)
  }

  /**
   * Asks something of the service every `interval` ms, apart from the beats of its threads: `fn` rejects where something
   * is wrong. It gets `timeout` ms, then its signal aborts; it is not asked again before it is over. Each failure is
   * published as `resource.error`. It keeps no process alive while it waits.
   *
   * @returns the undo.
   * @throws ReferenceError (`ERR_CLOSED`) once closing has begun; TypeError or RangeError for a bad argument.
   * @example
   * ```ts
   * monitor.healthCheck('pricing', (signal) => bridge.call('ping', [], { signal }), { timeout: 1_000 })
   * ```
   */
  healthCheck(
    name: string,
    fn: (signal: AbortSignal) => unknown,
    options: HealthCheckOptions = PLAIN,
  ): () => Promise<Outcome> {
    const check = new HealthCheck(name, fn, options, scopeOf(this.#home).clock)
    const every = { ref: false, immediate: true }
    const stop = this.#home.every(name, check.interval, (signal) => check.run(signal), every)
    this.#healthChecks.add(check)
    return () => {
      this.#healthChecks.delete(check)
      return stop()
    }
  }

  /** Ends it. Nothing of it is left in this process; threads that were registered beat no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#home.close({ reason: 'the monitor was disposed of' })
  }
}
