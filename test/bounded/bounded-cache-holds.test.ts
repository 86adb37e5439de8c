import { BoundedCache } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'

describe('on the real clock', () => {
  test('what has expired leaves although nobody looks', async () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const cache = new BoundedCache<string, number>({
      max: 2,
      ttl: 20,
      resolution: 10,
      onEvict: (key, _value, reason) => resolve(`${key} ${reason}`),
    })
    cache.set('a', 1)
    expect(await promise).toBe('a expire')
    await cache.close()
  })

  test('a cache that is open, with entries that have a ttl, does not keep the process alive', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const cache = new BoundedCache<number, number>({ max: 9, ttl: 3_600_000 })
    for (let at = 0; at < 99; at += 1) cache.set(at, at).get(at)
    cache.set(99, 99, { ttl: 1_800_000 })
    expect(cache.size).toBe(9)
    expect(timers()).toBe(before)
    await cache.close()
  })
})

test('what it was told of by its callback holds: an entry set, deleted or cleared there, or the cache closed', async () => {
  for (const act of ['set', 'delete', 'clear', 'close'] as const) {
    let isFirst = true
    const cache: BoundedCache<string, number> = new BoundedCache({
      max: 2,
      ttl: 1_000,
      clock: new FakeClock(),
      onEvict: () => {
        if (!isFirst) return
        isFirst = false
        if (act === 'set') cache.set('inside', 1)
        else if (act === 'delete') cache.delete('c')
        else cache[act]()
      },
    })
    cache.set('a', 1).set('b', 2).set('c', 3)
    const left = { set: ['c', 'inside'], delete: ['b'], clear: [], close: [] }[act]
    expect([...cache.keys()]).toEqual(left)
    await cache.close()
  }
})

test('counts stay right, and slots are used again, where entries come and go in any order', () => {
  const cache = new BoundedCache<number, number>({ max: 50, evict: 'fifo' })
  for (let at = 0; at < 2_000; at += 1) {
    cache.set(at, at)
    if (at % 3 === 0) cache.delete(at - 7)
    if (at % 11 === 0) cache.trim(0.3)
    if (at % 201 === 0) cache.clear()
    if ([...cache].length !== cache.size) expect([...cache]).toHaveLength(cache.size)
  }
  const { evicted, deleted, trimmed, cleared, size } = cache.stats()
  expect(evicted + deleted + trimmed + cleared + size).toBe(2_000)
})

test('a listener hears of what makes room, from when it listens', () => {
  for (const limits of [{ max: 1 }, { maxSize: 1, weigh: () => 1 }]) {
    const cache = new BoundedCache<string, number>(limits)
    const heard: string[] = []
    cache.set('a', 1).set('b', 2)
    const undo = cache.subscribe(({ item, reason }) => heard.push(`${item} ${reason}`))
    cache.set('c', 3)
    undo()
    cache.set('d', 4)
    expect(heard).toEqual(['b evict'])
    expect(cache.stats().evicted).toBe(3)
  }
})

test('an entry with a ttl of its own expires for get in a cache that has none', async () => {
  const clock = new FakeClock()
  const cache = new BoundedCache<string, number>({ max: 2, clock, resolution: 1e6 })
  cache.set('a', 1, { ttl: 10 })
  await clock.advance(11)
  expect(cache.get('a')).toBeUndefined()
})

test('an entry that runs again does not count as one that may go', () => {
  const cache = new BoundedCache<string, number>({ maxSize: 10, weigh: (value) => value, ttlFrom: 'terminal' })
  cache.set('a', 5).set('b', 5)
  cache.markTerminal('a')
  cache.set('a', 4).set('a', 5)
  expect(() => cache.set('c', 5)).toThrow('full')
  expect([...cache.keys()]).toEqual(['a', 'b'])
})
