import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Backoff, type BackoffOptions, checkBackoff } from '../../src/lifecycle/backoff.ts'

/** Its first `count` waits. */
function waits(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => backoff.next())
}

const options = fc
  .record({
    first: fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.double({ min: 0.001, max: 100, noNaN: true })),
    over: fc.double({ min: 0, max: 1e6, noNaN: true }),
    factor: fc.oneof(fc.double({ min: 1, max: 10, noNaN: true }), fc.constant(1_000)),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  })
  .map(({ over, chance, ...rest }) => ({ ...rest, max: rest.first + over, chance }))

describe('a backoff', () => {
  test('grows by its factor up to its limit', () => {
    const backoff = new Backoff({ first: 100, max: 1_000, jitter: 0 })
    expect(waits(backoff, 6)).toEqual([100, 200, 400, 800, 1_000, 1_000])
    expect(backoff.failures).toBe(6)
  })

  test('is shortened by chance, by its jitter at most', () => {
    const by = (chance: number) => waits(new Backoff({ first: 100, jitter: 0.5 }, () => chance), 2)
    expect([by(0), by(0.5), by(0.999)]).toEqual([
      [100, 200],
      [75, 150],
      [51, 101],
    ])
  })

  test('by default waits 80 to 100 ms first, and 24 to 30 s in the end', () => {
    const found = waits(new Backoff(), 50)
    expect(found[0]).toBeGreaterThanOrEqual(80)
    expect(found[0]).toBeLessThanOrEqual(100)
    expect(Math.min(...found.slice(20))).toBeGreaterThanOrEqual(24_000)
    expect(Math.max(...found)).toBeLessThanOrEqual(30_000)
    expect(new Set(found.slice(20)).size).toBeGreaterThan(1)
  })

  test('begins anew when it is reset', () => {
    const backoff = new Backoff({ jitter: 0 })
    const first = waits(backoff, 5)
    backoff.reset()
    expect(backoff.failures).toBe(0)
    expect(waits(backoff, 5)).toEqual(first)
  })

  test('stays a whole number within its limits, whatever its options and however many failures', () => {
    fc.assert(
      fc.property(options, ({ chance, ...given }) => {
        const backoff = new Backoff(given, () => chance)
        const { first, max, jitter } = given
        const found = waits(backoff, 3_000)
        expect(found.every((each) => each === max || Number.isInteger(each))).toBe(true)
        expect(Math.max(...found)).toBeLessThanOrEqual(max)
        expect(Math.min(...found)).toBeGreaterThanOrEqual(Math.min(max, first * (1 - jitter)))
        expect(found.includes(0)).toBe(first === 0)
        // The same chance throughout: then no wait is shorter than the one before.
        expect(found).toEqual(found.toSorted((one, other) => one - other))
      }),
      { numRuns: 200 },
    )
  })

  test.each<[object, typeof TypeError | typeof RangeError, string]>([
    [{ first: -1 }, RangeError, 'options.first'],
    [{ first: '1' }, TypeError, 'options.first'],
    [{ max: Number.POSITIVE_INFINITY }, RangeError, 'options.max'],
    [{ max: 50 }, RangeError, 'at least the first wait, 100'],
    [{ factor: 0.5 }, RangeError, 'from 1 to 1 000'],
    [{ factor: Number.POSITIVE_INFINITY }, RangeError, 'options.factor'],
    [{ factor: Number.NaN }, RangeError, 'options.factor'],
    [{ jitter: 1.1 }, RangeError, 'from 0 to 1'],
    [{ jitter: true }, TypeError, 'options.jitter'],
    [{ min: 4 }, TypeError, "no option 'min'"],
  ])('refuses %j', (given, type, word) => {
    const make = () => new Backoff(given as BackoffOptions)
    expect(make).toThrow(type)
    expect(make).toThrow(word)
    expect(() => checkBackoff('options', given)).toThrow(word)
  })
})
