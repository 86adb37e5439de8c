import { ConnectionPool, type ConnectionPoolOptions } from 'endswell/connection'
import { describe, expect, test } from 'vitest'

const create = () => ({})
const make = (options: object) => new ConnectionPool(options as ConnectionPoolOptions<object>)

describe('options', () => {
  test.each<[string, readonly unknown[]]>([
    ['create', [undefined, null, 1]],
    ['destroy', [null, 1]],
    ['validate', [null, true]],
    ['onGone', [null, 'end']],
    ['max', ['10', null]],
    ['min', ['0']],
    ['acquireTimeout', ['1s', null]],
    ['idleTimeout', ['1s']],
    ['backoff', [5]],
    ['name', [5]],
  ])('%s of the wrong type is a TypeError', (name, values) => {
    for (const value of values) {
      expect(() => make({ create, [name]: value })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
    }
  })

  const counts = [0, -1, 1.5, Number.NaN]
  const timeouts = [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]
  test.each<[string, readonly unknown[]]>([
    ['max', [...counts, Number.POSITIVE_INFINITY]],
    ['min', [-1, 0.5, 11]],
    ['maxWaiting', [...counts, Number.POSITIVE_INFINITY]],
    ['maxConnecting', [...counts, Number.POSITIVE_INFINITY]],
    ['maxUses', counts],
    ['sites', counts],
    ['acquireTimeout', timeouts],
    ['createTimeout', [0, ...timeouts]],
    ['destroyTimeout', [0, ...timeouts]],
    ['validateTimeout', [0, ...timeouts]],
    ['validateAfter', [-1, Number.NaN]],
    ['idleTimeout', [0, -1, Number.NaN]],
    ['maxLifetime', [0, -1, Number.NaN]],
    ['leakThreshold', [0, 999, Number.NaN]],
    ['name', ['', 'a/b']],
  ])('%s out of range is a RangeError', (name, values) => {
    for (const value of values) {
      expect(() => make({ create, [name]: value })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }))
    }
  })

  test('a keepalive needs a validate, by which it would check', () => {
    expect(() => make({ create, keepalive: 30_000 })).toThrow(/options\.validate must be a function/)
  })

  test('one that nobody knows is refused', () => {
    expect(() => make({ create, leakTreshold: 1 })).toThrow(/Did you mean 'leakThreshold'\?/)
  })

  test('undefined is as good as none, and functions are called as methods of the options', async () => {
    const options = {
      max: undefined,
      wire: { [Symbol.dispose]: () => {} },
      create() {
        return this.wire
      },
    }
    const { wire, ...rest } = options
    const pool = make(Object.assign(Object.create({ wire }), rest))
    expect(await pool.with((value) => value === wire)).toBe(true)
    expect(pool.stats().max).toBe(10)
    await pool.close()
  })

  test('of acquire, with and close are refused at once when they are bad', async () => {
    await using pool = make({ create })
    for (const timeout of [-1, Number.NaN, 2 ** 31, '1']) {
      expect(() => pool.acquire({ timeout } as object)).toThrow(/options\.timeout/)
      expect(() => pool.with(() => {}, { timeout } as object)).toThrow(/options\.timeout/)
      expect(() => pool.close({ timeout } as object)).toThrow(/options\.timeout/)
    }
    expect(() => pool.acquire({ signal: 1 } as object)).toThrow(/options\.signal/)
    expect(() => pool.acquire({ timout: 1 } as object)).toThrow(/Did you mean 'timeout'/)
    expect(() => pool.with(1 as never)).toThrow(/fn must be a function/)
    expect(pool.stats().size).toBe(0)
  })
})

test('what has a disposer of its own needs no destroy', async () => {
  const ended: string[] = []
  for (const value of [
    { [Symbol.dispose]: () => ended.push('dispose') },
    { [Symbol.asyncDispose]: async () => ended.push('asyncDispose'), [Symbol.dispose]: () => ended.push('no') },
  ]) {
    const pool = new ConnectionPool({ create: () => value })
    await pool.with(() => {})
    expect(await pool.close()).toMatchObject({ closed: 1 })
  }
  expect(ended).toEqual(['dispose', 'asyncDispose'])
})

test.each([
  ['nothing', () => undefined, 'Return it.'],
  ['what cannot be ended', () => ({ query() {} }), 'has no disposer of its own'],
])('create that brings %s has failed, and is told why', async (_, create, message) => {
  await using pool = new ConnectionPool<unknown>({ create, ...(create() === undefined && { destroy() {} }) })
  await expect(pool.acquire()).rejects.toMatchObject({
    code: 'ERR_CONNECT_FAILED',
    cause: expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining(message) }),
  })
  expect(pool.stats()).toMatchObject({ size: 0, failed: 1 })
})
