import type { CacheRules } from './cache-options.ts'
import { Eviction } from './eviction.ts'
import { Expiry } from './expiry.ts'
import type { CacheDropReason, Farewells } from './farewells.ts'
import { NONE, Ring } from './ring.ts'
import type { Slots } from './slots.ts'
import { Weights } from './weights.ts'

/**
 * What a cache does with its entries. Whoever is to hear of a value that left is told when all is in order again, so that
 * he may use the cache.
 */
export class CacheStore<K, V> {
  readonly #slots: Slots<K, V>
  #expiry: Expiry | undefined = undefined
  refused = 0
  readonly #max: number
  readonly #isLru: boolean
  readonly #fromTouch: boolean
  readonly #fromEnd: boolean
  readonly #rules: CacheRules<K, V>
  readonly #eviction: Eviction<K, V>
  readonly #farewells: Farewells<K, V>
  readonly #full: () => Error

  constructor(slots: Slots<K, V>, rules: CacheRules<K, V>, farewells: Farewells<K, V>, full: () => Error) {
    const { max, maxSize, ttl, ttlFrom, evict, evictRunning } = rules
    this.#slots = slots
    this.#max = max
    this.#isLru = evict === 'lru'
    this.#fromTouch = ttlFrom === 'touch'
    this.#fromEnd = ttlFrom === 'terminal'
    this.#rules = rules
    this.#eviction = new Eviction(slots, max, this.#fromEnd && !evictRunning, farewells)
    this.#farewells = farewells
    this.#full = full
    if (maxSize !== undefined) slots.weights = new Weights(maxSize)
    if (this.#fromEnd) slots.ended = new Ring()
    if (ttl < Number.POSITIVE_INFINITY) this.#willExpire()
  }

  /** From now on it is known when entries expire. */
  #willExpire(): void {
    this.#expiry = new Expiry(this.#rules, this.#slots.end, (most) => this.expire(most))
    this.#slots.expiry = this.#expiry
  }

  /** How many entries there are. What has expired is removed first. */
  get size(): number {
    this.expire()
    return this.#slots.index.size
  }

  get weight(): number {
    return this.#slots.weights?.total ?? 0
  }

  /** Uses an entry. Says whether it is still there: one whose time is over is removed. */
  use(slot: number): boolean {
    const expiry = this.#expiry
    if (expiry !== undefined) {
      if (expiry.isOver(slot)) return this.#drop(slot, 'expire')
      if (this.#fromTouch) expiry.start(slot)
    }
    if (this.#isLru && !this.#slots.isEnded(slot)) this.#slots.used.renew(slot)
    return true
  }

  peek(key: K): V | undefined {
    return this.#slots.values[this.#find(key) ?? NONE]
  }

  has(key: K): boolean {
    return this.#find(key) !== undefined
  }

  /** The slot of a key, unless its time is over. It isn't used by that. */
  #find(key: K): number | undefined {
    const slot = this.#slots.index.get(key)
    return slot === undefined || this.#expiry?.isOver(slot) ? undefined : slot
  }

  /** @throws what `full` makes; then nothing has changed but that what had expired is gone. */
  set(key: K, value: V): void {
    const { index } = this.#slots
    if (index.size === this.#max && index.get(key) === undefined) this.#displace(key, value, undefined)
    else this.setWith(key, value, undefined, 1)
  }

  /** Sets a value with a ttl of its own, or a weight. */
  setWith(key: K, value: V, ttl: number | undefined, weight: number): void {
    if (ttl !== undefined && this.#expiry === undefined) this.#willExpire()
    const { index, weights } = this.#slots
    const slot = index.get(key)
    if (slot !== undefined && this.#expiry?.isOver(slot)) {
      this.#drop(slot, 'expire')
      // Whoever heard of that may have set the key.
      this.setWith(key, value, ttl, weight)
    } else if (weight > this.#rules.maxEntrySize) this.#refuse(slot)
    else if (weights !== undefined) this.#setWeighed(slot, key, value, ttl, weight)
    else if (slot !== undefined) this.#replace(slot, value, ttl)
    else if (index.size < this.#max) this.#fill(this.#slots.free(this.#max), key, value, ttl)
    else this.#displace(key, value, ttl)
  }

  #fill(slot: number, key: K, value: V, ttl: number | undefined): void {
    this.#slots.fill(slot, key, value)
    if (this.#expiry !== undefined) this.#startTime(slot, ttl, this.#expiry)
  }

  #startTime(slot: number, ttl: number | undefined, expiry: Expiry): void {
    expiry.assign(slot, ttl)
    if (this.#fromEnd) expiry.stop(slot)
    else expiry.start(slot)
  }

  /** Fills the slot of whoever must go. */
  #displace(key: K, value: V, ttl: number | undefined): void {
    const { index, keys, values, used } = this.#slots
    const expiry = this.#expiry
    const due = expiry === undefined ? NONE : expiry.due()
    const slot = due === NONE ? this.#next() : due
    const gone = keys[slot] as K
    const goneValue = values[slot] as V
    index.delete(gone)
    keys[slot] = key
    values[slot] = value
    index.set(key, slot)
    if (slot === used.first) used.turn()
    else this.#slots.renew(slot)
    if (expiry !== undefined) this.#startTime(slot, ttl, expiry)
    if (due === NONE) this.#farewells.counts.evict += 1
    else this.#farewells.counts.expire += 1
    if (this.#farewells.isHeard) this.#farewells.tell(gone, goneValue, due === NONE ? 'evict' : 'expire')
  }

  #next(): number {
    if (!this.#fromEnd) return this.#slots.used.first
    const slot = this.#eviction.next()
    if (slot !== NONE) return slot
    throw this.#full()
  }

  #replace(slot: number, value: V, ttl: number | undefined): void {
    const slots = this.#slots
    const old = slots.values[slot] as V
    slots.values[slot] = value
    // What has ended begins anew.
    if (this.#isLru || slots.isEnded(slot)) slots.renew(slot)
    if (this.#expiry !== undefined) this.#startTime(slot, ttl, this.#expiry)
    if (!Object.is(old, value)) this.#farewells.say(slots.keys[slot] as K, old, 'replace')
  }

  /** What is too heavy isn't kept, and what was under its key isn't the truth any more. */
  #refuse(slot: number | undefined): void {
    this.refused += 1
    if (slot !== undefined) this.#drop(slot, 'replace')
  }

  #setWeighed(slot: number | undefined, key: K, value: V, ttl: number | undefined, weight: number): void {
    const gone = this.#eviction.makeRoom(weight, slot)
    if (gone === undefined) throw this.#full()
    const slots = this.#slots
    if (slot === undefined) {
      const free = slots.free(this.#max)
      slots.weights?.set(free, weight)
      this.#fill(free, key, value, ttl)
    } else {
      if (slots.isEnded(slot)) slots.renew(slot)
      slots.weights?.set(slot, weight)
      this.#replace(slot, value, ttl)
    }
    for (const [goneKey, goneValue, reason] of gone) this.#farewells.tell(goneKey, goneValue, reason)
  }

  /** An entry has ended: its time begins. Says whether it had not ended before. */
  end(key: K): boolean {
    const slot = this.#find(key)
    if (slot === undefined || this.#slots.isEnded(slot)) return false
    this.#slots.conclude(slot)
    this.#expiry?.start(slot)
    return true
  }

  delete(key: K): boolean {
    const slot = this.#slots.index.get(key)
    if (slot === undefined) return false
    const isOver = this.#expiry?.isOver(slot) === true
    this.#drop(slot, isOver ? 'expire' : 'delete')
    return !isOver
  }

  /** Takes an entry out, and says so. It isn't there any more: false. */
  #drop(slot: number, reason: CacheDropReason): false {
    const key = this.#slots.keys[slot] as K
    const value = this.#slots.values[slot] as V
    this.#slots.empty(slot)
    this.#farewells.say(key, value, reason)
    return false
  }

  /** Removes what has expired, at most so many. Returns how many that were. */
  expire(most: number = Number.POSITIVE_INFINITY): number {
    const expiry = this.#expiry
    if (expiry === undefined) return 0
    let removed = 0
    for (let slot = expiry.due(); slot !== NONE && removed < most; slot = expiry.due()) {
      this.#drop(slot, 'expire')
      removed += 1
    }
    return removed
  }

  /** Removes that share of what there is, those that would be evicted first. Returns how many entries that were. */
  trim(share: number): number {
    this.expire()
    const slots = this.#slots
    const least = slots.weight * (1 - share)
    // What is set meanwhile, by whoever hears of it, doesn't keep this going.
    const { size } = slots.index
    let removed = 0
    while (removed < size && slots.weight > least) {
      const slot = this.#eviction.next()
      if (slot === NONE) break
      this.#drop(slot, 'pressure')
      removed += 1
    }
    return removed
  }

  /** Removes everything. Returns how many entries that were. */
  clear(): number {
    this.expire()
    const { index, values } = this.#slots
    const { size } = index
    const all = this.#farewells.hasCallback ? Array.from(index, ([key, slot]) => [key, values[slot] as V] as const) : []
    this.#slots.clear()
    if (all.length === 0) this.#farewells.counts.clear += size
    for (const [key, value] of all) this.#farewells.say(key, value, 'clear')
    return size
  }

  /** In the order in which the keys came, as those of a Map. */
  *entries(): IterableIterator<[K, V]> {
    this.expire()
    for (const [key, slot] of this.#slots.index) {
      if (!this.#expiry?.isOver(slot)) yield [key, this.#slots.values[slot] as V]
    }
  }
}
