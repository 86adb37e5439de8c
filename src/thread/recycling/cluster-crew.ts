import type { Cluster, ClusterSettings } from 'node:cluster'
import { builtin } from '../../lifecycle/builtin.ts'
import { type Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import { ClusterSeat, type SeatHost } from './cluster-seat.ts'
import { ClusterWorker } from './cluster-worker.ts'
import { type Crew, type Watcher, type WorkerRow, wearRow } from './crew.ts'
import { drawLimits, evenShare } from './limits.ts'
import type { RecycleOptions } from './recycle-options.ts'
import type { Token } from './turnover.ts'
import { Wear } from './wear.ts'

/** The workers of a cluster: so many seats, each kept taken. */
export class ClusterCrew implements Crew<ClusterWorker>, SeatHost {
  readonly kind = 'cluster-worker'
  readonly tells = false
  crashed = 0
  readonly #cluster: Cluster
  /** What its workers run. Node keeps that of the whole process, which another cluster may have changed since. */
  readonly #settings: ClusterSettings
  readonly #options: RecycleOptions
  readonly #watcher: Watcher<ClusterWorker>
  readonly #home: Lifecycle
  readonly #seats: ClusterSeat[] = []

  constructor(home: Lifecycle, cluster: Cluster, options: RecycleOptions, watcher: Watcher<ClusterWorker>) {
    this.#home = home
    this.#cluster = cluster
    this.#options = options
    this.#watcher = watcher
    cluster.setupPrimary(options.exec)
    this.#settings = { ...cluster.settings }
    for (let index = 0; index < this.#count; index++)
      this.#seats.push(new ClusterSeat(home, `worker-${index + 1}`, options, this))
  }

  get members(): readonly ClusterWorker[] {
    return this.#seats.flatMap(({ current }) => (current?.state === 'ready' ? [current] : []))
  }

  get rows(): readonly WorkerRow[] {
    const { clock } = scopeOf(this.#home)
    return this.#seats.flatMap(({ current, supervised }) => {
      if (current === undefined) return []
      const { wear, state, pid, worker } = current
      const about = { path: supervised.path, id: worker.id, ...(pid === undefined ? {} : { pid }) }
      const age = Math.round(wear.age(clock.now()))
      return [Object.freeze({ ...about, generation: supervised.incarnation, age, ...wearRow(wear), state })]
    })
  }

  async ready(): Promise<void> {
    await Promise.all(this.#seats.map(({ supervised }) => supervised.ready()))
  }

  wearOf(worker: ClusterWorker): Wear {
    return worker.wear
  }

  pathOf(worker: ClusterWorker): string {
    return this.#seatOf(worker)?.supervised.path ?? this.#home.path
  }

  /** Workers measure themselves; only their age is looked at here. */
  sample(): void {
    for (const worker of this.members) this.#watcher.look(worker)
  }

  async replace(worker: ClusterWorker, reason: string, token: Token): Promise<boolean> {
    return (await this.#seatOf(worker)?.replace(worker, reason, token)) ?? false
  }

  fork(isFirst: boolean): ClusterWorker {
    const { clock } = scopeOf(this.#home)
    const { env, check = 5_000 } = this.#options
    // Those that begin together share the jitter out; the seat that is being made is the next.
    const share = isFirst ? evenShare(this.#seats.length, this.#count) : Math.random()
    const wear = new Wear(drawLimits(this.#options, share), this.#options, clock.now())
    this.#cluster.setupPrimary(this.#settings)
    const worker = new ClusterWorker(this.#cluster.fork(env), wear, check)
    worker.onVitals = () => worker.state === 'ready' && this.#watcher.look(worker)
    return worker
  }

  onEnd(worker: ClusterWorker): void {
    if (!worker.wasAsked) this.crashed += 1
    this.#watcher.lost(worker)
  }

  get #count(): number {
    return this.#options.count ?? builtin('node:os').availableParallelism()
  }

  #seatOf(worker: ClusterWorker): ClusterSeat | undefined {
    return this.#seats.find(({ current }) => current === worker)
  }
}
