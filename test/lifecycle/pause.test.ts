import { FakeClock } from 'endswell/testing'
import { expect, test } from 'vitest'
import { pause } from '../../src/lifecycle/pause.ts'
import { listeners } from '../fixtures/listeners.ts'

function setUp() {
  const clock = new FakeClock()
  return { clock, controller: new AbortController(), reason: new Error('no more') }
}

test('a pause ends when its time is over, and not before', async () => {
  for (const signal of [undefined, new AbortController().signal]) {
    const { clock } = setUp()
    let over = false
    const paused = pause(clock, 10, signal).then(() => {
      over = true
    })
    await clock.advance(9)
    expect(over).toBe(false)
    await clock.advance(1)
    await paused
    expect(over).toBe(true)
    expect(clock.pending).toBe(0)
    if (signal !== undefined) expect(listeners(signal)).toEqual({ abort: 0 })
  }
})

test('a pause is cut short by its signal, with its reason', async () => {
  const { clock, controller, reason } = setUp()
  const paused = pause(clock, 10, controller.signal)
  expect(listeners(controller.signal)).toEqual({ abort: 1 })
  controller.abort(reason)
  expect(clock.pending).toBe(0)
  expect(listeners(controller.signal)).toEqual({ abort: 0 })
  await expect(paused).rejects.toBe(reason)
})

test('a pause does not begin where its signal has aborted', async () => {
  const { clock, controller, reason } = setUp()
  controller.abort(reason)
  const paused = pause(clock, 10, controller.signal)
  expect(clock.pending).toBe(0)
  await expect(paused).rejects.toBe(reason)
  expect(listeners(controller.signal)).toEqual({ abort: 0 })
})
