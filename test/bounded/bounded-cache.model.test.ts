import { BoundedCache, type CacheDropReason } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import fc from 'fast-check'
import { LRUCache } from 'lru-cache'
import { describe, expect, test } from 'vitest'

/** Each rule is tried that often: 500 times, and more in `npm run soak`. */
const numRuns = 40 * Number(process.env['ENDSWELL_ROUNDS'] ?? 12)
const key = fc.integer({ min: 0, max: 7 })

const use = fc.oneof(
  fc.record({ do: fc.constant('set' as const), key, size: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ do: fc.constantFrom('get' as const, 'has' as const, 'peek' as const, 'delete' as const), key }),
  fc.record({ do: fc.constant('clear' as const) }),
)

describe('with lru-cache as the oracle', () => {
  for (const [title, limits] of [
    ['by number', { max: 4 }],
    ['by weight', { maxSize: 10 }],
    ['by both', { max: 3, maxSize: 8, maxEntrySize: 5 }],
  ] as const)
    test(`lru ${title}: the same answers, the same entries, the same farewells`, () => {
      fc.assert(
        fc.property(fc.array(use, { maxLength: 40 }), (uses) => {
          const [ours, theirs]: [string[], string[]] = [[], []]
          const cache = new BoundedCache<number, { at: number; size: number }>({
            ...limits,
            ...('maxSize' in limits && { weigh: ({ size }: { size: number }) => size }),
            onEvict: (_key, { at }, reason) => ours.push(`${at} ${reason}`),
          })
          const words = { evict: 'evict', set: 'replace', delete: 'delete', expire: 'expire', fetch: '' }
          const oracle = new LRUCache<number, { at: number; size: number }>({
            ...limits,
            ...('maxSize' in limits && { sizeCalculation: ({ size }: { size: number }) => size }),
            dispose: ({ at }, _key, reason) => theirs.push(`${at} ${words[reason]}`),
          })
          for (const [at, each] of uses.entries()) {
            if (each.do === 'clear') {
              cache.clear()
              oracle.clear()
              // What is cleared has a word of its own here.
              ours.splice(0, ours.length, ...ours.map((line) => line.replace('clear', 'delete')))
            } else if (each.do === 'set') {
              cache.set(each.key, { at, size: each.size })
              oracle.set(each.key, { at, size: each.size })
            } else expect(cache[each.do](each.key)).toEqual(oracle[each.do](each.key))
            expect(cache.size).toBe(oracle.size)
            expect([...cache.keys()].sort()).toEqual([...oracle.keys()].sort())
            expect(ours.toSorted()).toEqual(theirs.toSorted())
          }
        }),
        { numRuns },
      )
    })
})

/** The rules, as one would write them without a thought for time. */
class Naive {
  entries: { key: number; value: number; ttl: number; end: number; isEnded: boolean }[] = []
  readonly gone: string[] = []
  readonly rule: { max: number; ttl: number; evict: 'lru' | 'fifo'; ttlFrom: 'set' | 'touch' | 'terminal' }

  constructor(rule: Naive['rule']) {
    this.rule = rule
  }

  drop(entry: Naive['entries'][number], reason: CacheDropReason): void {
    this.entries.splice(this.entries.indexOf(entry), 1)
    this.gone.push(`${entry.value} ${reason}`)
  }

  expire(now: number): void {
    for (const entry of this.entries.toSorted((one, other) => one.end - other.end))
      if (entry.end <= now) this.drop(entry, 'expire')
  }

  get(key: number, now: number): number | undefined {
    this.expire(now)
    const entry = this.entries.find((each) => each.key === key)
    if (entry === undefined) return undefined
    if (this.rule.ttlFrom === 'touch') entry.end = now + entry.ttl
    if (this.rule.evict === 'lru' && !entry.isEnded) this.toEnd(entry)
    return entry.value
  }

  toEnd(entry: Naive['entries'][number]): void {
    this.entries.push(...this.entries.splice(this.entries.indexOf(entry), 1))
  }

  next(): Naive['entries'][number] | undefined {
    const ended = this.entries.filter((each) => each.isEnded)
    return this.rule.ttlFrom === 'terminal' ? ended[0] : this.entries[0]
  }

  set(key: number, value: number, ttl: number | undefined, now: number): boolean {
    this.expire(now)
    const old = this.entries.find((each) => each.key === key)
    const life = ttl ?? this.rule.ttl
    const end = this.rule.ttlFrom === 'terminal' ? Number.POSITIVE_INFINITY : now + life
    if (old !== undefined) {
      this.gone.push(`${old.value} replace`)
      if (this.rule.evict === 'lru' || old.isEnded) this.toEnd(old)
      Object.assign(old, { value, ttl: life, end, isEnded: false })
      return true
    }
    if (this.entries.length === this.rule.max) {
      const next = this.next()
      if (next === undefined) return false
      this.drop(next, 'evict')
    }
    this.entries.push({ key, value, ttl: life, end, isEnded: false })
    return true
  }

  markTerminal(key: number, now: number): void {
    this.expire(now)
    const entry = this.entries.find((each) => each.key === key)
    if (entry === undefined || entry.isEnded) return
    Object.assign(entry, { isEnded: true, end: now + entry.ttl })
    this.toEnd(entry)
  }
}

/** A clock that is moved without a promise: thousands of runs take seconds. */
class QuickClock {
  time = 0
  readonly timers = new Set<{ due: number; callback: () => void; unref(): void }>()

  now(): number {
    return this.time
  }

  setTimeout(callback: () => void, delay: number): { unref(): void } {
    const timer = { due: this.time + delay, callback, unref() {} }
    this.timers.add(timer)
    return timer
  }

  clearTimeout(timer: unknown): void {
    this.timers.delete(timer as never)
  }

  move(ms: number): void {
    this.time += ms
    for (const timer of this.timers) {
      if (timer.due > this.time) continue
      this.timers.delete(timer)
      timer.callback()
    }
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('set' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('short' as const), key, ttl: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('get' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'end' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 25 }) }) },
)

describe('with a model that does without any cleverness', () => {
  for (const evict of ['lru', 'fifo'] as const)
    for (const ttlFrom of ['set', 'touch', 'terminal'] as const)
      test(`${evict}, ttl from ${ttlFrom}, some with a ttl of their own: the same answers, entries and farewells`, () => {
        const rule = { max: 4, ttl: 20, evict, ttlFrom }
        fc.assert(
          fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
            const clock = new QuickClock()
            const gone: string[] = []
            const cache = new BoundedCache<number, number>({
              ...rule,
              clock,
              onEvict: (_key, value, reason) => {
                gone.push(`${value} ${reason}`)
                expect([...cache].length).toBeLessThanOrEqual(rule.max)
              },
            })
            const model = new Naive(rule)
            for (const [at, each] of steps.entries()) {
              if (each.do === 'wait') clock.move(each.ms)
              else if (each.do === 'get') expect(cache.get(each.key)).toBe(model.get(each.key, clock.time))
              else if (each.do === 'delete') {
                model.expire(clock.time)
                const entry = model.entries.find(({ key }) => key === each.key)
                if (entry !== undefined) model.drop(entry, 'delete')
                expect(cache.delete(each.key)).toBe(entry !== undefined)
              } else if (each.do === 'end') {
                if (ttlFrom !== 'terminal') continue
                model.markTerminal(each.key, clock.time)
                cache.markTerminal(each.key)
              } else {
                const ttl = each.do === 'short' ? each.ttl : undefined
                if (model.set(each.key, at, ttl, clock.time))
                  cache.set(each.key, at, ttl === undefined ? undefined : { ttl })
                else expect(() => cache.set(each.key, at)).toThrow('full of entries that have not ended')
              }
              model.expire(clock.time)
              expect(cache.size).toBe(model.entries.length)
              const byKey = (one: readonly number[], other: readonly number[]): number =>
                (one[0] ?? 0) - (other[0] ?? 0)
              expect([...cache].sort(byKey)).toEqual(model.entries.map(({ key, value }) => [key, value]).sort(byKey))
              expect(gone.toSorted()).toEqual(model.gone.toSorted())
            }
          }),
          { numRuns },
        )
      })

  test('a fake clock is used up: nothing waits when the cache is closed', async () => {
    const clock = new FakeClock()
    const cache = new BoundedCache<number, number>({ max: 9, ttl: 10, clock })
    for (let at = 0; at < 40; at += 1) cache.set(at, at).get(at)
    expect(clock.pending).toBeLessThanOrEqual(2)
    await cache.close()
    expect(clock.pending).toBe(0)
  })
})
