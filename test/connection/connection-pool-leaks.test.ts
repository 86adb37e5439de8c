import type { LifecycleEvent } from 'endswell'
import type { ConnectionPool, Lease } from 'endswell/connection'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { collect } from '../fixtures/collect.ts'
import { Backend, settled, type Wire } from './backend.ts'

/** What the process would be warned of. */
const warnings: { readonly message: string; readonly type: string; readonly code: string }[] = []
beforeEach(() => {
  warnings.length = 0
  vi.spyOn(process, 'emitWarning').mockImplementation((message, options) => {
    warnings.push({ message: String(message), ...(options as object as { type: string; code: string }) })
  })
})
afterEach(() => vi.restoreAllMocks())

/** Takes a lease and loses it. */
async function lose(pool: ConnectionPool<Wire>): Promise<void> {
  const lease: Lease<Wire> = await pool.acquire()
  expect(lease.released).toBe(false)
}

describe('a lease that was dropped without release', () => {
  test('is found: its connection is ended, its place goes to the next, and the place that lost it is named', async () => {
    const backend = new Backend()
    const pool = backend.pool({ max: 1, name: 'db' })
    const events: LifecycleEvent[] = []
    pool.subscribe((event) => event.type === 'lease.lost' && events.push(event))
    await lose(pool)
    const next = pool.acquire()
    await backend.clock.advance(1_000)
    await collect(() => pool.stats().lost === 1)
    expect((await next).value.id).toBe(2)
    expect(backend.destroyed).toEqual([1])
    await settled()
    expect(events).toMatchObject([{ path: '/db', kind: 'pool', item: 1, site: { function: 'lose' } }])
    expect(warnings).toMatchObject([{ type: 'ResourceLeakWarning', code: 'ENDSWELL_LEASE_LOST' }])
    expect(warnings[0]?.message).toMatch(
      /^A lease of \/db was dropped without release: connection 1, acquired by lose at .+connection-pool-leaks\.test\.ts:\d+:\d+\. /,
    )
    ;(await next).release()
    await pool.close()
    expect(backend.clock.pending).toBe(0)
  })

  test('is found one by one, and those that are held or were released are not', async () => {
    const backend = new Backend()
    const pool = backend.pool({ max: 50, maxConnecting: 50, leakThreshold: Number.POSITIVE_INFINITY })
    const held = await Promise.all(Array.from({ length: 10 }, () => pool.acquire()))
    await Promise.all(Array.from({ length: 20 }, () => lose(pool)))
    const back = await Promise.all(Array.from({ length: 10 }, () => pool.acquire()))
    await backend.clock.advance(1_000)
    for (const lease of back.splice(0)) lease.release()
    await collect(() => pool.stats().lost === 20)
    await collect()
    expect(pool.stats()).toMatchObject({ lost: 20, leased: 10, idle: 10, size: 20 })
    for (const lease of held) lease.release()
    expect(pool.stats()).toMatchObject({ leased: 0, idle: 20 })
    // Once for the place that is known, and once for those that are not.
    expect(warnings.length).toBeLessThanOrEqual(2)
  })

  test('of unknown origin has the next of that place named', async () => {
    const backend = new Backend()
    const pool = backend.pool({ sites: 1_000_000 })
    for (let at = 0; at < 20; at += 1) await pool.with(() => {})
    for (const isKnown of [false, true]) {
      await lose(pool)
      await backend.clock.advance(1_000)
      const { lost } = pool.stats()
      await collect(() => pool.stats().lost > lost)
      expect(warnings.at(-1)?.message.includes('acquired by lose at ')).toBe(isKnown)
    }
  })
})

test('a lease that was out for long and released is not taken for lost, whoever has its connection now', async () => {
  const backend = new Backend()
  const pool = backend.pool({ max: 1 })
  await pool.with(() => backend.clock.advance(1_000))
  await using lease = await pool.acquire()
  await backend.clock.advance(1_000)
  await collect()
  expect(pool.stats()).toMatchObject({ lost: 0, leased: 1, opened: 1 })
  expect(lease.released).toBe(false)
})

describe('a lease that is held for very long', () => {
  test('is reported once, with the place that has it, and counted until it is back', async () => {
    const backend = new Backend()
    const pool = backend.pool({ leakThreshold: 2_500 })
    const events: LifecycleEvent[] = []
    pool.subscribe((event) => event.type === 'lease.overdue' && events.push(event))
    const lease = await pool.acquire()
    await backend.clock.advance(2_000)
    expect(events).toEqual([])
    await backend.clock.advance(10_000)
    await settled()
    expect(events).toMatchObject([
      { item: 1, ms: 3_000, site: { file: expect.stringContaining('connection-pool-leaks') } },
    ])
    expect(warnings).toMatchObject([{ code: 'ENDSWELL_LEASE_OVERDUE' }])
    expect(warnings[0]?.message).toMatch(/^A lease of \/pool has been out for 3000 ms: connection 1, acquired at /)
    expect(pool.stats().overdue).toBe(1)
    expect(pool.leases).toMatchObject([{ id: 1, age: 12_000 }])
    lease.release()
    expect(pool.stats().overdue).toBe(0)
    await using again = await pool.acquire()
    await backend.clock.advance(3_000)
    expect(events.length).toBe(2)
    expect(again.released).toBe(false)
  })

  test('is not reported by default', async () => {
    const backend = new Backend()
    const pool = backend.pool()
    await using lease = await pool.acquire()
    await backend.clock.advance(10_000_000)
    await settled()
    expect(warnings).toEqual([])
    expect(lease.released).toBe(false)
  })
})

test('a lease that is out costs one timer for all, and none when all are back', async () => {
  const backend = new Backend()
  const pool = backend.pool({ idleTimeout: Number.POSITIVE_INFINITY, maxLifetime: Number.POSITIVE_INFINITY })
  const leases = await Promise.all(Array.from({ length: 5 }, () => pool.acquire()))
  expect(backend.clock.pending).toBe(1)
  await backend.clock.advance(5_000)
  for (const lease of leases) lease.release()
  await backend.clock.advance(1_000)
  expect(backend.clock.pending).toBe(0)
})

test('leases tell where they were acquired: the first 16, then one of so many, or none', async () => {
  for (const [sites, expected] of [
    [10, 18],
    ['off', 0],
    [1, 40],
  ] as const) {
    const pool = new Backend().pool({ max: 40, maxConnecting: 40, sites })
    const leases: Lease<Wire>[] = []
    for (let at = 0; at < 40; at += 1) leases.push(await pool.acquire())
    expect(pool.leases.filter(({ site }) => site !== undefined).length).toBe(expected)
    expect(pool.leases.map(({ id }) => id)).toEqual(leases.map(({ value }) => value.id))
    expect(Object.isFrozen(pool.leases)).toBe(true)
  }
})
