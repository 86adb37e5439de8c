import { expect, test } from 'vitest'
import { drawLimits, evenShare } from '../../../src/thread/recycling/limits.ts'

const shares = [0, 0.25, 0.5, 0.999_999, 1]

test('a limit is the least one and a whole part of its jitter', () => {
  const options = { maxRequests: 100, jitter: 4, maxAge: 1_000, ageJitter: 100 }
  expect(shares.map((share) => drawLimits(options, share))).toEqual([
    { requests: 100, age: 1_000 },
    { requests: 101, age: 1_025 },
    { requests: 102, age: 1_050 },
    { requests: 104, age: 1_100 },
    { requests: 104, age: 1_100 },
  ])
})

test.each([undefined, 0])('without a least one (%s) there is none, whatever the jitter', (none) => {
  const options = none === undefined ? {} : { maxRequests: none, maxAge: none }
  for (const share of shares)
    expect(drawLimits({ ...options, jitter: 50, ageJitter: 50 }, share)).toEqual({
      requests: undefined,
      age: undefined,
    })
})

test('those that are born together share the jitter out evenly, its ends included', () => {
  const options = { maxRequests: 1_000, jitter: 300 }
  const drawn = [0, 1, 2, 3].map((index) => drawLimits(options, evenShare(index, 4)).requests)
  expect(drawn).toEqual([1_000, 1_100, 1_200, 1_300])
  expect(evenShare(0, 1)).toBe(0)
})
