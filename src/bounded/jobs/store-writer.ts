import { Alarm } from '../../lifecycle/alarm.ts'
import { Backoff } from '../../lifecycle/backoff.ts'
import type { Clock } from '../../lifecycle/clock.ts'
import { EndswellError } from '../../lifecycle/errors.ts'
import { withTimeout } from '../../lifecycle/with-timeout.ts'
import type { JobStore } from './job-store.ts'
import { Line, type Place } from './line.ts'

/** What is to be under a key, and for how many ms; nothing where there is no value. */
export interface Written {
  readonly value?: unknown
  readonly ttl?: number
}

/** The last change of one key that the store does not have yet. */
interface Change {
  readonly key: string
  written: () => Written
  /** Where it waits. None while it is being written. */
  place: Place<Change> | undefined
  /** It changed once more while it was being written. */
  again: boolean
  failed: boolean
  /** How many writes of it have not settled, those that were given up included. */
  writes: number
}

/** Somebody who waits until these have been written. */
interface Flush {
  readonly left: Set<Change>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** What a writer works with, and whom it tells. */
interface WriterParts {
  readonly store: JobStore
  readonly clock: Clock
  readonly timeout: number
  readonly most: number
  onFailed(key: string, error: unknown): void
  /** It was written at last, having failed before. */
  onDone(key: string): void
  onLost(key: string): void
  /** Nothing is left to write. */
  onDrained(): void
}

/** How many keys are written at a time. */
const WIDTH = 8

/**
 * Writes changes to a store: those of one key one after another and only the newest that there is, those of different
 * keys at once. After a failure it waits, longer each time, and tries with one alone; so what is kept for a store that is
 * away is one change a key, and at most so many keys.
 */
export class StoreWriter {
  readonly counts = { saved: 0, saveFailures: 0, lost: 0 }
  readonly #parts: WriterParts
  readonly #changes = new Map<string, Change>()
  /** Those of which a write has not settled: it may yet undo a newer one, so they stay to know what is newest. */
  readonly #unsettled = new Map<string, Change>()
  readonly #line = new Line<Change>()
  readonly #backoff = new Backoff()
  readonly #alarm: Alarm
  readonly #flushes = new Set<Flush>()
  #busy = 0
  #resting = false
  /** Aborts when it is stopped: then nobody waits for the writes that are under way. */
  readonly #controller = new AbortController()

  constructor(parts: WriterParts) {
    this.#parts = parts
    this.#alarm = new Alarm(parts.clock, () => this.#rested(), { ref: false })
  }

  /** How many keys have a change that is not written. */
  get unsaved(): number {
    return this.#changes.size
  }

  /** What will be under that key, if that is not written yet. */
  upcoming(key: string): Written | undefined {
    return this.#changes.get(key)?.written()
  }

  /** Has something written under that key: `written` is asked when it is its turn. */
  put(key: string, written: () => Written): void {
    if (this.#controller.signal.aborted) return
    const known = this.#changes.get(key)
    if (known !== undefined) {
      known.written = written
      known.again = known.place === undefined
      return
    }
    const change = this.#unsettled.get(key) ?? {
      key,
      written,
      place: undefined,
      again: false,
      failed: false,
      writes: 0,
    }
    change.written = written
    this.#changes.set(key, change)
    change.place = this.#line.push(change)
    if (this.#changes.size > this.#parts.most && this.#line.size > 1) this.#lose()
    this.#pump()
  }

  /** Tries now what waits. It rejects with the first failure, after which the rest waits on. */
  flush(): Promise<void> {
    if (this.#changes.size === 0) return Promise.resolve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#flushes.add({ left: new Set(this.#changes.values()), resolve, reject })
    this.#rested()
    return promise
  }

  /** Gives up what waits; what is being written is not heard of again. Who still flushes is told `error`. */
  stop(error: Error): void {
    this.#controller.abort(error)
    this.#alarm.clear()
    this.#changes.clear()
    this.#unsettled.clear()
    while (this.#line.shift() !== undefined);
    this.#failFlushes(error)
  }

  #rested(): void {
    this.#resting = false
    this.#alarm.clear()
    this.#pump()
  }

  #pump(): void {
    // What failed is tried alone, not with all that have piled up behind it.
    const width = this.#backoff.failures > 0 ? 1 : WIDTH
    while (!this.#resting && this.#busy < width) {
      const change = this.#line.shift()
      if (change === undefined) return
      change.place = undefined
      void this.#write(change)
    }
  }

  async #write(change: Change): Promise<void> {
    const { clock, timeout } = this.#parts
    this.#busy += 1
    change.again = false
    let failure: { error: unknown } | undefined
    try {
      const onLate = (): void => this.#cameLate(change)
      const { signal } = this.#controller
      await withTimeout(() => this.#tell(change), { timeout, signal, clock, name: 'write', onLate })
    } catch (error) {
      failure = { error }
    }
    this.#busy -= 1
    if (this.#controller.signal.aborted) return
    if (failure === undefined) this.#saved(change)
    else this.#failed(change, failure.error)
    this.#pump()
    if (this.#changes.size === 0) this.#parts.onDrained()
  }

  async #tell(change: Change): Promise<void> {
    const { key, written } = change
    const { store } = this.#parts
    this.#unsettled.set(key, change)
    change.writes += 1
    try {
      const { value, ttl } = written()
      if (value === undefined) return void (await store.delete(key))
      // A keyv whose 'error' is listened to does not reject.
      if ((await store.set(key, value, ttl)) === false)
        throw new Error(`The store did not take '${key}': it said false.`)
    } finally {
      change.writes -= 1
      if (change.writes === 0) this.#unsettled.delete(key)
    }
  }

  /** A write that had been given up went through: perhaps over a newer one, which is written once more. */
  #cameLate({ key, written }: Change): void {
    this.put(key, written)
  }

  #saved(change: Change): void {
    this.counts.saved += 1
    this.#backoff.reset()
    if (change.failed) this.#parts.onDone(change.key)
    change.failed = false
    if (change.again) {
      change.place = this.#line.push(change)
      return
    }
    this.#changes.delete(change.key)
    this.#settle(change)
  }

  #failed(change: Change, error: unknown): void {
    this.counts.saveFailures += 1
    change.failed = true
    change.place = this.#line.push(change)
    if (!this.#resting) {
      // Others that fail with it are the same failure.
      this.#resting = true
      const now = this.#parts.clock.now()
      this.#alarm.set(now + this.#backoff.next(), now)
    }
    this.#failFlushes(error)
    this.#parts.onFailed(change.key, error)
  }

  #lose(): void {
    const oldest = this.#line.shift()
    if (oldest === undefined) return
    this.#changes.delete(oldest.key)
    this.counts.lost += 1
    const message = `The change of '${oldest.key}' was given up: ${this.#parts.most} newer ones wait for the store.`
    this.#failFlushes(new EndswellError('ERR_DROPPED', message))
    this.#parts.onLost(oldest.key)
  }

  #settle(change: Change): void {
    if (this.#flushes.size === 0) return
    for (const flush of this.#flushes) {
      flush.left.delete(change)
      if (flush.left.size > 0) continue
      this.#flushes.delete(flush)
      flush.resolve()
    }
  }

  #failFlushes(error: unknown): void {
    for (const { reject } of this.#flushes) reject(error)
    this.#flushes.clear()
  }
}
