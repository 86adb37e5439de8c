import { describe, expect, test } from 'vitest'
import { drawLimits } from '../../../src/thread/recycling/limits.ts'
import type { RecycleOptions } from '../../../src/thread/recycling/recycle-options.ts'
import { Wear } from '../../../src/thread/recycling/wear.ts'

/** A worker born at 1 000. */
const worn = (options: RecycleOptions): Wear => new Wear(drawLimits(options, 0), options, 1_000)

test('a worker without limits is never due', () => {
  const wear = worn({})
  wear.note({ requests: 1e9, rss: 1e12, heap: 1e12 })
  expect(wear.due(1e12)).toBeUndefined()
})

test('it is due with the last request that it may serve', () => {
  const wear = worn({ maxRequests: 10 })
  wear.note({ requests: 9 })
  expect(wear.due(1_000)).toBeUndefined()
  wear.note({ requests: 10 })
  expect(wear.due(1_000)).toBe('requests')
})

test('it is due when it is old, counted from its birth', () => {
  const wear = worn({ maxAge: 500 })
  expect(wear.due(1_499)).toBeUndefined()
  expect(wear.due(1_500)).toBe('age')
})

describe.each([
  ['memory', { maxRss: 100 }, 'rss'],
  ['heap', { maxHeap: 100 }, 'heap'],
] as const)('of %s', (reason, limit, key) => {
  test('three samples in a row decide, not one', () => {
    const wear = worn(limit)
    for (const [bytes, due] of [
      [101, undefined],
      [101, undefined],
      [100, undefined],
      [101, undefined],
      [101, undefined],
      [101, reason],
      [99, undefined],
    ] as const) {
      wear.note({ [key]: bytes })
      expect(wear.due(2_000)).toBe(due)
    }
  })

  test('as many as is said', () => {
    const wear = worn({ ...limit, samples: 1 })
    wear.note({ [key]: 101 })
    expect(wear.due(2_000)).toBe(reason)
  })

  test('what is told without it is no sample', () => {
    const wear = worn(limit)
    wear.note({ [key]: 101 })
    wear.note({ requests: 1 })
    wear.note({ requests: 2 })
    expect(wear.due(2_000)).toBeUndefined()
  })
})

test('one that is too young is not due, unless it is far too large', () => {
  const wear = worn({ maxRequests: 1, maxAge: 1, maxRss: 1, samples: 1, minAge: 100, hardRss: 1_000 })
  wear.note({ requests: 5, rss: 1_000 })
  expect(wear.due(1_099)).toBeUndefined()
  expect(wear.due(1_100)).toBe('requests')
  wear.note({ rss: 1_001 })
  expect(wear.due(1_001)).toBe('hard-memory')
})
