import type { Clock } from '../../lifecycle/clock.ts'
import type { Voice } from '../../lifecycle/voice.ts'
import { isStoredJob, type Job, toJob } from './job.ts'
import type { JobEntry } from './job-entry.ts'
import type { JobSettings } from './job-options.ts'
import type { JobStore } from './job-store.ts'
import { StoreWriter, type Written } from './store-writer.ts'

/** The jobs as a store has them: each change is written there, and those of other processes are read. */
export class JobMirror<T> {
  readonly writer: StoreWriter
  readonly #store: JobStore
  readonly #settings: JobSettings<T>

  constructor(store: JobStore, settings: JobSettings<T>, voice: Voice, onDrained: () => void) {
    this.#store = store
    this.#settings = settings
    this.writer = new StoreWriter({
      store,
      clock: settings.clock,
      timeout: settings.writeTimeout,
      most: settings.maxUnsaved,
      onDrained,
      onFailed: (item, error) => voice.isHeard('save.failed') && voice.tell('save.failed', { item, error }),
      onDone: (item) => voice.isHeard('save.done') && voice.tell('save.done', { item }),
      onLost: (item) => voice.isHeard('item.dropped') && voice.tell('item.dropped', { item, reason: 'unsaved' }),
    })
  }

  /** How many ms the store may go without hearing of an active job. */
  get patience(): number {
    return this.#settings.lease / 2
  }

  save(entry: JobEntry<T>): void {
    // As it is when its turn comes: an older state of it needs nobody any more.
    this.writer.put(entry.id, () => written(entry, this.#settings))
  }

  forget(id: string): void {
    this.writer.put(id, () => ({}))
  }

  async find(id: string): Promise<Job<T> | undefined> {
    const upcoming = this.writer.upcoming(id)
    const value = upcoming === undefined ? await this.#store.get(id) : upcoming.value
    if (!isStoredJob<T>(value, id)) return undefined
    const { retain, wall } = this.#settings
    const date = wall()
    // A store without a sense of time keeps it for longer.
    if (value.endedAt !== undefined && date - value.endedAt >= retain) return undefined
    return toJob(value, date - value.startedAt)
  }
}

function written<T>(entry: JobEntry<T>, settings: { retain: number; lease: number; clock: Clock }): Written {
  const { retain, lease, clock } = settings
  const left = entry.state === 'active' ? lease : entry.over + retain - clock.now()
  if (left <= 0) return {}
  return { value: entry.stored(), ...(left === Number.POSITIVE_INFINITY ? {} : { ttl: Math.ceil(left) }) }
}
