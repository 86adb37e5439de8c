import type { Clock, ClockTimer } from 'endswell'
import { describe, expect, test } from 'vitest'
import { Backend, codeOf, settled, type Wire } from './backend.ts'

const minute = 60_000

/** Takes so many connections at the same time, and gives them back. */
async function use(pool: ReturnType<Backend['pool']>, count: number): Promise<void> {
  const leases = await Promise.all(Array.from({ length: count }, () => pool.acquire()))
  for (const lease of leases) lease.release()
}

describe('a connection that nobody uses', () => {
  test('is ended after idleTimeout, down to min', async () => {
    const backend = new Backend()
    const pool = backend.pool({ min: 2, idleTimeout: minute, maxLifetime: Number.POSITIVE_INFINITY })
    await use(pool, 5)
    await backend.clock.advance(minute - 1)
    expect(pool.stats().size).toBe(5)
    await backend.clock.advance(1)
    expect(pool.stats()).toMatchObject({ size: 2, closed: 3 })
    await backend.clock.advance(10 * minute)
    expect(pool.stats().size).toBe(2)
    expect(backend.clock.pending).toBeLessThanOrEqual(1)
    await pool.close()
  })

  test('is never ended where idleTimeout is Infinity', async () => {
    const backend = new Backend()
    const pool = backend.pool({ idleTimeout: Number.POSITIVE_INFINITY, maxLifetime: Number.POSITIVE_INFINITY })
    await use(pool, 3)
    await backend.clock.advance(100_000 * minute)
    expect(pool.stats().size).toBe(3)
  })

  test('is ended in time where that is longer than a timer can count', async () => {
    const backend = new Backend()
    const pool = backend.pool({ idleTimeout: 2 ** 32, maxLifetime: Number.POSITIVE_INFINITY })
    await use(pool, 1)
    await backend.clock.advance(2 ** 32 - 1)
    expect(pool.stats().size).toBe(1)
    await backend.clock.advance(1)
    expect(pool.stats().size).toBe(0)
  })

  test('is checked again and again with keepalive, and replaced where it is no good and there is a min', async () => {
    const backend = new Backend()
    const checks: number[] = []
    const bad = new Set<number>()
    const validate = ({ id }: Wire) => {
      checks.push(id)
      return !bad.has(id)
    }
    const pool = backend.pool({ min: 1, keepalive: minute, validate })
    await settled()
    await backend.clock.advance(3 * minute)
    expect(checks).toEqual([1, 1, 1])
    bad.add(1)
    await backend.clock.advance(minute)
    expect(backend.destroyed).toEqual([1])
    expect(pool.stats()).toMatchObject({ size: 1, idle: 1, invalid: 1 })
    await pool.close()
    expect(backend.clock.pending).toBe(0)
  })
})

test('a check in between does not make a connection count as used', async () => {
  const backend = new Backend()
  const pool = backend.pool({ keepalive: 40, idleTimeout: 100, validate: () => true, maxConnecting: 2 })
  const [one, two] = [await pool.acquire(), await pool.acquire()]
  one.release()
  await backend.clock.advance(30)
  two.release()
  await backend.clock.advance(15)
  expect(await pool.with(({ id }) => id)).toBe(2)
  await backend.clock.advance(55)
  expect(backend.destroyed).toEqual([1])
})

describe('a connection that is too old', () => {
  test('is ended when it is idle, not sooner than 2.5 % before maxLifetime', async () => {
    const backend = new Backend()
    const pool = backend.pool({ maxLifetime: 1_000, idleTimeout: Number.POSITIVE_INFINITY })
    await use(pool, 5)
    await backend.clock.advance(974)
    expect(pool.stats().size).toBe(5)
    await backend.clock.advance(26)
    expect(pool.stats().size).toBe(0)
  })

  test('is the same within its lifetime and another after it, also where no timer has had its turn', async () => {
    const backend = new Backend()
    const pool = backend.pool({ maxLifetime: 1_000 })
    await use(pool, 1)
    backend.clock.blocked(900)
    expect(await pool.with(({ id }) => id)).toBe(1)
    backend.clock.blocked(200)
    expect(await pool.with(({ id }) => id)).toBe(2)
  })

  test('is not cut while it is in use, and ended when it comes back', async () => {
    const backend = new Backend()
    const pool = backend.pool({ maxLifetime: 1_000 })
    const lease = await pool.acquire()
    await backend.clock.advance(10 * minute)
    expect(backend.destroyed).toEqual([])
    lease.release()
    expect(backend.destroyed).toEqual([1])
  })

  test('is replaced where there is a min', async () => {
    const backend = new Backend()
    const pool = backend.pool({ min: 2, maxLifetime: 1_000 })
    await settled()
    await backend.clock.advance(1_000)
    expect(pool.stats()).toMatchObject({ size: 2, closed: 2, opened: 4 })
  })
})

test('a connection is ended after maxUses', async () => {
  const backend = new Backend()
  const pool = backend.pool({ maxUses: 3 })
  const ids: number[] = []
  for (let at = 0; at < 7; at += 1) ids.push(await pool.with(({ id }) => id))
  expect(ids).toEqual([1, 1, 1, 2, 2, 2, 3])
})

describe('min', () => {
  test('is opened at once, and again when one is gone', async () => {
    const backend = new Backend()
    const pool = backend.pool({ min: 3, maxConnecting: 1 })
    expect(backend.creates).toEqual([])
    await settled()
    expect(pool.stats()).toMatchObject({ size: 3, idle: 3 })
    backend.leave.get(2)?.()
    await settled()
    expect([...backend.open.keys()]).toEqual([1, 3, 4])
  })
})

describe('validate', () => {
  test('is asked about a connection that was not used for validateAfter, before it is lent', async () => {
    const backend = new Backend()
    const checks: number[] = []
    const pool = backend.pool({ validate: ({ id }) => void checks.push(id), validateAfter: 500 })
    await use(pool, 1)
    await backend.clock.advance(499)
    await use(pool, 1)
    expect(checks).toEqual([])
    await backend.clock.advance(500)
    await use(pool, 1)
    expect(checks).toEqual([1])
    await use(pool, 1)
    expect(checks).toEqual([1])
  })

  test.each<[string, () => unknown]>([
    ['says false', () => false],
    ['rejects', () => Promise.reject(new Error('gone'))],
    [
      'throws',
      () => {
        throw new Error('gone')
      },
    ],
    ['hangs', () => new Promise(() => {})],
  ])('that %s has the connection replaced, and the one who waits gets a good one', async (_, validate) => {
    const backend = new Backend()
    const failed: unknown[] = []
    const pool = backend.pool({ validate, validateAfter: 0, validateTimeout: 50 })
    pool.subscribe(({ type, reason }) => type === 'connection.failed' && failed.push(reason))
    await use(pool, 2)
    const next = pool.acquire()
    await backend.clock.advance(200)
    await using lease = await next
    expect(lease.value.id).toBe(3)
    expect(backend.destroyed).toContain(2)
    expect(failed).toContain('validate')
    expect(pool.stats().invalid).toBeGreaterThan(0)
    await settled()
    await pool.close({ timeout: 0 })
    expect(backend.clock.pending).toBe(0)
  })
})

describe('clear', () => {
  test('ends what is idle at once, what is lent when it comes back, and what is being opened when it is there', async () => {
    const backend = new Backend()
    const pool = backend.pool({ max: 3 })
    const reasons: unknown[] = []
    pool.subscribe(({ type, reason, cause }) => type === 'connection.closed' && reasons.push([reason, cause]))
    const [lent, free] = [await pool.acquire(), await pool.acquire()]
    free.release()
    const { promise, resolve } = Promise.withResolvers<void>()
    backend.create = async () => {
      await promise
      return backend.connect()
    }
    const taken = await pool.acquire()
    const waiting = pool.acquire()
    taken.release()
    await waiting.then((lease) => lease.release())
    const opening = [pool.acquire(), pool.acquire()]
    expect((await opening[0])?.value.id).toBe(2)
    pool.clear('new password')
    backend.create = undefined
    resolve()
    expect((await opening[1])?.value.id).toBeGreaterThan(3)
    expect(backend.open.has(3)).toBe(false)
    expect(backend.open.has(1)).toBe(true)
    lent.release()
    expect(backend.open.has(1)).toBe(false)
    await settled()
    expect(reasons).toEqual(reasons.map(() => ['cleared', 'new password']))
    expect(reasons.length).toBeGreaterThan(1)
  })
})

describe('a connection that ends by itself', () => {
  test('leaves at once, and is not lent again', async () => {
    const backend = new Backend()
    const pool = backend.pool()
    await use(pool, 2)
    backend.leave.get(2)?.()
    expect(pool.stats().idle).toBe(1)
    expect(await pool.with(({ id }) => id)).toBe(1)
  })

  test('gives its place to another while its lease is out, whose release is then none', async () => {
    const backend = new Backend()
    const pool = backend.pool({ max: 1 })
    const lease = await pool.acquire()
    const next = pool.acquire()
    backend.leave.get(1)?.()
    expect((await next).value.id).toBe(2)
    lease.release()
    expect(pool.stats()).toMatchObject({ size: 1, leased: 1, doubleReleases: 0 })
  })

  test('may do so at once, or while it is checked', async () => {
    const backend = new Backend()
    const undone: number[] = []
    const pool = backend.pool({
      onGone: ({ id }, leave) => {
        if (id === 1) leave()
        else backend.leave.set(id, leave)
        return () => void undone.push(id)
      },
      validate: ({ id }) => {
        if (id === 2) backend.leave.get(2)?.()
      },
      validateAfter: 0,
    })
    const first = pool.acquire()
    expect((await first).value.id).toBe(2)
    ;(await first).release()
    await using lease = await pool.acquire()
    expect(lease.value.id).toBe(3)
    expect(undone).toEqual([1, 2])
    expect(pool.stats()).toMatchObject({ size: 1, checking: 0, leased: 1 })
  })
})

describe('sweep', () => {
  test('ends what is due and, under pressure, all that is idle, down to min', async () => {
    const backend = new Backend()
    const pool = backend.pool({ min: 1, idleTimeout: minute })
    await use(pool, 4)
    await using lease = await pool.acquire()
    expect(pool.sweep()).toEqual({ removed: 0 })
    expect(pool.sweep({ pressure: { level: 'elevated', usage: 0.7 } })).toEqual({ removed: 0 })
    expect(pool.sweep({ pressure: { level: 'high', usage: 0.9 } })).toEqual({ removed: 3 })
    expect(backend.open.has(lease.value.id)).toBe(true)
    backend.clock.blocked(2 * minute)
    expect(pool.sweep()).toEqual({ removed: 0 })
  })
})

test('what each of its timers is for is over when it is closed', async () => {
  const backend = new Backend()
  const pool = backend.pool({ min: 1, keepalive: 50, validate: () => new Promise(() => {}), leakThreshold: 1_000 })
  await use(pool, 3)
  const waits = Array.from({ length: 12 }, () => codeOf(pool.acquire()))
  await backend.clock.advance(60)
  const closing = pool.close({ timeout: 10 })
  await backend.clock.advance(10)
  await closing
  await Promise.all(waits)
  expect(pool.stats().size).toBe(0)
  expect(backend.clock.pending).toBe(0)
})

test('nothing that it does by itself keeps the process alive, and what somebody waits for does', async () => {
  const backend = new Backend()
  const { clock } = backend
  const held = new Set<ClockTimer>()
  const watching: Clock = {
    now: () => clock.now(),
    setTimeout: (callback, delay) => {
      const timer = clock.setTimeout(() => {
        held.delete(timer)
        callback()
      }, delay)
      held.add(timer)
      return Object.assign(timer, { unref: () => held.delete(timer) })
    },
    clearTimeout: (timer) => {
      held.delete(timer)
      clock.clearTimeout(timer)
    },
  }
  const pool = backend.pool({ max: 1, keepalive: 50, validate: () => true, leakThreshold: 1_000, clock: watching })
  await use(pool, 1)
  expect(clock.pending).toBeGreaterThan(0)
  expect(held.size).toBe(0)
  const lease = await pool.acquire()
  expect(held.size).toBe(0)
  const waiting = pool.acquire()
  expect(held.size).toBe(1)
  lease.release()
  expect(held.size).toBe(0)
  ;(await waiting).destroy()
  backend.create = () => Promise.reject(new Error('refused'))
  expect(await codeOf(pool.acquire())).toBe('ERR_CONNECT_FAILED')
  expect(held.size).toBe(0)
  await pool.close()
  expect(clock.pending).toBe(0)
})
