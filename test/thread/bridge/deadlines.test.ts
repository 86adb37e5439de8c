import { expect, test } from 'vitest'
import { FakeClock } from '../../../src/testing/index.ts'
import { Deadlines } from '../../../src/thread/bridge/deadlines.ts'
import { callOf } from './stubs.ts'

const LIMITS = { queueTimeout: 30, taskTimeout: 100, cancelGrace: 10 }

function setUp(limits = LIMITS) {
  const clock = new FakeClock()
  const over: string[] = []
  const deadlines = new Deadlines(clock, limits, ({ id }) => over.push(`${id} at ${clock.now()}`))
  return { clock, over, deadlines }
}

test('each stage has its own time, and the next one ends the one before', async () => {
  const { clock, over, deadlines } = setUp()
  const [one, two, three, four] = [callOf(1), callOf(2), callOf(3), callOf(4)] as const
  deadlines.wait(one, 0)
  deadlines.wait(two, 0)
  deadlines.wait(four, 0)
  await clock.advance(20)
  deadlines.run(two, 20)
  deadlines.wait(three, 20)
  deadlines.forget(four)
  await clock.advance(90)
  deadlines.cancel(two, 110)
  await clock.advance(500)
  expect(over).toEqual(['1 at 30', '3 at 50', '2 at 120'])
  expect(clock.pending).toBe(0)
})

test('a thousand calls with the usual time need one timer', () => {
  const { clock, deadlines } = setUp()
  for (let id = 0; id < 1_000; id += 1) deadlines.run(callOf(id), id / 100)
  expect(clock.pending).toBe(1)
})

test('a time of its own needs its own timer, and is not mixed up with the others', async () => {
  const { clock, over, deadlines } = setUp()
  const [short, long, endless, usual] = [callOf(1), callOf(2), callOf(3), callOf(4)] as const
  short.timeout = 5
  long.timeout = 200
  endless.timeout = Number.POSITIVE_INFINITY
  for (const call of [short, long, endless, usual]) deadlines.run(call, 0)
  expect(clock.pending).toBe(3)
  await clock.advance(1_000)
  expect(over).toEqual(['1 at 5', '4 at 100', '2 at 200'])
})

test('without limits there are no timers', () => {
  const { clock, deadlines } = setUp({
    queueTimeout: Number.POSITIVE_INFINITY,
    taskTimeout: Number.POSITIVE_INFINITY,
    cancelGrace: 10,
  })
  deadlines.wait(callOf(1), 0)
  deadlines.run(callOf(2), 0)
  expect(clock.pending).toBe(0)
})
