import { Lifecycle, type LifecycleOptions } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { thrownBy } from './stubs.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('the environment variable ENDSWELL_LEAKS', () => {
  const hasSites = (options: LifecycleOptions = {}): boolean => {
    const life = new Lifecycle(options)
    life.defer(() => {})
    return life.snapshot().resources[0]?.site !== undefined
  }

  test('sets the leak level where options do not', () => {
    vi.stubEnv('ENDSWELL_LEAKS', 'off')
    expect(hasSites()).toBe(false)
    expect(hasSites({ leaks: 'full' })).toBe(true)
  })

  test('set to nothing is as good as not set', () => {
    vi.stubEnv('ENDSWELL_LEAKS', '')
    expect(hasSites()).toBe(true)
  })

  test('set to an unknown word is refused, by its name', () => {
    vi.stubEnv('ENDSWELL_LEAKS', 'some')
    expect(thrownBy(() => new Lifecycle())).toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
      message: expect.stringMatching(/ENDSWELL_LEAKS must be one of 'off', .* but got string 'some'/),
    })
  })
})

test('a scope inherits grace, kinds, leak level and clock, but neither timeout nor order', async () => {
  const clock = new FakeClock()
  const kind = { name: 'list', matches: Array.isArray, close: () => new Promise<never>(() => {}) }
  const life = new Lifecycle({ clock, grace: 50, kinds: [kind], leaks: 'off', order: 'parallel', timeout: 1_000 })
  const scope = life.scope('inside')
  scope.use([])
  scope.use([])
  expect(scope.snapshot().resources).toEqual([
    { path: '/lifecycle/inside/list#1', kind: 'list', state: 'open' },
    { path: '/lifecycle/inside/list#2', kind: 'list', state: 'open' },
  ])
  const closing = scope.close()
  await clock.advance(100)
  expect(await closing).toMatchObject({ ms: 100, counts: { abandoned: 2 } })
})
