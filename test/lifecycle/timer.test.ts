import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Timer, timer } from '../../src/lifecycle/timer.ts'
import { TestContext } from '../fixtures/context.ts'
import { until } from '../fixtures/until.ts'

const { close, isGone, matches } = timer

const makers: readonly [name: string, make: (fn: () => void) => Timer][] = [
  ['setTimeout', (fn) => setTimeout(fn, 5)],
  ['setInterval', (fn) => setInterval(fn, 5)],
  ['setImmediate', (fn) => setImmediate(fn)],
]

afterEach(() => {
  vi.useRealTimers()
})

describe.each(makers)('what %s returns', (name, make) => {
  test('is known as a timer', () => {
    const value = make(() => {})
    expect(matches(value)).toBe(true)
    close(value, new TestContext())
  })

  test('does not fire once it is closed, and closing it again does nothing', async () => {
    let fired = 0
    const value = make(() => {
      fired += 1
    })
    expect(isGone?.(value)).toBe(false)
    close(value, new TestContext())
    close(value, new TestContext())
    expect(isGone?.(value)).toBe(true)
    await sleep(20)
    expect(fired).toBe(0)
  })

  test(`is ${name === 'setInterval' ? 'not ' : ''}gone once it has fired`, async () => {
    let fired = 0
    const value = make(() => {
      fired += 1
    })
    await until('it fires', () => fired > 0)
    expect(isGone?.(value)).toBe(name !== 'setInterval')
    close(value, new TestContext())
    expect(isGone?.(value)).toBe(true)
  })

  test('is left to a disposer of its own, where it has one', () => {
    const value = Object.assign(
      make(() => {}),
      { [Symbol.asyncDispose]: async () => {} },
    )
    expect(matches(value)).toBe(false)
    close(value, new TestContext())
  })
})

test('a timeout that is started again is not gone', async () => {
  let fired = 0
  const value = setTimeout(() => {
    fired += 1
  }, 1)
  await until('it fires', () => fired === 1)
  value.refresh()
  expect(isGone?.(value)).toBe(false)
  close(value, new TestContext())
  expect(isGone?.(value)).toBe(true)
})

test('what only looks like a timer is none', () => {
  class Timeout {
    hasRef() {}
    [Symbol.dispose]() {}
  }
  for (const other of [undefined, null, 1, 'x', {}, () => {}, { _destroyed: false, hasRef() {} }, new Timeout()]) {
    expect(matches(other)).toBe(false)
  }
})
