// A cache beside lru-cache, like for like: reads that hit, in random order, and new keys of which each evicts another; the
// same by weight; the same at a hundred times the size; and what an entry with a ttl weighs when all have been replaced
// twice. Beside them the least that any cache does for a new key: what its `Map` alone takes.
import { BoundedCache } from 'endswell/bounded'
import { LRUCache } from 'lru-cache'
import { assigned, measure, median, row } from './processes.ts'

type Cache = { get(key: string): unknown; set(key: string, value: number): unknown }
type Run = (cache: Cache, keys: readonly string[], from: number, to: number) => number

/**
 * No cache, but what none can do without: a look whether the key is there, the key that came first deleted, the new one
 * added. No value, no order of use, no count.
 */
class MapAlone implements Cache {
  readonly #index = new Map<string, number>()
  readonly #keys: string[] = []
  readonly #max: number
  #at = 0

  constructor(max: number) {
    this.#max = max
  }

  get(key: string): unknown {
    return this.#index.get(key)
  }

  set(key: string): void {
    if (this.#index.has(key)) return
    if (this.#index.size === this.#max) this.#index.delete(this.#keys[this.#at] as string)
    this.#keys[this.#at] = key
    this.#index.set(key, this.#at)
    this.#at = (this.#at + 1) % this.#max
  }
}

interface Mode {
  ours(max: number): Cache
  theirs?: { ttl?: number; updateAgeOnGet?: boolean; maxSize?: number; sizeCalculation?(value: number): number }
  /** The most that a hit, and a new key that evicts, may take beside lru-cache. */
  bar?: number
}

const ttl = 300_000
const weigh = (value: number): number => (value & 3) + 1
const modes: Readonly<Record<string, Mode>> = {
  lru: { ours: (max) => new BoundedCache({ max }), bar: 1 },
  fifo: { ours: (max) => new BoundedCache({ max, evict: 'fifo' }), bar: 0.7 },
  ttl: { ours: (max) => new BoundedCache({ max, ttl }), theirs: { ttl }, bar: 1 },
  touch: {
    ours: (max) => new BoundedCache({ max, ttl, ttlFrom: 'touch' }),
    theirs: { ttl, updateAgeOnGet: true },
    bar: 1,
  },
  weighed: {
    ours: (max) => new BoundedCache({ max, maxSize: 3 * max, weigh }),
    theirs: { maxSize: 1, sizeCalculation: weigh },
    bar: 1,
  },
  'the Map alone': { ours: (max) => new MapAlone(max) },
}

/** New for each cache: what the compiler learns of one must not slow the other down. */
const readAll = (): Run =>
  new Function('cache', 'keys', 'from', 'to', 'let s=0;for(let i=from;i<to;i++)s+=cache.get(keys[i]);return s') as Run
const setAll = (): Run =>
  new Function('cache', 'keys', 'from', 'to', 'for(let i=from;i<to;i++)cache.set(keys[i],i)') as Run

/** A cache with loops of its own, and the quickest turn of each, in nanoseconds. */
const sideOf = (cache: Cache) => ({ cache, read: readAll(), set: setAll(), got: 1e9, evicted: 1e9 })

function shuffled(keys: readonly string[]): string[] {
  let seed = 1
  const order = keys.map((key) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return { key, at: seed }
  })
  return order.sort((one, other) => one.at - other.at).map(({ key }) => key)
}

/** Nanoseconds by turns; the quickest turn is the one that nobody disturbed. */
function time(mode: string, max: number): Record<string, number> {
  const { ours: make, theirs } = modes[mode] as Mode
  const maxSize = theirs?.maxSize === undefined ? {} : { maxSize: 3 * max }
  const keys = Array.from({ length: 4 * max }, (_, at) => `key:${at}`)
  const reads = shuffled(keys.slice(0, max))
  const lru = sideOf(new LRUCache<string, number>({ max, ...theirs, ...maxSize }))
  const ours = sideOf(make(max))
  const sides = [lru, ours]
  for (const { cache, set } of sides) set(cache, keys, 0, max)
  const chunk = Math.min(max, 1_000)
  for (let turn = 0; turn < Math.max(12, 400_000 / max); turn += 1)
    for (const side of sides) {
      for (let from = 0; from < Math.min(max, 10_000); from += chunk) {
        const since = performance.now()
        side.read(side.cache, reads, from, from + chunk)
        side.got = Math.min(side.got, ((performance.now() - since) / chunk) * 1e6)
      }
      for (let from = max; from < 4 * max; from += 3 * chunk) {
        const since = performance.now()
        side.set(side.cache, keys, from, from + 3 * chunk)
        side.evicted = Math.min(side.evicted, ((performance.now() - since) / (3 * chunk)) * 1e6)
      }
      side.set(side.cache, keys, 0, max)
    }
  return { get: ours.got / lru.got, evict: ours.evicted / lru.evicted, gotNs: ours.got, evictNs: ours.evicted }
}

/** How much longer an eviction takes among a hundred times as many. */
function growth(): Record<string, number> {
  return {
    ratio: median([1, 2, 3].map(() => (time('lru', 100_000)['evictNs'] ?? 0) / (time('lru', 1_000)['evictNs'] ?? 1))),
  }
}

function heap(): Record<string, number> {
  const count = 100_000
  const keys = Array.from({ length: 3 * count }, (_, at) => `key:${at}`)
  const used = (): number => {
    globalThis.gc?.()
    globalThis.gc?.()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const bytes = (make: () => Cache): number => {
    const before = used()
    const cache = make()
    for (const key of keys) cache.set(key, 1)
    const weight = (used() - before) / count
    cache.get('none')
    return weight
  }
  return {
    ours: bytes(() => new BoundedCache({ max: count, ttl })),
    theirs: bytes(() => new LRUCache<string, number>({ max: count, ttl })),
  }
}

const [what = '', size = ''] = assigned?.split('-') ?? []
if (what === 'growth') console.log(JSON.stringify(growth()))
else if (what === 'heap') console.log(JSON.stringify(heap()))
else if (assigned !== undefined) console.log(JSON.stringify(time(what, Number(size))))
else {
  for (const [mode, { bar }] of Object.entries(modes))
    for (const max of [1_000, 10_000]) {
      const { get = 0, evict = 0, gotNs = 0, evictNs = 0 } = measure(import.meta.filename, `${mode}-${max}`)
      row(`${mode}, ${max}: a hit`, gotNs, 'ns')
      row(`${mode}, ${max}: a new key that evicts`, evictNs, 'ns')
      row(`${mode}, ${max}: a hit, ratio to lru-cache`, get, '×', bar)
      row(`${mode}, ${max}: a new key that evicts, ratio to lru-cache`, evict, '×', bar)
    }
  row('an eviction of 100 000, ratio to one of 1 000', measure(import.meta.filename, 'growth')['ratio'] ?? 0, '×', 3)
  const { ours = 0, theirs = 0 } = measure(import.meta.filename, 'heap')
  row('an entry with a ttl, of lru-cache', theirs, 'B')
  row('an entry with a ttl', ours, 'B', 135)
}
process.exit()
