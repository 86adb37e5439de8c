import type { Worker } from 'node:worker_threads'
import { type Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import type { BridgeThread } from '../bridge/bridge-rows.ts'
import type { WorkerBridge } from '../worker-bridge.ts'
import { type Crew, type Watcher, type WorkerRow, wearRow } from './crew.ts'
import { drawLimits, evenShare } from './limits.ts'
import type { RecycleOptions } from './recycle-options.ts'
import { Wear } from './wear.ts'

/** A `WorkerBridge`, as far as it matters here. */
export type RecyclableBridge = Pick<WorkerBridge, 'threads' | 'ready' | 'recycle'>

/** A thread whose heap can be asked for, as Node has it from 22.16 on. */
interface Measurable {
  getHeapStatistics?(): Promise<{ readonly used_heap_size: number }>
}

/** The threads of a bridge, which keeps them itself. */
export class BridgeCrew implements Crew<Worker> {
  readonly kind = 'thread'
  readonly tells = true
  /** The bridge sees to those. */
  readonly crashed = 0
  readonly #home: Lifecycle
  readonly #bridge: RecyclableBridge
  readonly #options: RecycleOptions
  readonly #watcher: Watcher<Worker>
  readonly #wears = new WeakMap<Worker, Wear>()
  /** Threads whose heap is being asked for: one that is stuck is not asked twice. */
  readonly #asked = new WeakSet<Worker>()

  constructor(home: Lifecycle, bridge: RecyclableBridge, options: RecycleOptions, watcher: Watcher<Worker>) {
    this.#home = home
    this.#bridge = bridge
    this.#options = options
    this.#watcher = watcher
    const { threads } = bridge
    // Those that are there by now have begun together.
    for (const [index, thread] of threads.entries()) this.#draw(thread, evenShare(index, threads.length))
  }

  get members(): readonly Worker[] {
    return this.#bridge.threads.flatMap(({ worker, state }) => (state === 'ready' ? [worker] : []))
  }

  get rows(): readonly WorkerRow[] {
    return this.#bridge.threads.map((thread) => {
      const { path, threadId: id, age, state, calls } = thread
      const wear = this.#wearOf(thread)
      return Object.freeze({ path, id, age: Math.round(age), ...wearRow(wear), requests: calls, state })
    })
  }

  ready(): Promise<void> {
    return this.#bridge.ready()
  }

  wearOf(worker: Worker): Wear | undefined {
    return this.#wears.get(worker)
  }

  pathOf(worker: Worker): string {
    return this.#threadOf(worker)?.path ?? this.#home.path
  }

  sample(): void {
    for (const thread of this.#bridge.threads) {
      this.#wearOf(thread).note({ requests: thread.calls })
      if (thread.state !== 'ready') continue
      this.#watcher.look(thread.worker)
      void this.#measure(thread.worker)
    }
  }

  async replace(worker: Worker, reason: string): Promise<boolean> {
    const { readyTimeout: timeout = 30_000, drain = 30_000 } = this.#options
    const thread = this.#threadOf(worker)
    if (thread?.state !== 'ready') return false
    await this.#bridge.recycle(thread, { reason, timeout, drain })
    return true
  }

  #threadOf(worker: Worker): BridgeThread | undefined {
    return this.#bridge.threads.find((thread) => thread.worker === worker)
  }

  #wearOf(thread: BridgeThread): Wear {
    return this.#wears.get(thread.worker) ?? this.#draw(thread, Math.random())
  }

  #draw({ worker, age }: BridgeThread, share: number): Wear {
    const born = scopeOf(this.#home).clock.now() - age
    const wear = new Wear(drawLimits(this.#options, share), this.#options, born)
    this.#wears.set(worker, wear)
    return wear
  }

  async #measure(worker: Worker & Measurable): Promise<void> {
    if (this.#options.maxHeap === undefined || this.#asked.has(worker)) return
    this.#asked.add(worker)
    try {
      const statistics = await worker.getHeapStatistics?.()
      if (statistics === undefined) return
      this.#wears.get(worker)?.note({ heap: statistics.used_heap_size })
      this.#watcher.look(worker)
    } catch {
      // It has ended meanwhile, and with it its heap.
    } finally {
      this.#asked.delete(worker)
    }
  }
}
