import { Lifecycle } from 'endswell'
import { BoundedCache, type BoundedCacheOptions } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'

function logged<V = number>(
  options: BoundedCacheOptions<string, V>,
): { cache: BoundedCache<string, V>; gone: string[] } {
  const gone: string[] = []
  const onEvict = (key: string, value: V, reason: string): number => gone.push(`${key}=${value} ${reason}`)
  return { cache: new BoundedCache({ onEvict, ...options }), gone }
}

describe('a value that leaves', () => {
  test('is announced once, with the reason', async () => {
    const clock = new FakeClock()
    const { cache, gone } = logged({ max: 2, ttl: 1_000, clock })
    cache.set('a', 1).set('b', 2).set('c', 3)
    cache.set('b', 4)
    cache.set('b', 4)
    cache.delete('b')
    cache.set('d', 5).trim(0.5)
    await clock.advance(2_000)
    cache.set('e', 6).clear()
    expect(gone).toEqual(['a=1 evict', 'b=2 replace', 'b=4 delete', 'c=3 pressure', 'd=5 expire', 'e=6 clear'])
    const { evicted, replaced, deleted, trimmed, expired, cleared, size } = cache.stats()
    expect({ evicted, replaced, deleted, trimmed, expired, cleared, size }).toEqual({
      ...{ evicted: 1, replaced: 1, deleted: 1, trimmed: 1, expired: 1, cleared: 1, size: 0 },
    })
    await cache.close()
    expect(clock.pending).toBe(0)
  })

  test('is told of when the cache is whole again, and whoever is told may use it', () => {
    const sizes: number[] = []
    const cache: BoundedCache<string, number> = new BoundedCache({
      max: 2,
      onEvict: (key, value) => {
        sizes.push(cache.size)
        if (value < 3) cache.set(key, value + 10)
      },
    })
    for (const [at, key] of ['a', 'b', 'c', 'd'].entries()) cache.set(key, at)
    expect(sizes.every((size) => size <= 2)).toBe(true)
    expect(cache.size).toBe(2)
    cache.set('x', 1).set('x', 20)
    expect(cache.get('x')).toBe(11)
  })

  test('is gone although the callback throws, and the error is told', () => {
    const boom = new Error('boom')
    const cache = new BoundedCache<string, number>({
      max: 1,
      onEvict: () => {
        throw boom
      },
    })
    const errors: unknown[] = []
    const items: unknown[] = []
    cache.subscribe(({ type, error, item, reason }) => {
      if (type === 'resource.error') errors.push(error)
      if (type === 'item.dropped') items.push(`${item} ${reason}`)
    })
    cache.set('a', 1).set('b', 2)
    cache.delete('b')
    expect(errors).toEqual([boom, boom])
    expect(items).toEqual(['a evict'])
  })
})

describe('an entry whose time is over', () => {
  test('is seen by nobody, and leaves within the resolution without being looked at', async () => {
    const clock = new FakeClock()
    const { cache, gone } = logged({ max: 10, ttl: 60_000, clock })
    cache.set('a', 1)
    await clock.advance(30_000)
    cache.set('b', 2, { ttl: 100_000 }).set('c', 3, { ttl: 5_000 })
    await clock.advance(6_000)
    expect(gone).toEqual(['c=3 expire'])
    await clock.advance(24_000)
    expect([cache.has('a'), cache.peek('a'), [...cache.keys()]]).toEqual([false, undefined, ['b']])
    expect([cache.size, cache.stats().size]).toEqual([1, 1])
    await clock.advance(100_000)
    expect(gone).toEqual(['c=3 expire', 'a=1 expire', 'b=2 expire'])
    expect(clock.pending).toBe(0)
  })

  test('goes before one that is alive', async () => {
    const clock = new FakeClock()
    const { cache, gone } = logged({ max: 2, ttl: 1_000, resolution: 50_000, clock })
    cache.set('short', 1, { ttl: 10 }).set('b', 2)
    cache.get('short')
    await clock.advance(20)
    cache.set('c', 3)
    expect(gone).toEqual(['short=1 expire'])
  })

  test('never is, where its ttl is longer than a timer can wait', async () => {
    const clock = new FakeClock()
    const { cache, gone } = logged({ max: 2, ttl: 2 ** 31 + 1_000, resolution: 1, clock })
    cache.set('a', 1)
    await clock.advance(2 ** 31)
    expect(cache.has('a')).toBe(true)
    await clock.advance(1_001)
    expect(gone).toEqual(['a=1 expire'])
    cache.set('for ever', 1, { ttl: Number.POSITIVE_INFINITY })
    await clock.advance(2 ** 33)
    expect(cache.has('for ever')).toBe(true)
  })

  test('costs one timer however many there are', () => {
    const clock = new FakeClock()
    const cache = new BoundedCache<number, number>({ max: 5_000, ttl: 1_000, clock })
    for (let at = 0; at < 10_000; at += 1) cache.set(at, at, at % 3 === 0 ? { ttl: 1 + (at % 700) } : undefined)
    expect(clock.pending).toBeLessThanOrEqual(2)
  })
})

describe('a cache in terminal mode', () => {
  test('lets go what ended first, refuses a new entry where all run, and lets an entry run again', async () => {
    const clock = new FakeClock()
    const { cache, gone } = logged({ max: 3, ttl: 1_000, ttlFrom: 'terminal', clock })
    cache.set('a', 1).set('b', 2).set('c', 3)
    await clock.advance(100_000)
    expect(() => cache.set('d', 4)).toThrow(expect.objectContaining({ code: 'ERR_QUEUE_FULL', path: '/cache' }))
    expect([cache.markTerminal('b'), cache.markTerminal('b'), cache.markTerminal('none')]).toEqual([true, false, false])
    cache.markTerminal('a')
    cache.get('b')
    cache.set('d', 4)
    cache.set('a', 5)
    expect(() => cache.set('e', 6)).toThrow('full')
    expect(cache.trim(1)).toBe(0)
    cache.markTerminal('c')
    await clock.advance(2_000)
    expect(gone).toEqual(['b=2 evict', 'a=1 replace', 'c=3 expire'])
    expect(() => new BoundedCache({ max: 1 }).markTerminal('a')).toThrow(RangeError)
  })

  test('by weight, changes nothing where too little may go', () => {
    const { cache, gone } = logged({ maxSize: 10, weigh: (value) => value, ttlFrom: 'terminal' })
    cache.set('a', 4).set('b', 4)
    cache.markTerminal('a')
    expect(() => cache.set('c', 7)).toThrow('full')
    expect(() => cache.set('b', 11 - 1 + 1 - 1)).not.toThrow()
    expect(gone).toEqual(['b=4 replace', 'a=4 evict'])
    const running = logged({ max: 1, ttlFrom: 'terminal', evictRunning: true })
    running.cache.set('a', 1).set('b', 2)
    expect(running.gone).toEqual(['a=1 evict'])
  })
})

describe('fetch', () => {
  test('loads a key once for all who ask, and again where it failed', async () => {
    const cache = new BoundedCache<string, number>({ max: 2 })
    let loads = 0
    const load = async (): Promise<number> => {
      loads += 1
      if (loads === 1) throw new Error('down')
      return loads
    }
    const first = await Promise.allSettled([cache.fetch('a', load), cache.fetch('a', load)])
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await Promise.all([cache.fetch('a', load), cache.fetch('a', load)])).toEqual([2, 2])
    expect(await cache.fetch('a', load)).toBe(2)
    expect([loads, cache.stats().loading]).toEqual([2, 0])
  })

  test('does not keep what is older than what was set or deleted meanwhile', async () => {
    for (const change of ['set', 'delete', 'clear'] as const) {
      const cache = new BoundedCache<string, number>({ max: 2 })
      const { promise, resolve } = Promise.withResolvers<number>()
      const waiting = cache.fetch('a', () => promise)
      await Promise.resolve()
      if (change === 'set') cache.set('a', 9)
      else cache[change]('a')
      resolve(1)
      expect(await waiting).toBe(1)
      expect(cache.get('a')).toBe(change === 'set' ? 9 : undefined)
    }
  })

  test('aborts a load when nobody waits for it any more, and when the cache closes', async () => {
    const cache = new BoundedCache<string, number>({ max: 2 })
    const signals: AbortSignal[] = []
    const hang = (_key: string, { signal }: { signal: AbortSignal }): Promise<number> => {
      signals.push(signal)
      return new Promise(() => {})
    }
    const [one, other] = [new AbortController(), new AbortController()]
    const waits = [one, other].map(({ signal }) => cache.fetch('a', hang, { signal }).catch((error) => error))
    one.abort('one')
    expect(await waits[0]).toBe('one')
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    other.abort('other')
    expect(await waits[1]).toBe('other')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    const last = cache.fetch('b', hang).catch((error) => error)
    expect(await cache.close()).toEqual({ cleared: 0, aborted: 1 })
    expect(await last).toMatchObject({ code: 'ERR_CLOSED' })
    expect(signals[1]?.aborted).toBe(true)
  })
})

describe('a cache', () => {
  test('in a lifecycle is cleared when that closes, leaves when it is closed, and is refused after that', async () => {
    const life = new Lifecycle('life')
    const { cache, gone } = logged({ max: 2 })
    life.use(cache, { name: 'prices' })
    cache.set('a', 1)
    expect(life.snapshot().resources[0]).toMatchObject({ path: '/life/prices', kind: 'cache', description: '1 of 2' })
    expect((await life.close()).rows[0]).toMatchObject({ kind: 'cache', outcome: 'closed' })
    expect(gone).toEqual(['a=1 clear'])
    expect(() => cache.set('b', 1)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
    expect([cache.get('a'), cache.size, cache.has('a'), [...cache]]).toEqual([undefined, 0, false, []])
    const other = new Lifecycle()
    const own = other.use(new BoundedCache({ max: 1 }))
    await own.close()
    expect(other.snapshot().size).toBe(0)
  })

  test('may be changed while it is walked', () => {
    const cache = new BoundedCache<number, number>({ max: 100 })
    for (let at = 0; at < 100; at += 1) cache.set(at, at)
    const seen: number[] = []
    for (const [key] of cache) {
      seen.push(key)
      cache.delete(key)
      cache.delete(key + 1)
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, at) => 2 * at))
    cache.set(1, 1).set(2, 2)
    for (const key of cache.keys()) if (key === 1) cache.clear()
    expect([...cache.values()]).toEqual([])
    cache.set(3, 4).forEach((value, key) => {
      seen.push(value, key)
    })
    expect(seen.slice(-2)).toEqual([4, 3])
  })

  test('sweeps: what has expired always, a share under pressure', async () => {
    const clock = new FakeClock()
    const cache = new BoundedCache<number, number>({ max: 100, ttl: 1_000, resolution: 1e6, clock })
    for (let at = 0; at < 50; at += 1) cache.set(at, at)
    await clock.advance(1_000)
    for (let at = 50; at < 90; at += 1) cache.set(at, at)
    expect(cache.sweep()).toEqual({ removed: 50 })
    const signal = new AbortController().signal
    for (const [level, removed] of [
      ['normal', 0],
      ['elevated', 0],
      ['high', 10],
      ['critical', 15],
    ] as const)
      expect(cache.sweep({ signal, pressure: { level, usage: 0.9 } })).toEqual({ removed })
  })

  test.each<[unknown, string]>([
    [{}, 'A cache has a limit'],
    [{ max: 0 }, 'options.max must be a whole number from 1 to 8388608'],
    [{ max: 1.5 }, 'options.max'],
    [{ max: 1, ttl: 0 }, 'options.ttl must be a positive number'],
    [{ max: 1, ttl: Number.NaN }, 'options.ttl'],
    [{ max: 1, weigh: () => 1 }, 'options.maxSize must be a number where entries are weighed'],
    [{ maxSize: 5, maxEntrySize: 6 }, 'options.maxEntrySize'],
    [{ max: 1, evict: 'mru' }, "options.evict must be one of 'lru', 'fifo'"],
    [{ max: 1, evictRunning: true }, 'options.evictRunning'],
    [{ max: 1, tll: 5 }, "Did you mean 'ttl'?"],
    [{ max: 1, pressure: { high: 2 } }, 'options.pressure.high'],
  ])('refuses %o', (options, message) => {
    expect(() => new BoundedCache(options as never)).toThrow(message)
  })

  test('refuses bad options of an entry, and then has not changed', () => {
    const cache = new BoundedCache<string, number>({ maxSize: 5, weigh: (value) => value })
    for (const bad of [0, -1, 1.5, Number.NaN]) expect(() => cache.set('a', bad)).toThrow('What weigh returns')
    expect(() => cache.set('a', 1, { ttl: -1 })).toThrow('options.ttl')
    expect(() => cache.set('a', 1, { tll: 1 } as never)).toThrow("Did you mean 'ttl'?")
    expect(() => new BoundedCache({ max: 1 }).set('a', 1, { size: 2 })).toThrow('options.size')
    cache.set('a', 1).set('a', 6)
    expect([cache.size, cache.stats().refused, cache.has('a')]).toEqual([0, 1, false])
  })
})
