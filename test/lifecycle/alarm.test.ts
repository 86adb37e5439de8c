import { FakeClock } from 'endswell/testing'
import { expect, test } from 'vitest'
import { Alarm } from '../../src/lifecycle/alarm.ts'
import type { Clock } from '../../src/lifecycle/clock.ts'

function setUp() {
  const clock = new FakeClock()
  const rings: number[] = []
  return { clock, rings, alarm: new Alarm(clock, () => rings.push(clock.now())) }
}

test('an alarm rings at its moment, once', async () => {
  const { clock, rings, alarm } = setUp()
  alarm.set(10, 0)
  await clock.advance(100)
  expect(rings).toEqual([10])
  expect(clock.pending).toBe(0)
})

test('set to a later moment it keeps its timer, and rings early', async () => {
  const { clock, rings, alarm } = setUp()
  alarm.set(10, 0)
  alarm.set(50, 0)
  expect(clock.pending).toBe(1)
  await clock.advance(100)
  expect(rings).toEqual([10])
})

test('set to a sooner moment it rings at that one', async () => {
  const { clock, rings, alarm } = setUp()
  alarm.set(50, 0)
  alarm.set(10, 0)
  expect(clock.pending).toBe(1)
  await clock.advance(100)
  expect(rings).toEqual([10])
})

test('set to a moment that has passed it rings at once', async () => {
  const { clock, rings, alarm } = setUp()
  await clock.advance(20)
  alarm.set(10, 20)
  await clock.advance(0)
  expect(rings).toEqual([20])
})

test('cleared it does not ring, and can be set again', async () => {
  const { clock, rings, alarm } = setUp()
  alarm.set(10, 0)
  alarm.clear()
  alarm.clear()
  expect(clock.pending).toBe(0)
  alarm.set(30, 0)
  await clock.advance(100)
  expect(rings).toEqual([30])
})

test('it can be set again when it rings', async () => {
  const clock = new FakeClock()
  const rings: number[] = []
  const alarm = new Alarm(clock, () => {
    rings.push(clock.now())
    if (rings.length < 3) alarm.set(clock.now() + 10, clock.now())
  })
  alarm.set(10, 0)
  await clock.advance(100)
  expect(rings).toEqual([10, 20, 30])
})

test('a moment that no timer can count to rings early, and one that never comes sets none', async () => {
  const { clock, rings, alarm } = setUp()
  alarm.set(Number.POSITIVE_INFINITY, 0)
  expect(clock.pending).toBe(0)
  alarm.set(2 ** 40, 0)
  await clock.advance(2 ** 31 - 2)
  expect(rings).toEqual([])
  await clock.advance(1)
  expect(rings).toEqual([2 ** 31 - 1])
})

test('it holds the process, or does not, as it is told', () => {
  const refs: boolean[] = []
  const clock: Clock = {
    now: () => 0,
    setTimeout: () => {
      refs.push(true)
      return { unref: () => refs.splice(-1, 1, false) }
    },
    clearTimeout: () => {},
  }
  new Alarm(clock, () => {}).set(10, 0)
  new Alarm(clock, () => {}, { ref: false }).set(10, 0)
  expect(refs).toEqual([true, false])
})
