import { Lifecycle, type LifecycleEvent } from 'endswell'
import { WeakValueMap, type WeakValueMapOptions } from 'endswell/connection'
import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { collect, collectQuietly } from '../fixtures/collect.ts'

interface Value {
  readonly id: number
}

/** What the tests own, so that it is not collected. */
const held: Value[] = []
afterEach(() => {
  held.length = 0
})

function own(id: number): Value {
  const value = { id }
  held.push(value)
  return value
}

describe('a WeakValueMap', () => {
  test('is used as a Map is', () => {
    const map = new WeakValueMap<string, Value>()
    const [a, b, c] = [own(1), own(2), own(3)]
    expect(map.set('a', a).set('b', b)).toBe(map)
    expect([map.size, map.get('a'), map.has('b'), map.get('c'), map.has('c')]).toEqual([2, a, true, undefined, false])
    expect([...map]).toEqual([...map.entries()])
    expect([[...map.keys()], [...map.values()]]).toEqual([
      ['a', 'b'],
      [a, b],
    ])
    const seen: unknown[] = []
    map.forEach(function (this: unknown, ...about) {
      seen.push([this, ...about])
    }, 'this')
    expect(seen).toEqual([
      ['this', a, 'a', map],
      ['this', b, 'b', map],
    ])
    expect([map.delete('a'), map.delete('a'), map.set('b', c).get('b')]).toEqual([true, false, c])
    map.clear()
    expect([map.size, [...map]]).toEqual([0, []])
    expect(Object.prototype.toString.call(map)).toBe('[object WeakValueMap]')
  })

  test('lets entries be deleted and set while it is walked along', () => {
    const map = new WeakValueMap<number, Value>()
    for (let id = 0; id < 10; id += 1) map.set(id, own(id))
    const seen: number[] = []
    for (const [key] of map) {
      seen.push(key)
      map.delete(key)
      map.delete(key + 1)
      if (key < 20) map.set(key + 20, own(key + 20))
    }
    expect(seen).toEqual([0, 2, 4, 6, 8])
    expect([...map.keys()]).toEqual([20, 22, 24, 26, 28])
  })

  test('comes to an end when it is walked along, also where each value is replaced meanwhile', () => {
    const map = new WeakValueMap<number, Value>()
    for (let id = 0; id < 3; id += 1) map.set(id, own(id))
    const seen: number[] = []
    for (const [key] of map) {
      map.set(key, own(key))
      if (seen.push(key) > 10) break
    }
    expect(seen).toEqual([0, 1, 2])
  })

  test('takes no collected value for one that had to leave, also where it is the oldest of a full map', async () => {
    for (let turn = 20; turn < 40; turn += 1) {
      const collected: number[] = []
      const map = new WeakValueMap<number, Value>({ max: 20, onCollect: (key) => collected.push(key) })
      const [first = 0, ...others] = Array.from({ length: 20 }, (_, at) => at)
      map.set(first, { id: first })
      for (const id of others) map.set(id, own(id))
      // Has the sweep stand somewhere else each time.
      for (let id = 20; id < turn; id += 1) map.set(19, own(id))
      await collectQuietly()
      expect(map.stats()).toMatchObject({ size: 20, live: 19 })
      map.set(50, own(50))
      expect([collected, map.stats().collected, map.stats().evicted]).toEqual([[0], 1, 0])
    }
  })

  test('holds what something else holds, and nothing more', async () => {
    const collected: number[] = []
    const map = new WeakValueMap<number, Value>({ onCollect: (key) => collected.push(key) })
    for (let id = 0; id < 100; id += 1) map.set(id, id % 10 === 0 ? own(id) : { id })
    await collect(() => map.size === 10)
    expect([...map.keys()]).toEqual(held.map(({ id }) => id))
    expect(collected.toSorted((a, b) => a - b)).toEqual([...Array(100).keys()].filter((id) => id % 10 !== 0))
    expect(map.stats()).toEqual({ size: 10, live: 10, max: 10_000, collected: 90, replaced: 0, evicted: 0 })
  })

  test('keeps the new value of a key when the old one is collected', async () => {
    const map = new WeakValueMap<string, Value>()
    for (let round = 0; round < 50; round += 1) map.set('key', { id: round })
    const last = own(50)
    map.set('key', last)
    await collect()
    expect(map.get('key')).toBe(last)
    expect(map.stats()).toMatchObject({ size: 1, collected: 0, replaced: 50 })
  })

  test('is never over its max: the oldest leaves, and its value lives on', async () => {
    const map = new WeakValueMap<number, Value>({ max: 3 })
    const dropped: unknown[] = []
    map.subscribe(({ type, path, kind, item, reason }) => dropped.push({ type, path, kind, item, reason }))
    for (let id = 0; id < 5; id += 1) map.set(id, own(id))
    expect([...map.keys()]).toEqual([2, 3, 4])
    expect(map.stats()).toMatchObject({ size: 3, evicted: 2, collected: 0 })
    const about = { type: 'item.dropped', path: '/weak-map', kind: 'weak-map', reason: 'evict' }
    expect(dropped).toEqual([0, 1].map((item) => ({ ...about, item })))
    // The same value again changes nothing; another one makes its entry the newest, and needs no room.
    map
      .set(2, held[2] as Value)
      .set(3, own(33))
      .set(5, own(5))
    expect([...map.keys()]).toEqual([4, 3, 5])
    expect(map.stats()).toMatchObject({ replaced: 1, evicted: 3 })
  })

  test('finds room among what is collected before anything living has to leave', async () => {
    const map = new WeakValueMap<number, Value>({ max: 8 })
    map.set(0, own(0))
    for (let id = 1; id < 8; id += 1) map.set(id, { id })
    await collectQuietly()
    expect(map.stats().collected).toBe(0)
    for (let id = 8; id < 15; id += 1) map.set(id, own(id))
    expect([...map.keys()]).toEqual([0, 8, 9, 10, 11, 12, 13, 14])
    expect(map.stats()).toMatchObject({ evicted: 0, collected: 7 })
  })

  test('lets go of what is collected while others are set, also where no finalizer runs', async () => {
    const map = new WeakValueMap<number, Value>()
    for (let id = 0; id < 10; id += 1) map.set(id, { id })
    await collectQuietly()
    for (let id = 10; id < 40; id += 1) map.set(id, own(id))
    expect(map.stats()).toMatchObject({ size: 30, collected: 10 })
  })

  test('tells once of each that is found by being asked for', async () => {
    const collected: number[] = []
    const map = new WeakValueMap<number, Value>({ onCollect: (key) => collected.push(key) })
    for (let id = 0; id < 3; id += 1) map.set(id, { id })
    await collectQuietly()
    expect([map.has(2), map.get(0), map.delete(1), map.size]).toEqual([false, undefined, false, 0])
    await collect()
    expect([collected, map.stats().collected]).toEqual([[2, 0], 2])
  })

  test('is the same as a Map that keeps the newest, whatever is done', () => {
    const key = fc.nat(9)
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.tuple(fc.constant('set' as const), key, fc.nat(3)) },
      fc.tuple(fc.constantFrom('get' as const, 'delete' as const), key, fc.constant(0)),
      { weight: 1, arbitrary: fc.tuple(fc.constant('clear' as const), key, fc.constant(0)) },
    )
    const check = (max: number, steps: readonly [string, number, number][]): void => {
      const map = new WeakValueMap<number, Value>({ max })
      const model = new Map<number, Value>()
      const values = Array.from({ length: 40 }, (_, id) => own(id))
      let [replaced, evicted] = [0, 0]
      for (const [what, key, which] of steps) {
        const value = values[key * 4 + which] as Value
        if (what === 'get') expect(map.get(key)).toBe(model.get(key))
        else if (what === 'delete') expect(map.delete(key)).toBe(model.delete(key))
        else if (what === 'clear') {
          map.clear()
          model.clear()
        } else {
          map.set(key, value)
          if (model.get(key) !== value) {
            if (model.delete(key)) replaced += 1
            const [oldest] = model.keys()
            if (model.size === max && model.delete(oldest as number)) evicted += 1
            model.set(key, value)
          }
        }
        if (map.size !== model.size) throw new Error(`${map.size} instead of ${model.size} entries after ${what}`)
      }
      expect([...map]).toEqual([...model])
      expect(map.stats()).toEqual({ size: model.size, live: model.size, max, collected: 0, replaced, evicted })
      held.length = 0
    }
    fc.assert(fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 60 }), check), { numRuns: 2_000 })
  })

  test('holds nothing of what has left it, by whatever way', async () => {
    const map = new WeakValueMap<number, Value>({ max: 4 })
    const refs: WeakRef<Value>[] = []
    const add = (key: number): void => {
      const value = { id: key }
      refs.push(new WeakRef(value))
      map.set(key, value)
    }
    for (let key = 0; key < 10; key += 1) add(key)
    map.delete(9)
    add(8)
    map.clear()
    for (let key = 0; key < 3; key += 1) add(key)
    await map.close()
    await collect(() => refs.every((ref) => ref.deref() === undefined))
    expect(refs.filter((ref) => ref.deref() !== undefined)).toEqual([])
    expect(map.stats().collected).toBe(0)
  })
})

describe('what onCollect throws', () => {
  test('is published, and the map goes on', async () => {
    const error = new Error('from onCollect')
    const map = new WeakValueMap<number, Value>({
      onCollect: () => {
        throw error
      },
    })
    const events: LifecycleEvent[] = []
    map.subscribe((event) => events.push(event))
    map.set(1, { id: 1 }).set(2, { id: 2 })
    await collect(() => map.size === 0)
    expect(events.filter(({ type }) => type === 'resource.error').map((event) => event.error)).toEqual([error, error])
    expect(new Set(events.filter(({ reason }) => reason === 'collect').map(({ item }) => item))).toEqual(
      new Set([1, 2]),
    )
    expect(map.set(1, own(1)).size).toBe(1)
  })

  test('is an uncaught exception where nobody listens', async () => {
    const error = new Error('from onCollect')
    const map = new WeakValueMap<number, Value>({
      onCollect: () => {
        throw error
      },
    })
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    try {
      const thrown = new Promise((resolve) => process.once('uncaughtException', resolve))
      map.set(1, { id: 1 })
      await collect(() => map.size === 0)
      expect(await thrown).toBe(error)
    } finally {
      for (const other of others) process.on('uncaughtException', other)
    }
  })

  test('may set the same key, which then stays', async () => {
    const next = own(2)
    const map: WeakValueMap<number, Value> = new WeakValueMap({ max: 1, onCollect: (key) => map.set(key, next) })
    map.set(1, { id: 1 })
    await collect(() => map.get(1) === next)
    expect([...map]).toEqual([[1, next]])
  })
})

describe('a WeakValueMap in a lifecycle', () => {
  test('has its path, is heard there, and lets go of all when that closes', async () => {
    const life = new Lifecycle('orders')
    const map = life.use(new WeakValueMap<number, Value>({ max: 1 }), { name: 'sockets' })
    const events: LifecycleEvent[] = []
    life.subscribe((event) => events.push(event))
    map.set(1, own(1)).set(2, own(2))
    expect(events).toMatchObject([{ type: 'item.dropped', path: '/orders/sockets', item: 1, reason: 'evict' }])
    expect(life.snapshot().resources).toMatchObject([{ kind: 'weak-map', description: '1 entries' }])
    expect((await life.close()).rows).toMatchObject([{ path: '/orders/sockets', outcome: 'closed' }])
    expect([map.size, map.get(2), map.has(2), [...map], map.delete(2)]).toEqual([0, undefined, false, [], false])
    expect(() => map.set(1, own(1))).toThrow(expect.objectContaining({ name: 'ReferenceError', code: 'ERR_CLOSED' }))
  })

  test('leaves it when it is closed by hand, once', async () => {
    await using life = new Lifecycle()
    const map = life.use(new WeakValueMap<number, Value>())
    map.set(1, own(1))
    const closing = map.close({ timeout: 0 })
    expect(map.close()).toBe(closing)
    expect(await closing).toEqual({ released: 1 })
    expect(life.snapshot().size).toBe(0)
    await using other = new WeakValueMap()
    expect(String(other.path)).toBe('/weak-map')
  })
})

test('what a WeakValueMap can not keep to is refused', () => {
  const bad: [WeakValueMapOptions<unknown>, RegExp][] = [
    [{ max: 0 }, /options\.max must be a whole number from 1 to/],
    [{ max: Number.POSITIVE_INFINITY }, /Without a bound it could grow for ever/],
    [{ max: '3' as never }, /options\.max must be a number of entries/],
    [{ onCollect: 1 as never }, /options\.onCollect must be a function/],
    [{ name: 'a/b' }, /options\.name must be a name without/],
    [{ maxSize: 3 } as never, /WeakValueMap has no option 'maxSize'. Did you mean 'max'/],
  ]
  for (const [options, message] of bad) expect(() => new WeakValueMap(options)).toThrow(message)
  const map = new WeakValueMap<number, Value>()
  expect(() => map.set(1, 2 as never)).toThrow(/value must be an object: nothing else can be held weakly/)
  expect(() => map.close({ timeout: -1 })).toThrow(RangeError)
})
