import { wrongType } from '../lifecycle/check.ts'
import { closedError } from '../lifecycle/closed-error.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { customInspect } from '../lifecycle/inspect.ts'
import type { Kind } from '../lifecycle/kind.ts'
import type { CloseOptions } from '../lifecycle/own-ending.ts'
import { defineOwnKind, ownKind } from '../lifecycle/own-kind.ts'
import type { Voice } from '../lifecycle/voice.ts'
import { RetryCore } from './retry/retry-core.ts'
import { type RetryBufferOptions, retrySettings } from './retry/retry-options.ts'
import type { RetryEnd, RetryStats } from './retry/retry-stats.ts'

let voiceOf: (buffer: RetryBuffer<unknown>) => Voice

/**
 * What waits to be saved while the place where it belongs is away: a bounded number of items, tried again at growing
 * intervals, and on disk meanwhile, so that neither an outage there nor a crash here loses one unannounced.
 *
 * Each item is saved at least once: after a crash it may be twice, so a save should be one that can be repeated.
 *
 * @example
 * ```ts
 * const results = life.use(
 *   new RetryBuffer<Result>({
 *     save: (result, { key, signal }) => api.put(`/results/${key}`, result, { signal }),
 *     spill: '/var/lib/worker/results.retry',
 *   }),
 *   { name: 'results' },
 * )
 * results.add(job.id, result)
 * ```
 */
export class RetryBuffer<T> implements AsyncDisposable {
  readonly #core: RetryCore<T>

  static {
    voiceOf = (buffer) => buffer.#core.voice
  }

  /**
   * Begins to read its file back, where it has one.
   *
   * @throws TypeError or RangeError for a bad option.
   */
  constructor(options: RetryBufferOptions<T>) {
    this.#core = new RetryCore(retrySettings(options))
  }

  /** Its path: `/retry-buffer`, or where it is in its lifecycle. */
  get path(): string {
    return this.#core.voice.path
  }

  /** How many items wait. */
  get size(): number {
    return this.#core.line.size
  }

  /**
   * Resolves when the file has been read back: what was in it comes before all that was added since. It rejects where
   * the file cannot be read, and the next call tries again; until then nothing is written to it.
   */
  ready(): Promise<void> {
    return this.#core.ready()
  }

  /**
   * Adds an item, and saves it as soon as its turn comes. Under a key that waits already it takes the place of the older
   * item. Where there is no room, the oldest is given up, and announced.
   *
   * @throws TypeError for a key that is no string, and what `encode` or JSON throws for an item that cannot be written.
   * @throws ReferenceError `ERR_CLOSED` when it is closed, or is being closed.
   */
  add(key: string, item: T): void {
    if (typeof key !== 'string') throw wrongType('key', 'a string', key)
    this.#checkOpen()
    this.#core.add(key, item)
  }

  /** Whether an item waits under that key. */
  has(key: string): boolean {
    return this.#core.line.get(key) !== undefined
  }

  /** The item that waits under that key. */
  get(key: string): T | undefined {
    return this.#core.line.get(key)?.item
  }

  /** Takes an item out, because it need not be saved any more. Returns whether there was one. */
  delete(key: string): boolean {
    return this.#core.delete(key)
  }

  /** The keys that wait, oldest first. */
  *keys(): Generator<string, void, undefined> {
    for (const { key } of this.#core.line) yield key
  }

  /**
   * Tries again now, whatever wait is on.
   *
   * @throws ReferenceError `ERR_CLOSED` when it is closed, or is being closed.
   */
  retry(): void {
    this.#checkOpen()
    this.#core.retry()
  }

  /**
   * Resolves when all that was added up to now is on disk, or has been saved or given up. It rejects where the file cannot
   * be written; that is tried again by itself. Without `spill` there is nothing to wait for.
   */
  flush(): Promise<void> {
    return this.#core.flush()
  }

  /** How it stands, and what it has counted. */
  stats(): RetryStats {
    return this.#core.stats()
  }

  /**
   * Takes nothing more, writes what waits to disk, and tries each item once more, for `timeout` ms (default: 5 000; 0:
   * not at all). What is left then stays on disk, or without `spill` is given up. A later call gets the same promise, and
   * can only shorten the time.
   *
   * @returns what became of the items. It never rejects.
   * @throws TypeError or RangeError for a bad option: at once, not as a rejection.
   */
  close(options: CloseOptions = {}): Promise<RetryEnd> {
    return this.#core.close(options)
  }

  /** Closes it, and waits for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Calls `listener` with what happens in it. Returns the undo. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    return this.#core.voice.subscribe(listener)
  }

  [customInspect](): string {
    return `RetryBuffer ${this.path} { ${describe(this)} }`
  }

  get [ownKind](): Kind {
    return retryKind
  }

  #checkOpen(): void {
    if (!this.#core.isOpen) throw closedError(this.path)
  }
}

function describe(buffer: { stats(): RetryStats }): string {
  const { size, max, saving } = buffer.stats()
  return `${size} of ${max}, ${saving} being saved`
}

const retryKind = defineOwnKind<RetryBuffer<unknown>>({
  name: 'retry-buffer',
  voiceOf: (buffer) => voiceOf(buffer),
  describe,
  note: (buffer) => {
    const { end } = buffer.stats()
    if (end === undefined || end.saved + end.spilled + end.lost === 0) return undefined
    return `${end.saved} saved, ${end.spilled} on disk, ${end.lost} lost`
  },
  hasLost: (buffer) => (buffer.stats().end?.lost ?? 0) > 0,
}) as Kind
