import { Lifecycle, type LifecycleEvent } from 'endswell'
import { ReplayBuffer } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const signal = new AbortController().signal
const kept = <T>(buffer: ReplayBuffer<T>): T[] => buffer.replayFrom(0).items.map(({ item }) => item)

describe('a replay', () => {
  test('gives what came from a number on, and what to ask for next', () => {
    const buffer = new ReplayBuffer<string>({ max: 10 })
    expect(buffer.replayFrom(1)).toEqual({ items: [], gap: false, next: 1 })
    expect(['a', 'b', 'c'].map((item) => buffer.push(item))).toEqual([1, 2, 3])
    expect(buffer.replayFrom(2)).toEqual({
      items: [
        { id: 2, item: 'b' },
        { id: 3, item: 'c' },
      ],
      gap: false,
      next: 4,
    })
    expect(buffer.replayFrom(4)).toEqual({ items: [], gap: false, next: 4 })
    expect([buffer.latest, buffer.oldest, buffer.size]).toEqual([3, 1, 3])
  })

  test('in pieces: next goes on where the limit cut', () => {
    const buffer = new ReplayBuffer<number>({ max: 10 })
    for (let item = 0; item < 10; item += 1) buffer.push(item)
    const seen: number[] = []
    for (let next = 1; ; ) {
      const piece = buffer.replayFrom(next, { limit: 3 })
      if (piece.items.length === 0) break
      seen.push(...piece.items.map(({ item }) => item))
      next = piece.next
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('says that something is missing', () => {
    const buffer = new ReplayBuffer<string>({ max: 2 })
    for (const item of ['a', 'b', 'c']) buffer.push(item)
    expect(buffer.replayFrom(1)).toMatchObject({ gap: true, items: [{ id: 2 }, { id: 3 }], next: 4 })
    expect(buffer.replayFrom(0).gap).toBe(true)
    expect(buffer.replayFrom(2).gap).toBe(false)
    buffer.clear()
    expect(buffer.replayFrom(3)).toEqual({ items: [], gap: true, next: 4 })
    expect(buffer.replayFrom(4).gap).toBe(false)
  })

  test('for a number that was never given out gives all there is: it is from before a restart', () => {
    const buffer = new ReplayBuffer<string>({ max: 3 })
    buffer.push('a')
    expect(buffer.replayFrom(500)).toEqual({ items: [{ id: 1, item: 'a' }], gap: true, next: 2 })
  })
})

describe('what leaves', () => {
  test('by count, oldest first, and is announced', () => {
    const dropped: unknown[] = []
    const events: LifecycleEvent[] = []
    const buffer = new ReplayBuffer<string>({ max: 2, onDrop: (...all) => dropped.push(all) })
    buffer.subscribe((event) => events.push(event))
    for (const item of ['a', 'b', 'c', 'd']) buffer.push(item)
    expect(dropped).toEqual([
      ['a', 'count', 1],
      ['b', 'count', 2],
    ])
    expect(events[1]).toMatchObject({ type: 'item.dropped', kind: 'replay-buffer', item: 2, reason: 'count' })
    expect(buffer.stats()).toMatchObject({ size: 2, pushed: 4, dropped: { count: 2, age: 0, bytes: 0 } })
  })

  test('by bytes; one that alone has too many leaves the others, and a gap', () => {
    const buffer = new ReplayBuffer<string>({ max: 100, maxBytes: 10, weigh: (text) => text.length })
    buffer.push('aaaa')
    expect(buffer.push('x'.repeat(11))).toBe(2)
    buffer.push('bbbb')
    expect(buffer.replayFrom(1)).toMatchObject({ gap: true, items: [{ id: 1 }, { id: 3 }] })
    expect(buffer.replayFrom(3).gap).toBe(false)
    buffer.push('cccccc')
    expect(kept(buffer)).toEqual(['bbbb', 'cccccc'])
    expect(buffer.oldest).toBe(3)
    expect(buffer.replayFrom(3).gap).toBe(false)
    expect(buffer.stats()).toMatchObject({ size: 2, bytes: 10, dropped: { bytes: 2 } })
  })

  test('by age, without anybody writing or reading; then no timer is left', async () => {
    const clock = new FakeClock()
    const gone: string[] = []
    const buffer = new ReplayBuffer<string>({ max: 9, ttl: 60_000, clock, onDrop: (item) => gone.push(item) })
    buffer.push('a')
    await clock.advance(30_000)
    buffer.push('b')
    expect(clock.pending).toBe(1)
    await clock.advance(31_000)
    expect(gone).toEqual(['a'])
    await clock.advance(30_000)
    expect([gone, clock.pending]).toEqual([['a', 'b'], 0])
    expect(buffer.stats()).toMatchObject({ size: 0, dropped: { age: 2 } })
  })

  test('what is too old is never shown, also before its timer rings', async () => {
    const clock = new FakeClock()
    const buffer = new ReplayBuffer<string>({ max: 9, ttl: 100, clock })
    buffer.push('a')
    clock.blocked(100)
    expect(buffer.replayFrom(1)).toMatchObject({ items: [], gap: true, next: 2 })
    buffer.push('b')
    clock.blocked(100)
    expect([buffer.size, buffer.oldest, buffer.latest]).toEqual([0, undefined, 2])
    buffer.push('c')
    clock.blocked(100)
    expect(buffer.stats().size).toBe(0)
  })

  test('one timer for all, however many, and for a time longer than a timer can count', async () => {
    const clock = new FakeClock()
    const buffer = new ReplayBuffer<number>({ max: 1_000, ttl: 3_000_000_000, clock })
    for (let item = 0; item < 1_000; item += 1) {
      clock.blocked(1)
      buffer.push(item)
    }
    expect(clock.pending).toBe(1)
    await clock.advance(2_999_999_000)
    expect(buffer.size).toBe(1_000)
    await clock.advance(52_000_000)
    expect([buffer.stats().dropped.age, clock.pending]).toEqual([1_000, 0])
  })

  test('under pressure: a quarter when it is high, half when it is critical', () => {
    const buffer = new ReplayBuffer<number>({ max: 100, weigh: () => 10 })
    for (let item = 0; item < 100; item += 1) buffer.push(item)
    expect(buffer.sweep({ signal })).toEqual({ removed: 0, bytes: 0 })
    expect(buffer.sweep({ signal, pressure: { level: 'elevated', usage: 0.7 } }).removed).toBe(0)
    expect(buffer.sweep({ signal, pressure: { level: 'high', usage: 0.9 } })).toEqual({ removed: 25, bytes: 250 })
    expect(buffer.sweep({ signal, pressure: { level: 'critical', usage: 1 } }).removed).toBe(38)
    expect(buffer.trim(1)).toBe(37)
    expect(buffer.stats()).toMatchObject({ size: 0, bytes: 0, dropped: { pressure: 100 } })
  })

  test('is counted as often as it went, whatever a callback pushes meanwhile', () => {
    const buffer: ReplayBuffer<string> = new ReplayBuffer<string>({
      ...{ max: 10, maxBytes: 1_000, weigh: (item) => item.length },
      onDrop: (item, reason) => reason !== 'close' && item.length < 3 && buffer.push(`${item}++`),
    })
    for (const item of ['a', 'b']) buffer.push(item)
    expect(buffer.clear()).toBe(2)
    expect(buffer.size).toBe(2)
    buffer.clear()
    for (const item of ['c', 'd']) buffer.push(item)
    expect(buffer.sweep({ signal, pressure: { level: 'critical', usage: 0.99 } })).toEqual({ removed: 1, bytes: 0 })
  })

  test('a callback may push: its number is its own, and no limit is passed', () => {
    const sizes: number[] = []
    const buffer: ReplayBuffer<string> = new ReplayBuffer<string>({
      max: 2,
      onDrop: (item) => {
        sizes.push(buffer.size)
        if (item === 'a') buffer.push('again')
      },
    })
    expect(['a', 'b', 'c'].map((item) => buffer.push(item))).toEqual([1, 2, 3])
    expect(buffer.latest).toBe(4)
    expect(kept(buffer)).toEqual(['c', 'again'])
    expect(Math.max(...sizes)).toBe(2)
  })
})

describe('closing', () => {
  test('drops all; reading goes on and finds nothing, writing is refused', async () => {
    const clock = new FakeClock()
    const reasons: string[] = []
    const buffer = new ReplayBuffer<number>({ max: 3, ttl: 5_000, clock, onDrop: (_, reason) => reasons.push(reason) })
    buffer.push(1)
    buffer.push(2)
    const closing = buffer.close()
    expect(buffer.close({ timeout: 0 })).toBe(closing)
    expect(await closing).toEqual({ dropped: 2 })
    expect([reasons, clock.pending, buffer.size]).toEqual([['close', 'close'], 0, 0])
    expect(buffer.replayFrom(1)).toEqual({ items: [], gap: true, next: 3 })
    expect(() => buffer.push(3)).toThrow(expect.objectContaining({ name: 'ReferenceError', code: 'ERR_CLOSED' }))
  })

  test('with its lifecycle', async () => {
    const life = new Lifecycle('life')
    const buffer = life.use(new ReplayBuffer<number>({ max: 3 }), { name: 'recent' })
    buffer.push(1)
    expect(life.snapshot().resources[0]).toMatchObject({ path: '/life/recent', kind: 'replay-buffer' })
    expect((await life.close()).rows).toMatchObject([{ path: '/life/recent', outcome: 'closed' }])
    expect(buffer.size).toBe(0)
  })
})

test.each<[string, unknown]>([
  ['TypeError', {}],
  ['RangeError', { max: 0 }],
  ['TypeError', { max: 3, maxBytes: 10 }],
  ['RangeError', { max: 3, ttl: 0 }],
  ['RangeError', { max: 3, ttl: Number.NaN }],
  ['RangeError', { max: 3, maxBytes: -1, weigh: () => 1 }],
  ['TypeError', { max: 3, tll: 1 }],
])('refuses with a %s: %o', (name, options) => {
  expect(() => new ReplayBuffer(options as never)).toThrow(expect.objectContaining({ name }))
})

test('refuses what is no number of bytes, no id and no share, and stays as it was', () => {
  const buffer = new ReplayBuffer<number>({ max: 3, weigh: (item) => item })
  for (const bytes of [-1, Number.NaN, '1']) expect(() => buffer.push(bytes as number)).toThrow('options.weigh')
  for (const id of [-1, 1.5, '1', Number.NaN]) expect(() => buffer.replayFrom(id as number)).toThrow('id')
  expect(() => buffer.replayFrom(1, { limit: 0 })).toThrow('options.limit')
  expect(() => buffer.trim(2)).toThrow('fraction')
  expect([buffer.size, buffer.latest]).toEqual([0, 0])
})

const steps = fc.array(
  fc.record({
    what: fc.constantFrom('push', 'push', 'push', 'wait', 'trim', 'clear', 'read'),
    n: fc.integer({ min: 0, max: 12 }),
  }),
  { maxLength: 60 },
)

test('whatever happens, a reader gets in order all that is kept, and knows of all that is not', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 8 }), steps, async (max, list) => {
      const clock = new FakeClock()
      const buffer = new ReplayBuffer<number>({ max, maxBytes: 20, weigh: (item) => item, ttl: 50, clock })
      const all: { id: number; bytes: number; at: number }[] = []
      let here: typeof all = []
      for (const { what, n } of list) {
        if (what === 'push') {
          // Heavier than 10 stands for more than there may be.
          const bytes = n > 10 ? 30 : n
          const one = { id: all.length + 1, bytes, at: clock.now() }
          all.push(one)
          expect(buffer.push(bytes)).toBe(one.id)
          here = here.filter(({ at }) => at + 50 > clock.now())
          if (bytes <= 20) here.push(one)
          while (here.reduce((sum, each) => sum + each.bytes, 0) > 20) here.shift()
          // A place between two that are kept is taken by one that was not.
          while (here.length > 0 && all.length - (here[0]?.id ?? 0) + 1 > max) here.shift()
        } else if (what === 'wait') clock.blocked(n * 3)
        else if (what === 'clear') {
          buffer.clear()
          here = []
        } else if (what === 'trim') {
          here = here.filter(({ at }) => at + 50 > clock.now())
          const first = here[0]?.id ?? all.length + 1
          buffer.sweep({ signal })
          const places = Math.ceil(((all.length + 1 - first) * n) / 12)
          buffer.trim(n / 12)
          here = here.filter(({ id }) => id >= first + places)
        }
        here = here.filter(({ at }) => at + 50 > clock.now())
        const from = Math.max(0, all.length - n)
        const { items, gap, next } = buffer.replayFrom(from)
        expect(items.map(({ id }) => id)).toEqual(here.map(({ id }) => id).filter((id) => id >= from))
        expect(gap).toBe(items.length < all.length - Math.max(from, 1) + 1)
        expect([next, buffer.size]).toEqual([all.length + 1, here.length])
        const { dropped } = buffer.stats()
        expect(Object.values(dropped).reduce((one, other) => one + other) + here.length).toBe(all.length)
      }
    }),
    { numRuns: 500 },
  )
})
