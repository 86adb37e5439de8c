import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import { Lifecycle, TimeoutError } from 'endswell'
import { ConnectionPool } from 'endswell/connection'
import { describe, expect, test } from 'vitest'
import { Backend, codeOf, settled } from './backend.ts'

describe('acquiring', () => {
  test('opens a connection, and lends the same again when it was given back', async () => {
    const backend = new Backend()
    const pool = backend.pool()
    const first = await pool.acquire()
    const { value } = first
    expect(pool.stats()).toMatchObject({ size: 1, leased: 1, idle: 0 })
    first.release()
    expect(pool.stats()).toMatchObject({ size: 1, leased: 0, idle: 1 })
    const second = await pool.acquire()
    expect(second.value).toBe(value)
    expect(second).not.toBe(first)
    second.release()
    await pool.close()
    expect(backend.open.size).toBe(0)
    expect(backend.clock.pending).toBe(0)
  })

  test('lends the connection that was used last, so that the others fall idle', async () => {
    const backend = new Backend()
    const pool = backend.pool()
    const [one, two] = [await pool.acquire(), await pool.acquire()]
    one.release()
    two.release()
    await using lease = await pool.acquire()
    expect(lease.value.id).toBe(2)
  })

  test('never opens more than max, and serves those who wait in the order of their coming', async () => {
    const backend = new Backend()
    const pool = backend.pool({ max: 2, maxConnecting: 9 })
    const order: number[] = []
    const turns = Array.from({ length: 8 }, (_, at) =>
      pool.with(async () => {
        order.push(at)
        await settled()
      }),
    )
    await settled()
    expect(pool.stats()).toMatchObject({ leased: 2, waiting: 6 })
    await Promise.all(turns)
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(backend.mostOpen).toBe(2)
  })

  test('opens at most maxConnecting at the same time', async () => {
    const backend = new Backend()
    const opened: (() => void)[] = []
    backend.create = () => new Promise((resolve) => opened.push(() => resolve(backend.connect())))
    const pool = backend.pool({ maxConnecting: 2 })
    const all = Promise.all(Array.from({ length: 5 }, () => pool.acquire()))
    for (const left of [2, 2, 1]) {
      await settled()
      expect(opened.length).toBe(left)
      for (const open of opened.splice(0)) open()
    }
    expect(new Set((await all).map(({ value }) => value.id)).size).toBe(5)
  })

  test('opens no more than are needed, where opening is slow and those who wait come in a burst', async () => {
    const backend = new Backend()
    const opened: (() => void)[] = []
    backend.create = () => new Promise((resolve) => opened.push(() => resolve(backend.connect())))
    const pool = backend.pool({ max: 50, maxConnecting: 50 })
    const held = pool.acquire()
    await settled()
    opened.pop()?.()
    const lease = await held
    const burst = [pool.acquire(), pool.acquire()]
    lease.release()
    for (const open of opened.splice(0)) open()
    await Promise.all(burst)
    expect(backend.creates.length).toBe(3)
  })

  test('gives up at its deadline, and says who had the connections', async () => {
    const backend = new Backend()
    const pool = backend.pool({ max: 1, name: 'db' })
    await pool.acquire()
    await backend.clock.advance(100)
    const late = pool.acquire({ timeout: 50 })
    const rejected = expect(late).rejects.toThrow(TimeoutError)
    await backend.clock.advance(50)
    await rejected
    await expect(late).rejects.toThrow(
      /^\/db\/acquire was given up after 50 ms: it had 50 ms\. 1 of 1 connections were in use; held longest: connection 1 for 150 ms, acquired at .+connection-pool\.test\.ts:\d+:\d+\.$/,
    )
    expect(pool.stats()).toMatchObject({ waiting: 0, timedOut: 1 })
  })

  test('takes only what is free when the timeout is 0', async () => {
    const backend = new Backend()
    const pool = backend.pool({ max: 1 })
    const lease = await pool.acquire()
    const none = codeOf(pool.acquire({ timeout: 0 }))
    await backend.clock.advance(0)
    expect(await none).toBe('ERR_TIMEOUT')
    lease.release()
    ;(await pool.acquire({ timeout: 0 })).release()
  })

  test('ends with the reason of its signal, at once and leaving nothing', async () => {
    const backend = new Backend()
    const pool = backend.pool({ max: 1 })
    const lease = await pool.acquire()
    const controller = new AbortController()
    const waits = [0, 1].map(() => codeOf(pool.acquire({ signal: controller.signal })))
    const third = pool.acquire()
    controller.abort('enough')
    expect(await Promise.all([...waits, codeOf(pool.acquire({ signal: controller.signal }))])).toEqual(
      Array(3).fill('enough'),
    )
    expect(pool.stats()).toMatchObject({ waiting: 1, aborted: 2 })
    lease.release()
    expect((await third).value.id).toBe(1)
  })

  test('leaves no listener on its signal, however it ends', async () => {
    const backend = new Backend()
    const pool = backend.pool({ max: 1 })
    const { signal } = new AbortController()
    const served = Array.from({ length: 50 }, () => pool.with(settled, { signal }))
    const late = Array.from({ length: 50 }, () => codeOf(pool.acquire({ signal, timeout: 0 })))
    await backend.clock.advance(0)
    await Promise.all([...served, ...late])
    const lease = await pool.acquire()
    const refused = codeOf(pool.acquire({ signal }))
    expect(getEventListeners(signal, 'abort').length).toBe(1)
    await Promise.all([pool.close({ timeout: 0 }), refused])
    expect(getEventListeners(signal, 'abort').length).toBe(0)
    expect(lease.released).toBe(false)
  })

  test('refuses when too many wait already', async () => {
    const backend = new Backend()
    const pool = backend.pool({ max: 1, maxWaiting: 2 })
    await pool.acquire()
    const waits = [pool.acquire(), pool.acquire()].map(codeOf)
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL', path: '/pool' })
    expect(pool.stats().refused).toBe(1)
    await pool.close({ timeout: 0 })
    expect(await Promise.all(waits)).toEqual(['ERR_CLOSED', 'ERR_CLOSED'])
  })
})

describe('a lease', () => {
  test('is useless after its release, and shows what it is', async () => {
    const pool = new Backend().pool({ name: 'db' })
    const lease = await pool.acquire()
    expect(inspect(lease)).toBe('Lease { /db, connection 1 }')
    lease.release()
    expect(lease.released).toBe(true)
    expect(inspect(lease)).toBe('Lease { /db, released }')
    expect(() => lease.value).toThrow(expect.objectContaining({ name: 'ReferenceError', code: 'ERR_CLOSED' }))
  })

  test('is released by using, also where that comes after a release, which is no second one', async () => {
    const pool = new Backend().pool()
    {
      using one = await pool.acquire()
      await using two = await pool.acquire()
      expect(pool.stats().leased).toBe(2)
      two.release()
      expect(one.released).toBe(false)
    }
    expect(pool.stats()).toMatchObject({ leased: 0, doubleReleases: 0 })
  })

  test.each(['release', 'destroy'] as const)('that is over does nothing when %s comes again', async (again) => {
    const pool = new Backend().pool({ max: 1 })
    const lease = await pool.acquire()
    lease.release()
    await using other = await pool.acquire()
    lease[again]()
    expect(pool.stats()).toMatchObject({ leased: 1, idle: 0, doubleReleases: 1 })
    expect(other.value.id).toBe(1)
  })

  test('that is destroyed has its connection ended, and another opened for those who wait', async () => {
    const backend = new Backend()
    const pool = backend.pool({ max: 1 })
    const reasons: unknown[] = []
    pool.subscribe(({ type, reason, cause }) => type === 'connection.closed' && reasons.push(reason, cause))
    const lease = await pool.acquire()
    const next = pool.acquire()
    lease.destroy('broken')
    expect((await next).value.id).toBe(2)
    expect(backend.destroyed).toEqual([1])
    expect(reasons).toEqual(['destroyed', 'broken'])
  })
})

describe('with', () => {
  test('gives back what it took, whatever the function does', async () => {
    const pool = new Backend().pool({ max: 1 })
    expect(await pool.with(({ id }) => id)).toBe(1)
    await expect(pool.with(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await expect(
      pool.with(() => {
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    await pool.with((_, lease) => lease.release())
    expect(pool.stats()).toMatchObject({ leased: 0, idle: 1, doubleReleases: 0 })
    await pool.with((_, lease) => lease.destroy())
    expect(await pool.with(({ id }) => id)).toBe(2)
  })
})

describe('closing', () => {
  test('ends what is idle at once, waits for what is lent, and refuses all others', async () => {
    const backend = new Backend()
    const pool = backend.pool({ max: 2 })
    const [held, free] = [await pool.acquire(), await pool.acquire()]
    const waiting = codeOf(pool.acquire())
    expect(pool.stats().waiting).toBe(1)
    const closing = pool.close()
    expect(await waiting).toBe('ERR_CLOSED')
    expect(await codeOf(pool.acquire())).toBe('ERR_CLOSED')
    free.release()
    await settled()
    expect(backend.destroyed).toEqual([2])
    expect(held.value.isOpen).toBe(true)
    held.release()
    expect(await closing).toEqual({ closed: 2, destroyed: 0, abandoned: 0, stuck: 0, held: [] })
    expect(backend.clock.pending).toBe(0)
  })

  test('takes away at the deadline what was not given back, and names who has it', async () => {
    const backend = new Backend()
    const pool = backend.pool()
    const held = await pool.acquire()
    const free = await pool.acquire()
    free.release()
    const closing = pool.close({ timeout: 100 })
    await backend.clock.advance(99)
    expect(backend.open.size).toBe(1)
    await backend.clock.advance(1)
    const end = await closing
    expect(end).toMatchObject({ closed: 1, destroyed: 1, abandoned: 0, held: [{ id: 1, age: 100 }] })
    expect(end.held[0]?.site?.file).toMatch(/connection-pool\.test\.ts$/)
    for (const part of [end, end.held, end.held[0]]) expect(Object.isFrozen(part)).toBe(true)
    expect(backend.open.size).toBe(0)
    held.release()
    expect(pool.stats()).toMatchObject({ size: 0, leased: 0, doubleReleases: 0 })
    expect(backend.clock.pending).toBe(0)
  })

  test('a second call gives the same promise, and can only shorten the time', async () => {
    const backend = new Backend()
    const pool = backend.pool()
    await pool.acquire()
    const closing = pool.close({ timeout: 1_000 })
    expect(pool.close({ timeout: 5_000 })).toBe(closing)
    await backend.clock.advance(10)
    expect(pool.close({ timeout: 0 })).toBe(closing)
    expect(await closing).toMatchObject({ destroyed: 1, held: [{ age: 10 }] })
    expect(pool.close()).toBe(closing)
  })

  test('a later call cannot lengthen the time', async () => {
    const backend = new Backend()
    const pool = backend.pool()
    await pool.acquire()
    const closing = pool.close({ timeout: 100 })
    pool.close({ timeout: 5_000 })
    await backend.clock.advance(100)
    expect(await closing).toMatchObject({ destroyed: 1, held: [{ age: 100 }] })
  })

  test('a connection that will not end is given up half a second after the deadline, and counted', async () => {
    const backend = new Backend()
    backend.destroy = () => new Promise(() => {})
    const pool = backend.pool()
    await Promise.all([pool.acquire(), pool.with(() => {})])
    const closing = pool.close({ timeout: 100 })
    await backend.clock.advance(600)
    expect(await closing).toMatchObject({ closed: 0, destroyed: 0, abandoned: 2, held: [{ id: 1 }] })
    expect(backend.clock.pending).toBe(0)
  })

  test('a connection that was still being opened is ended when it comes, and waited for', async () => {
    const backend = new Backend()
    const { promise, resolve } = Promise.withResolvers<void>()
    let aborted = false
    const pool = new ConnectionPool({
      create: async ({ signal }) => {
        signal.addEventListener('abort', () => {
          aborted = true
        })
        await promise
        return backend.connect()
      },
      destroy: (wire) => backend.end(wire),
      clock: backend.clock,
    })
    const waiting = codeOf(pool.acquire())
    const closing = pool.close()
    expect(await waiting).toBe('ERR_CLOSED')
    expect(aborted).toBe(true)
    resolve()
    expect(await closing).toMatchObject({ closed: 1, abandoned: 0 })
    expect(backend.open.size).toBe(0)
    expect(backend.clock.pending).toBe(0)
  })

  test('afterwards it has nothing and gives nothing, and says so', async () => {
    const pool = new Backend().pool({ min: 2 })
    await pool[Symbol.asyncDispose]()
    expect(await codeOf(pool.acquire())).toBe('ERR_CLOSED')
    expect(await codeOf(pool.with(() => {}))).toBe('ERR_CLOSED')
    expect(pool.stats()).toMatchObject({ size: 0, waiting: 0 })
    expect(pool.leases).toEqual([])
    expect(pool.sweep()).toEqual({ removed: 0 })
    pool.clear()
  })
})

describe('in a lifecycle', () => {
  test('it has a path and a description, and its report names what was not given back', async () => {
    const backend = new Backend()
    const life = new Lifecycle({ name: 'orders', clock: backend.clock })
    const pool = life.use(backend.pool(), { name: 'db', grace: 100 })
    expect(pool.path).toBe('/orders/db')
    await pool.acquire()
    expect(life.snapshot().resources).toMatchObject([
      { path: '/orders/db', kind: 'pool', description: '1 of 10 in use' },
    ])
    expect(inspect(pool)).toBe('ConnectionPool { /orders/db, 1 of 10 in use }')
    const closing = life.close()
    await backend.clock.advance(100)
    const { rows } = await closing
    expect(rows).toMatchObject([{ kind: 'pool', outcome: 'forced' }])
    expect(rows[0]?.note).toMatch(/^1 still leased, the longest for 100 ms, acquired at .+connection-pool\.test\.ts:/)
    expect(backend.clock.pending).toBe(0)
  })

  test('it leaves its lifecycle when it is closed by itself', async () => {
    await using life = new Lifecycle()
    const pool = life.use(new Backend().pool())
    await pool.close()
    expect(life.snapshot().size).toBe(0)
  })
})
