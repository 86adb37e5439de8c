import { checkFunction, outOfRange } from '../lifecycle/check.ts'
import { checkShare } from '../lifecycle/check-share.ts'
import { closedError } from '../lifecycle/closed-error.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { customInspect } from '../lifecycle/inspect.ts'
import { type CloseOptions, Ending } from '../lifecycle/own-ending.ts'
import { defineOwnKind, ownKind } from '../lifecycle/own-kind.ts'
import type { Sweepable, SweepContext, Swept } from '../lifecycle/sweepable.ts'
import { Voice } from '../lifecycle/voice.ts'
import { type BoundedCacheOptions, type CacheRules, cacheRules } from './cache/cache-options.ts'
import { type CacheEnd, type CacheStats, cacheStats } from './cache/cache-stats.ts'
import { CacheStore } from './cache/cache-store.ts'
import { fullError } from './cache/eviction.ts'
import { Farewells } from './cache/farewells.ts'
import { Flights, type Load } from './cache/flights.ts'
import type { Ring } from './cache/ring.ts'
import { type CacheFetchOptions, type CacheSetOptions, checkFetch, checkSet } from './cache/set-options.ts'
import { Slots } from './cache/slots.ts'
import { weightOf } from './cache/weigher.ts'

let voiceOf: (cache: BoundedCache<never, never>) => Voice

/**
 * Keeps what was used last, or came last, up to a number of entries or to a weight, and each as long as it may live. It
 * is never larger than that, not even for a moment; what expires leaves by itself, by one timer for all; and every value
 * that leaves is announced once, with the reason.
 * It is used as a `Map` is, and what is done to one entry takes the same time however many there are.
 */
export class BoundedCache<K, V> implements Sweepable, AsyncDisposable {
  readonly #index: ReadonlyMap<K, number>
  readonly #values: readonly (V | undefined)[]
  /** The order that a use changes, if it does. */
  readonly #order: Ring | undefined
  /** Whether there is more to an entry's use than that: it may have expired, or ended. */
  #isTimed: boolean
  #hits = 0
  #misses = 0
  readonly #voice: Voice
  readonly #rules: CacheRules<K, V>
  readonly #isWeighed: boolean
  readonly #farewells: Farewells<K, V>
  readonly #store: CacheStore<K, V>
  #flights: Flights<K, V> | undefined = undefined
  readonly #ending: Ending<CacheEnd>
  #isClosed = false

  static {
    voiceOf = (cache) => cache.#voice
    Object.defineProperty(BoundedCache.prototype, ownKind, { get: () => kind })
  }

  /** @throws TypeError or RangeError for an unknown or bad option, or where there is no limit. */
  constructor(options: BoundedCacheOptions<K, V>) {
    this.#rules = cacheRules(options)
    const { evict, ttl, ttlFrom, maxSize } = this.#rules
    const slots = new Slots<K, V>()
    ;({ index: this.#index, values: this.#values } = slots)
    this.#order = evict === 'lru' ? slots.used : undefined
    this.#isTimed = ttl < Number.POSITIVE_INFINITY || ttlFrom === 'terminal'
    this.#isWeighed = maxSize !== undefined
    this.#voice = new Voice(kind.name, options.name)
    this.#farewells = new Farewells(this.#voice, this.#rules.onEvict)
    this.#store = new CacheStore(slots, this.#rules, this.#farewells, () => fullError(this.path))
    this.#ending = new Ending(this.#rules.clock, () => {})
  }

  /** Its path: `/cache` as long as it stands alone. */
  get path(): string {
    return this.#voice.path
  }

  /** How many entries there are. */
  get size(): number {
    return this.#store.size
  }

  /** The value of a key, which is used by that; undefined where there is none. */
  get(key: K): V | undefined {
    const slot = this.#index.get(key)
    if (slot === undefined || !this.#use(slot)) {
      this.#misses += 1
      return undefined
    }
    this.#hits += 1
    return this.#values[slot]
  }

  /** Says whether an entry is still there. */
  #use(slot: number): boolean {
    if (this.#isTimed) return this.#store.use(slot)
    if (this.#order !== undefined) this.#order.renew(slot)
    return true
  }

  /** As `get`, but it is no use: neither the entry's turn to go nor its time changes, and nothing is counted. */
  peek(key: K): V | undefined {
    return this.#store.peek(key)
  }

  /** Whether a key has a value. It is no use of it. */
  has(key: K): boolean {
    return this.#store.has(key)
  }

  /**
   * Sets the value of a key. Where that needs room, what has expired goes first, then what has ended, then by `evict`. A
   * value that is too heavy is not kept: it is counted as `refused`, and what its key had before is gone.
   *
   * @throws {@link EndswellError} (`ERR_QUEUE_FULL`) where none of the others may go; TypeError or RangeError for a bad
   * option or weight; ReferenceError (`ERR_CLOSED`) when it is closed.
   */
  set(key: K, value: V, options?: CacheSetOptions): this {
    if (this.#isClosed) throw closedError(this.path)
    if (options === undefined && !this.#isWeighed) this.#store.set(key, value)
    else this.#setWith(key, value, options)
    if (this.#flights !== undefined) this.#flights.leave(key)
    return this
  }

  #setWith(key: K, value: V, options: CacheSetOptions | undefined): void {
    if (options !== undefined) checkSet(options)
    const weight = weightOf(this.#rules, key, value, options?.size)
    if (options?.ttl !== undefined) this.#isTimed = true
    this.#store.setWith(key, value, options?.ttl, weight)
  }

  /**
   * The value of a key, or else what `load` brings, which is set. However many ask at a time, a key is loaded once. What
   * fails is not kept: all who wait get the error, and the next who asks loads anew. Where the key is set, deleted or
   * cleared while it is loaded, that counts, and what the load brings is only for those who wait.
   * @param load its signal aborts when nobody waits any more, or the cache is closed.
   */
  async fetch(key: K, load: Load<K, V>, options: CacheFetchOptions = {}): Promise<V> {
    checkFunction('load', load)
    checkFetch(options)
    if (this.#isClosed) throw closedError(this.path)
    const value = this.get(key)
    if (value !== undefined || this.has(key)) return value as V
    const { signal, ...rest } = options
    this.#flights ??= new Flights()
    return this.#flights.join(key, load, (loaded) => this.set(key, loaded, rest), signal)
  }

  /** Uses an entry without reading it. Says whether there is one. */
  touch(key: K): boolean {
    const slot = this.#index.get(key)
    return slot !== undefined && this.#use(slot)
  }

  /**
   * An entry has ended: its time begins, and it goes before all that have not. Setting its key again makes it run again.
   * Says whether there is one that had not ended. It is a RangeError where `ttlFrom` isn't `'terminal'`.
   */
  markTerminal(key: K): boolean {
    if (this.#rules.ttlFrom !== 'terminal')
      throw outOfRange('options.ttlFrom', "'terminal' for markTerminal", this.#rules.ttlFrom)
    return this.#store.end(key)
  }

  /** Removes an entry. Says whether there was one. */
  delete(key: K): boolean {
    this.#flights?.leave(key)
    return this.#store.delete(key)
  }

  /** Removes all entries. */
  clear(): void {
    this.#flights?.leaveAll()
    this.#store.clear()
  }

  /**
   * Removes that share of the entries, 0 to 1, or of their weight, rounded up: those that would be evicted first, and may
   * be. Returns how many it removed.
   */
  trim(share: number): number {
    checkShare('share', share)
    return this.#store.trim(share)
  }

  /** Removes what has expired; and when memory presses, the share that `pressure` says. */
  sweep({ pressure }: Partial<SweepContext> = {}): Swept {
    const removed = this.#store.expire()
    const level = pressure?.level
    if (level !== 'high' && level !== 'critical') return { removed }
    return { removed: removed + this.#store.trim(this.#rules.pressure[level]) }
  }

  /** All keys, in the order in which they came. As with a `Map`, entries may be set and deleted meanwhile. */
  *keys(): IterableIterator<K> {
    for (const [key] of this.#store.entries()) yield key
  }

  /** All values, in that order. */
  *values(): IterableIterator<V> {
    for (const [, value] of this.#store.entries()) yield value
  }

  /** All keys with their values, in the same order. */
  entries(): IterableIterator<[K, V]> {
    return this.#store.entries()
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries()
  }

  /** Calls `fn` with each value and its key, in the same order. */
  forEach(fn: (value: V, key: K, cache: this) => void): void {
    for (const [key, value] of this.#store.entries()) fn(value, key, this)
  }

  /** What there is and was. */
  stats(): CacheStats {
    const counted = { hits: this.#hits, misses: this.#misses, loading: this.#flights?.size ?? 0 }
    return cacheStats(this.#rules, this.#store, this.#farewells.counts, counted)
  }

  /** Calls `listener` with `item.dropped` and `resource.error`. Returns its undo. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    return this.#voice.subscribe(listener)
  }

  /** Ends it at once: it is cleared, and its loads are aborted. After that it finds nothing. Never rejects. */
  close(options: CloseOptions = {}): Promise<CacheEnd> {
    return this.#ending.by(options, () => {
      this.#isClosed = true
      const aborted = this.#flights?.abortAll(closedError(this.path)) ?? 0
      const cleared = this.#store.clear()
      this.#voice.over()
      this.#ending.over({ cleared, aborted })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  [customInspect](): string {
    return `BoundedCache(${this.path}: ${describe(this.stats())})`
  }
}

const describe = ({ size, max }: CacheStats): string => `${size} of ${max}`

const kind = defineOwnKind<BoundedCache<never, never>>({
  name: 'cache',
  voiceOf: (cache) => voiceOf(cache),
  describe: (cache) => describe(cache.stats()),
})
