import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/lifecycle/clock.ts'
import { planFor, type RunOptions } from '../../src/run/options.ts'
import { run } from '../../src/run/run.ts'

test('the defaults are those that are documented', () => {
  const { onError, ...plan } = planFor('app', {}, {})
  expect(onError(new Error('any'))).toBe('shutdown')
  expect(plan).toEqual({
    ...{ signals: ['SIGTERM', 'SIGINT'], secondSignal: 'hurry', report: true, until: 'stopped', exit: true },
    ...{ flushTimeout: 1_000, log: undefined, clock: systemClock },
    budget: { drainDelay: 0, timeout: 25_000, reserve: 2_000 },
    statuses: { blocked: 83, abandoned: 81, startup: 82, error: 1, forced: 80, closed: 0 },
    ...{ startup: {}, watchdog: true, health: undefined },
    life: { name: 'app', timeout: 25_000 },
  })
})

test('what is given is taken, and what is the lifecycle’s goes on to it', () => {
  const log = { flush: () => {} }
  const given = { secondSignal: 'ignore', report: false, until: 'main', exit: false, flushTimeout: 5, log } as const
  const plan = planFor('app', { ...given, statuses: { forced: 0 }, timeout: 7, grace: 3, order: 'parallel' }, {})
  expect(plan).toMatchObject({ ...given, statuses: { forced: 0, abandoned: 81 }, budget: { timeout: 7 } })
  expect(plan.life).toEqual({ name: 'app', timeout: 7, grace: 3, order: 'parallel' })
})

describe('before anything has begun, run refuses', () => {
  const main = () => {
    throw new Error('it has begun')
  }
  const bad: readonly [options: unknown, error: string, code: string][] = [
    [null, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    ['fast', 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ drain: 5 }, 'TypeError', 'ERR_UNKNOWN_OPTION'],
    [{ name: 'other' }, 'TypeError', 'ERR_UNKNOWN_OPTION'],
    [{ signals: 'SIGTERM' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ signals: ['SIGKILL'] }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ signals: ['SIGSTOP'] }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ signals: ['SIGFOO'] }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ signals: [15] }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ secondSignal: 'panic' }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ until: 'tomorrow' }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ report: 'yes' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ exit: 0 }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ onError: 'continue' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ log: null }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ log: {} }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ watchdog: 'on' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ health: 9_000 }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ health: {} }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ health: { port: 65_536 } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ startup: 30_000 }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ startup: { totl: 30_000 } }, 'TypeError', 'ERR_UNKNOWN_OPTION'],
    [{ startup: { step: -1 } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ statuses: 80 }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ statuses: { signal: 1 } }, 'TypeError', 'ERR_UNKNOWN_OPTION'],
    [{ statuses: { forced: 256 } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ order: 'random' }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ kinds: {} }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ clock: 1 }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    ...['drainDelay', 'reserve', 'timeout', 'flushTimeout', 'grace'].flatMap((name): [unknown, string, string][] => [
      [{ [name]: -1 }, 'RangeError', 'ERR_OUT_OF_RANGE'],
      [{ [name]: Number.POSITIVE_INFINITY }, 'RangeError', 'ERR_OUT_OF_RANGE'],
      [{ [name]: '5' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    ]),
  ]

  test.each(bad)('the options %j: %s %s', (options, name, code) => {
    const before = listeners()
    expect(() => run('app', main, options as RunOptions)).toThrow(expect.objectContaining({ name, code }))
    expect(listeners()).toEqual(before)
  })

  test.each([
    ['a name with a slash', 'a/b', main, 'RangeError'],
    ['no name', '', main, 'RangeError'],
    ['a name that is none', 7, main, 'TypeError'],
    ['a main that is none', 'app', {}, 'TypeError'],
    ['no main', 'app', undefined, 'TypeError'],
  ])('%s', (_, name, fn, error) => {
    const before = listeners()
    expect(() => run(name as string, fn as () => void)).toThrow(expect.objectContaining({ name: error }))
    expect(listeners()).toEqual(before)
  })
})

/** How many listeners the process has for each of its events. */
function listeners(): Record<string, number> {
  return Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]))
}
