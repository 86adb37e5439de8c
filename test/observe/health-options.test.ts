import { describe, expect, test } from 'vitest'
import { Lifecycle } from '../../src/index.ts'
import { healthPlan } from '../../src/observe/health-options.ts'
import { type HealthOptions, healthHandler, serveHealth } from '../../src/observe/index.ts'

const check = () => true

test('the defaults are those that are documented', () => {
  const { probes, details, checks } = healthPlan({ checks: { db: check } })
  expect([...probes]).toEqual([
    ['/livez', 'live'],
    ['/readyz', 'ready'],
    ['/startupz', 'startup'],
  ])
  expect(details({} as never)).toBe(false)
  expect(checks).toEqual([{ name: 'db', check, timeout: 1_000, cache: 1_000, on: 'ready' }])
})

test('what is given is taken', () => {
  const given = { check, timeout: 5, cache: 0, on: 'live' } as const
  const { probes, details, checks } = healthPlan({ paths: { ready: '/r' }, details: 'always', checks: { db: given } })
  expect([...probes.keys()]).toEqual(['/livez', '/r', '/startupz'])
  expect(details({} as never)).toBe(true)
  expect(checks).toEqual([{ name: 'db', ...given }])
})

const bad: readonly [options: unknown, error: string, code: string][] = [
  [null, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  ['/health', 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ path: '/health' }, 'TypeError', 'ERR_UNKNOWN_OPTION'],
  [{ paths: '/health' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ paths: { health: '/health' } }, 'TypeError', 'ERR_UNKNOWN_OPTION'],
  [{ paths: { live: 7 } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ paths: { live: 'livez' } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ paths: { live: '' } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ paths: { live: '/livez?full' } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ paths: { live: '/health', ready: '/health' } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ paths: { live: '/readyz' } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ details: true }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ details: 'sometimes' }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ checks: [check] }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ checks: check }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ checks: { db: true } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ checks: { db: null } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ checks: { db: {} } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ checks: { db: { check: 'select 1' } } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  [{ checks: { db: { check, ttl: 5 } } }, 'TypeError', 'ERR_UNKNOWN_OPTION'],
  [{ checks: { db: { check, on: 'startup' } } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ checks: { 'db/1': check } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ checks: { '': check } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  [{ checks: { db: { check, timeout: 0 } } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  ...['timeout', 'cache'].flatMap((name): [unknown, string, string][] => [
    [{ checks: { db: { check, [name]: -1 } } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ checks: { db: { check, [name]: Number.POSITIVE_INFINITY } } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ checks: { db: { check, [name]: '1s' } } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  ]),
]

describe('healthHandler refuses', () => {
  test.each(bad)('the options %o: %s %s', (options, name, code) => {
    const make = () => healthHandler(new Lifecycle(), options as HealthOptions)
    expect(make).toThrow(expect.objectContaining({ name, code }))
  })

  test.each([undefined, null, 'app', {}, new AbortController()])('the lifecycle %o', (life) => {
    const error = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }
    expect(() => healthHandler(life as never)).toThrow(expect.objectContaining(error))
  })
})

describe('serveHealth refuses, before it opens anything,', () => {
  test.each<[unknown, string, string]>([
    [undefined, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [9_000, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{}, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ port: '9000' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ port: -1 }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ port: 65_536 }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ port: 1.5 }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [{ port: 0, host: 7 }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{ port: 0, hots: '::' }, 'TypeError', 'ERR_UNKNOWN_OPTION'],
    [{ port: 0, details: 'no' }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  ])('the options %o: %s %s', async (options, name, code) => {
    await expect(serveHealth(new Lifecycle(), options as never)).rejects.toMatchObject({ name, code })
  })
})
