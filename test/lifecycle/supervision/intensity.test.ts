import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Intensity } from '../../../src/lifecycle/supervision/intensity.ts'

test('allows so many restarts within its period, and one exactly a period ago still counts', () => {
  const intensity = new Intensity(2, 1_000)
  expect([0, 400, 1_000, 1_001, 1_400, 1_401].map((now) => intensity.allows(now))).toEqual([
    true,
    true,
    false,
    true,
    false,
    true,
  ])
})

test('of none at all, refuses the first', () => {
  const intensity = new Intensity(0, 1_000)
  expect([0, 0, 1e9].map((now) => intensity.allows(now))).toEqual([false, false, false])
})

test('without a limit, allows all', () => {
  const intensity = new Intensity(Number.POSITIVE_INFINITY, 1)
  expect(Array.from({ length: 1_000 }, () => intensity.allows(7)).every(Boolean)).toBe(true)
})

test('agrees with a list of all moments, however they come', () => {
  const waits = fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 60 })
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 20 }), waits, (max, period, gaps) => {
      const intensity = new Intensity(max, period)
      const counted: number[] = []
      let now = 0
      for (const gap of gaps) {
        now += gap
        const moment = now
        const allowed = counted.filter((each) => moment - each <= period).length < max
        expect(intensity.allows(now)).toBe(allowed)
        if (allowed) counted.push(now)
      }
    }),
  )
})
