import { checkObject, checkOptions, checkTimeout, outOfRange, wrongType } from '../lifecycle/check.ts'
import { checkCount } from '../lifecycle/check-count.ts'
import { closedError } from '../lifecycle/closed-error.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { customInspect } from '../lifecycle/inspect.ts'
import type { Kind } from '../lifecycle/kind.ts'
import type { CloseOptions } from '../lifecycle/own-ending.ts'
import { defineOwnKind, ownKind } from '../lifecycle/own-kind.ts'
import type { Sweepable, SweepContext, Swept } from '../lifecycle/sweepable.ts'
import type { Voice } from '../lifecycle/voice.ts'
import { ReplayCore } from './replay/replay-core.ts'
import type { Replay } from './replay/replay-items.ts'
import { type ReplayBufferOptions, replaySettings } from './replay/replay-options.ts'
import type { ReplayEnd, ReplayStats } from './replay/replay-stats.ts'

let voiceOf: (buffer: ReplayBuffer<unknown>) => Voice

/**
 * The last items of a stream, numbered, so that a reader who was away can have what he missed, and knows when he cannot.
 * Readers leave nothing behind in it: each keeps the number to go on from. What is too old leaves by itself, without
 * anybody writing or reading.
 *
 * @example
 * ```ts
 * const recent = life.use(new ReplayBuffer<Message>({ max: 500, ttl: 60_000 }), { name: 'recent' })
 * const id = recent.push(message)
 * const { items, gap, next } = recent.replayFrom(lastSeen + 1)
 * ```
 */
export class ReplayBuffer<T> implements AsyncDisposable, Sweepable {
  readonly #core: ReplayCore<T>

  static {
    voiceOf = (buffer) => buffer.#core.voice
  }

  /** @throws TypeError or RangeError for a bad option. */
  constructor(options: ReplayBufferOptions<T>) {
    this.#core = new ReplayCore(replaySettings(options))
  }

  /** Its path: `/replay-buffer`, or where it is in its lifecycle. */
  get path(): string {
    return this.#core.voice.path
  }

  /** How many items are kept. */
  get size(): number {
    this.#core.dropOld()
    return this.#core.items.size
  }

  /** The number of the item that was pushed last, 0 before the first. */
  get latest(): number {
    return this.#core.items.latest
  }

  /** The number of the oldest item that may be had; `undefined` where there is none. */
  get oldest(): number | undefined {
    return this.size === 0 ? undefined : this.#core.items.first
  }

  /**
   * Adds an item. Where there is no room the oldest are dropped; one that alone has more than `maxBytes` is not kept, and
   * those who read past it are told of a gap.
   *
   * @returns its number, from 1.
   * @throws TypeError or RangeError when `weigh` brings no number of bytes, and whatever it throws.
   * @throws ReferenceError `ERR_CLOSED` when it is closed.
   */
  push(item: T): number {
    if (!this.#core.isOpen) throw closedError(this.path)
    return this.#core.push(item)
  }

  /**
   * The items from number `id` on. Where some of those are gone, `gap` says so; also where `id` was never given out: then
   * it is from before a restart, and all there is comes.
   *
   * @param options `limit`: how many at most, from 1. Default: all.
   * @throws TypeError or RangeError when `id` is not a whole number, 0 or more, or the limit none.
   */
  replayFrom(id: number, options: { limit?: number } = {}): Replay<T> {
    if (typeof id !== 'number') throw wrongType('id', 'a number', id)
    if (!Number.isSafeInteger(id) || id < 0) throw outOfRange('id', 'a whole number, 0 or more', id)
    checkObject('options', options)
    checkOptions('replayFrom', options, ['limit'])
    const { limit } = options
    if (limit !== undefined) checkCount('options.limit', limit)
    this.#core.dropOld()
    return this.#core.items.from(id, limit ?? Number.POSITIVE_INFINITY)
  }

  /** Drops that share of the items, 0 to 1, oldest first. Returns how many those were. */
  trim(fraction: number): number {
    if (typeof fraction !== 'number') throw wrongType('fraction', 'a number', fraction)
    if (!(fraction >= 0 && fraction <= 1)) throw outOfRange('fraction', 'a share from 0 to 1', fraction)
    return this.#core.drop(Math.ceil(this.#core.items.places * fraction), 'pressure')
  }

  /** Drops what is too old, and under high pressure a quarter of the rest, under critical pressure half of it. */
  sweep({ pressure }: SweepContext): Swept {
    const { bytes } = this.#core.items
    const share = pressure?.level === 'critical' ? 0.5 : pressure?.level === 'high' ? 0.25 : 0
    const removed = this.#core.dropOld() + this.trim(share)
    // Who is told of one may push another, and a heavier one.
    return { removed, bytes: Math.max(0, bytes - this.#core.items.bytes) }
  }

  /** Drops all. Numbers go on. Returns how many there were. */
  clear(): number {
    return this.#core.drop(this.#core.items.places, 'clear')
  }

  /** What it has counted. */
  stats(): ReplayStats {
    this.#core.dropOld()
    return this.#core.stats()
  }

  /**
   * Drops all, at once. A later call gets the same promise.
   *
   * @throws TypeError or RangeError for a bad option: at once, not as a rejection.
   */
  close(options: CloseOptions = {}): Promise<ReplayEnd> {
    checkObject('options', options)
    checkOptions('close', options, ['timeout'])
    checkTimeout('options.timeout', options.timeout ?? 0)
    return this.#core.close()
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Calls `listener` with what happens in it. Returns the undo. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    return this.#core.voice.subscribe(listener)
  }

  [customInspect](): string {
    return `ReplayBuffer ${this.path} { ${describe(this)} }`
  }

  get [ownKind](): Kind {
    return replayKind
  }
}

function describe(buffer: { stats(): ReplayStats }): string {
  const { size, max } = buffer.stats()
  return `${size} of ${max}`
}

const replayKind = defineOwnKind<ReplayBuffer<unknown>>({
  name: 'replay-buffer',
  voiceOf: (buffer) => voiceOf(buffer),
  describe,
}) as Kind
