import { checkBoolean, checkObject, checkOptions, checkTimeout } from '../lifecycle/check.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { customInspect } from '../lifecycle/inspect.ts'
import type { Kind } from '../lifecycle/kind.ts'
import { defineOwnKind, ownKind } from '../lifecycle/own-kind.ts'
import type { Voice } from '../lifecycle/voice.ts'
import { QueueCore } from './queue/queue-core.ts'
import { QueueIterator } from './queue/queue-iterator.ts'
import {
  type BoundedQueueOptions,
  checkWaitOptions,
  type QueueWaitOptions,
  queueSettings,
} from './queue/queue-options.ts'
import type { QueueEnd, QueueStats } from './queue/queue-stats.ts'

let voiceOf: (queue: BoundedQueue<unknown>) => Voice

/**
 * A queue with a limit, between those who bring items and those who take them, at a price of nanoseconds. What becomes
 * of one too many is yours to choose; none is given up uncounted. Items come out in the order in which they went in, and
 * who waits for one is served in order of coming.
 *
 * It stands alone or in a lifecycle, where closing has what is left taken out first.
 *
 * @example
 * ```ts
 * const lines = life.use(new BoundedQueue<string>({ max: 10_000, overflow: 'drop-oldest' }), { name: 'lines' })
 * socket.on('line', (line) => lines.push(line))
 * for await (const line of lines) await store(line)
 * ```
 */
export class BoundedQueue<T> implements AsyncDisposable, AsyncIterable<T, undefined> {
  readonly #core: QueueCore<T>

  static {
    voiceOf = (queue) => queue.#core.voice
  }

  /** @throws TypeError or RangeError for a bad option. */
  constructor(options: BoundedQueueOptions<T>) {
    this.#core = new QueueCore(queueSettings(options))
  }

  /** Its path: `/queue`, or where it is in its lifecycle. */
  get path(): string {
    return this.#core.voice.path
  }

  /** How many items wait. */
  get size(): number {
    return this.#core.size
  }

  /**
   * Adds an item, or hands it to who has been waiting longest.
   *
   * @returns whether it is in: only with `drop-newest` it may not be.
   * @throws EndswellError `ERR_QUEUE_FULL` when there is no room, with `reject` and `wait`.
   * @throws ReferenceError `ERR_CLOSED` when it is closed, or is being closed.
   */
  push(item: T): boolean {
    return this.#core.push(item)
  }

  /**
   * Adds an item as `push` does, and with `wait` waits for room, in order of coming.
   *
   * @returns whether it is in. It rejects with what `push` would throw; with `wait` also with the reason of the signal,
   * with a `TimeoutError`, and with `ERR_QUEUE_FULL` where too many wait already.
   * @throws TypeError or RangeError for a bad option: at once, not as a rejection.
   */
  put(item: T, options: QueueWaitOptions = {}): Promise<boolean> {
    checkWaitOptions('put', options)
    return this.#core.put(item, options)
  }

  /** Takes the first item, or `undefined` where there is none. */
  shift(): T | undefined {
    return this.#core.shift()
  }

  /** The first item, which stays; `undefined` where there is none. */
  peek(): T | undefined {
    return this.#core.peek()
  }

  /**
   * Takes the first item, and waits for one where there is none, in order of coming.
   *
   * @returns the item. It rejects with a ReferenceError `ERR_CLOSED` when it is closed and nothing is left; with the
   * reason of the signal; with a `TimeoutError`; with `ERR_QUEUE_FULL` where too many wait already.
   * @throws TypeError or RangeError for a bad option: at once, not as a rejection.
   */
  take(options: QueueWaitOptions = {}): Promise<T> {
    checkWaitOptions('take', options)
    return this.#core.take(options)
  }

  /** Takes one item after another, and ends when it is closed and nothing is left. Several share what comes. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return new QueueIterator(this.#core)
  }

  /** Gives up all items that wait. Returns how many there were. */
  clear(): number {
    return this.#core.clear()
  }

  /** What has come in, gone out and been given up so far. */
  stats(): QueueStats {
    return this.#core.stats()
  }

  /**
   * Takes nothing more. What is left can be taken for `timeout` ms (default: 5 000; 0, or `drain: false`: not at all);
   * then it is given up, and handed back. Who waits for room is refused at once, and so is who waits for an item that
   * will not come. A later call gets the same promise, and can only shorten the time.
   *
   * @returns what became of the items. It never rejects.
   * @throws TypeError or RangeError for a bad option: at once, not as a rejection.
   */
  close(options: { timeout?: number; drain?: boolean } = {}): Promise<QueueEnd<T>> {
    checkObject('options', options)
    checkOptions('close', options, ['timeout', 'drain'])
    const { timeout = 5_000, drain = true } = options
    checkTimeout('options.timeout', timeout)
    checkBoolean('options.drain', drain)
    return this.#core.close(drain ? timeout : 0)
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
    return `BoundedQueue ${this.path} { ${describe(this)} }`
  }

  get [ownKind](): Kind {
    return queueKind
  }
}

function describe(queue: { stats(): QueueStats }): string {
  const { size, max } = queue.stats()
  return `${size} of ${max}`
}

const queueKind = defineOwnKind<BoundedQueue<unknown>>({
  name: 'queue',
  voiceOf: (queue) => voiceOf(queue),
  describe,
  note: (queue) => {
    const { close } = queue.stats().dropped
    return close === 0 ? undefined : `${close} of its items were not taken`
  },
}) as Kind
