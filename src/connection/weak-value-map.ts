import { checkObject, checkOptions, checkTimeout, isObject, wrongType } from '../lifecycle/check.ts'
import { closedError } from '../lifecycle/closed-error.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { customInspect } from '../lifecycle/inspect.ts'
import type { Kind } from '../lifecycle/kind.ts'
import { guarded } from '../lifecycle/outcry.ts'
import type { CloseOptions } from '../lifecycle/own-ending.ts'
import { defineOwnKind, ownKind } from '../lifecycle/own-kind.ts'
import { PLAIN } from '../lifecycle/place.ts'
import { Voice } from '../lifecycle/voice.ts'
import { Slot, Slots } from './weak/slots.ts'
import {
  checkWeakValueMap,
  type WeakValueMapEnd,
  type WeakValueMapOptions,
  type WeakValueMapStats,
} from './weak/weak-value-map-options.ts'

/**
 * How many slots each `set` looks at, so that what is collected leaves even where no finalizer runs. One more than it
 * adds: with one, the look would run ahead of a growing map for ever and never come round.
 */
const SWEPT_A_SET = 2
/** How many more it looks at where the map is full, before the oldest must leave. */
const SWEPT_WHEN_FULL = 3

let voiceOf: (map: WeakValueMap<never, never>) => Voice

/**
 * A `Map` that does not keep its values alive: an entry leaves when its value is collected. For finding by a key what
 * somebody else owns, such as the open connection of a user, so that a forgotten entry costs nothing.
 *
 * Never a clean-up: nothing says when, or whether, a value is collected. Keys are held; one that leads to its own value
 * would keep that for good. A full map lets its oldest entry go: its value lives on, and is only not found here any more.
 * A value that was read stays at least until the present job is over.
 *
 * @example
 * ```ts
 * const sockets = life.use(new WeakValueMap<string, WebSocket>({ max: 50_000 }), { name: 'sockets' })
 * sockets.set(user.id, socket)
 * sockets.get(user.id)?.send('hello')
 * ```
 */
export class WeakValueMap<K, V extends object> implements AsyncDisposable {
  readonly #voice: Voice
  readonly #max: number
  readonly #onCollect: ((key: K) => unknown) | undefined
  readonly #map = new Map<K, Slot<K, V>>()
  readonly #slots = new Slots<K, V>()
  readonly #registry = new FinalizationRegistry<Slot<K, V>>((slot) => this.#collected(slot))
  readonly #counts = { collected: 0, replaced: 0, evicted: 0 }
  #end: Promise<WeakValueMapEnd> | undefined = undefined

  static {
    voiceOf = (map) => map.#voice
  }

  /** @throws TypeError or RangeError for a bad or unknown option. */
  constructor(options: WeakValueMapOptions<K> = PLAIN) {
    checkWeakValueMap(options)
    const { max = 10_000, onCollect, name } = options
    this.#voice = new Voice('weak-map', name)
    this.#max = max
    this.#onCollect = onCollect
  }

  /** Names from the root, such as `/orders/sockets`. */
  get path(): string {
    return this.#voice.path
  }

  /** How many entries it has, values that are collected but not found out yet included. Never more than `max`. */
  get size(): number {
    return this.#map.size
  }

  /** The value of a key, or `undefined` where there is none, or none any more. */
  get(key: K): V | undefined {
    const slot = this.#map.get(key)
    const value = slot?.ref.deref()
    if (slot !== undefined && value === undefined) this.#collected(slot)
    return value
  }

  /** Whether a key has a value that was not collected. */
  has(key: K): boolean {
    return this.get(key) !== undefined
  }

  /**
   * Sets the value of a key, as the newest entry; the same value again changes nothing. In a full map the oldest entry
   * leaves for it, unless one whose value was collected is found first.
   *
   * @throws TypeError for a value that is no object; ReferenceError (`ERR_CLOSED`) once it is closed.
   */
  set(key: K, value: V): this {
    if (!isObject(value)) throw wrongType('value', 'an object: nothing else can be held weakly', value)
    this.#checkOpen()
    const old = this.get(key)
    if (old === value) return this
    if (old !== undefined) this.#counts.replaced += 1
    this.delete(key)
    this.#makeRoom()
    // Whoever was told of what has left may have closed it, or set the key.
    this.#checkOpen()
    this.delete(key)
    const slot = new Slot(key, value)
    this.#map.set(key, slot)
    this.#slots.add(slot)
    this.#registry.register(value, slot, slot)
    return this
  }

  /** Takes a key out. Says whether it had a value. */
  delete(key: K): boolean {
    const slot = this.#map.get(key)
    if (slot === undefined) return false
    this.#drop(slot)
    return slot.ref.deref() !== undefined
  }

  /** Takes everything out. */
  clear(): void {
    for (const slot of this.#map.values()) this.#registry.unregister(slot)
    this.#map.clear()
    this.#slots.clear()
  }

  /** Keys and values that are there, the oldest first. What is set meanwhile is left out: else it might never end. */
  *entries(): MapIterator<[K, V]> {
    const { serial: last } = this.#slots
    for (const { key, ref, serial } of this.#map.values()) {
      if (serial > last) return
      const value = ref.deref()
      if (value !== undefined) yield [key, value]
    }
  }

  /** The keys whose values are still there, the oldest first. */
  *keys(): MapIterator<K> {
    for (const [key] of this.entries()) yield key
  }

  /** The values that are still there, the oldest first. */
  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value
  }

  /** Calls `callback` with each value that is still there, its key and this map. */
  forEach(callback: (value: V, key: K, map: Map<K, V>) => void, thisArg?: unknown): void {
    for (const [key, value] of this.entries()) callback.call(thisArg, value, key, this)
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries()
  }

  get [Symbol.toStringTag](): string {
    return 'WeakValueMap'
  }

  /** How it stands: frozen plain data. It looks at each value. */
  stats(): WeakValueMapStats {
    let live = 0
    for (const { ref } of this.#map.values()) if (ref.deref() !== undefined) live += 1
    return Object.freeze({ size: this.size, live, max: this.#max, ...this.#counts })
  }

  /** Calls `listener` with what happens here. Returns its undo. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    return this.#voice.subscribe(listener)
  }

  /**
   * Lets go of all entries, and takes no more: `set` then throws a ReferenceError (`ERR_CLOSED`), and `get` finds nothing.
   * The values are nobody's to end here. Never rejects; throws a TypeError or RangeError for a bad option.
   */
  close(options: CloseOptions = PLAIN): Promise<WeakValueMapEnd> {
    checkObject('options', options)
    checkOptions('close', options, ['timeout'])
    checkTimeout('options.timeout', options.timeout ?? 0)
    if (this.#end === undefined) {
      this.#end = Promise.resolve(Object.freeze({ released: this.size }))
      this.clear()
      this.#voice.over()
    }
    return this.#end
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  get [ownKind](): Kind<WeakValueMap<never, never>> {
    return weakMapKind
  }

  [customInspect](): string {
    return `WeakValueMap ${this.path}: ${this.size} of ${this.#max}`
  }

  #checkOpen(): void {
    if (this.#end !== undefined) throw closedError(this.path)
  }

  /** Sweeps a little; where that frees nothing in a full map, the oldest leaves. */
  #makeRoom(): void {
    for (let looks = SWEPT_A_SET; looks > 0; looks -= 1) this.#sweepOne()
    for (let looks = SWEPT_WHEN_FULL; looks > 0 && this.size >= this.#max; looks -= 1) this.#sweepOne()
    while (this.size >= this.#max && this.#slots.oldest !== undefined) this.#leave(this.#slots.oldest)
  }

  #sweepOne(): void {
    const slot = this.#slots.next()
    if (slot !== undefined && slot.ref.deref() === undefined) this.#collected(slot)
  }

  #leave(slot: Slot<K, V>): void {
    if (slot.ref.deref() === undefined) return this.#collected(slot)
    this.#drop(slot)
    this.#counts.evicted += 1
    this.#tell(slot.key, 'evict')
  }

  /** A value is gone. The key may have another one by now, which stays. */
  #collected(slot: Slot<K, V>): void {
    if (this.#map.get(slot.key) !== slot) return
    this.#drop(slot)
    this.#counts.collected += 1
    this.#tell(slot.key, 'collect')
    guarded(this.#voice, () => this.#onCollect?.(slot.key))
  }

  #drop(slot: Slot<K, V>): void {
    this.#map.delete(slot.key)
    this.#slots.remove(slot)
    this.#registry.unregister(slot)
  }

  #tell(item: K, reason: string): void {
    if (this.#voice.isHeard('item.dropped')) this.#voice.tell('item.dropped', { item, reason })
  }
}

const weakMapKind = defineOwnKind<WeakValueMap<never, never>>({
  name: 'weak-map',
  voiceOf: (map) => voiceOf(map),
  describe: (map) => `${map.size} entries`,
})
