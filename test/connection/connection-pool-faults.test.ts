// What other pools were seen to do wrong, and what their own tests hold them to.
import { EndswellError } from 'endswell'
import { ConnectionPool } from 'endswell/connection'
import { describe, expect, test } from 'vitest'
import { Backend, codeOf, settled } from './backend.ts'

describe('while opening fails', () => {
  test('hardly anything is tried: at most 10 times in 2 s, however many wait', async () => {
    const backend = new Backend()
    backend.create = () => Promise.reject(new Error('refused'))
    const pool = backend.pool({ max: 50, maxConnecting: 2 })
    const codes = Array.from({ length: 500 }, () => codeOf(pool.acquire({ timeout: 2_000 })))
    await backend.clock.advance(2_000)
    const counts = Map.groupBy(await Promise.all(codes), (code) => code)
    expect(backend.creates.length).toBeLessThanOrEqual(10)
    expect(counts.get('ERR_CONNECT_FAILED')?.length).toBe(backend.creates.length)
    expect(counts.get('ERR_TIMEOUT')?.length).toBe(500 - backend.creates.length)
  })

  test.each<[string, () => never | Promise<never>]>([
    [
      'throws',
      () => {
        throw new Error('refused')
      },
    ],
    ['rejects at once', () => Promise.reject(new Error('refused'))],
  ])('the event loop keeps turning where create %s, also for those who try again at once', async (_, create) => {
    const pool = new ConnectionPool({ create: () => create(), backoff: { first: 1, max: 1 } })
    let isOver = false
    const tasks = [0, 1, 2].map(async () => {
      while (!isOver) await pool.acquire().catch(() => {})
    })
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1))
    isOver = true
    await pool.close()
    await Promise.all(tasks)
    expect(pool.stats().failed).toBeGreaterThan(3)
  })

  test('the one who has waited longest is told why, and the others wait on', async () => {
    const backend = new Backend()
    const cause = new Error('refused')
    backend.create = () => {
      backend.create = undefined
      return Promise.reject(cause)
    }
    const pool = backend.pool({ max: 1 })
    const [first, second] = [pool.acquire(), pool.acquire()]
    const error = await first.catch((thrown) => thrown)
    expect(error).toBeInstanceOf(EndswellError)
    expect(error).toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      path: '/pool',
      cause,
      message: '/pool could not connect: refused',
    })
    await backend.clock.advance(100)
    expect((await second).value.id).toBe(1)
  })

  test('one whose time is up is told what the last attempt failed with', async () => {
    const backend = new Backend()
    backend.create = () => Promise.reject(new Error('refused'))
    const pool = backend.pool({ max: 1 })
    const [first, second] = [codeOf(pool.acquire()), pool.acquire({ timeout: 50 }).catch(({ message }) => message)]
    await backend.clock.advance(50)
    expect(await first).toBe('ERR_CONNECT_FAILED')
    expect(await second).toMatch(/the last attempt to connect failed: refused\.$/)
  })

  test('the waits grow, one attempt is made at a time, and after a success all is as before', async () => {
    const backend = new Backend()
    backend.create = () => Promise.reject(new Error('refused'))
    const pool = backend.pool({ min: 4, maxConnecting: 2, backoff: { jitter: 0 } })
    await settled()
    await backend.clock.advance(3_100)
    expect(backend.creates).toEqual([0, 0, 100, 300, 700, 1_500, 3_100])
    backend.create = undefined
    await backend.clock.advance(3_200)
    expect(backend.creates.slice(7)).toEqual([6_300, 6_300, 6_300, 6_300])
    expect(pool.stats()).toMatchObject({ size: 4, failed: 7 })
    await pool.close()
    expect(backend.clock.pending).toBe(0)
  })

  test('failed connects leave nothing behind', async () => {
    const backend = new Backend()
    backend.create = () => Promise.reject(new Error('refused'))
    const pool = backend.pool({ backoff: { first: 1, max: 1 } })
    for (let at = 0; at < 50; at += 1) {
      const code = codeOf(pool.acquire())
      await backend.clock.advance(1)
      expect(await code).toBe('ERR_CONNECT_FAILED')
    }
    expect(pool.stats()).toMatchObject({ size: 0, connecting: 0, waiting: 0, failed: 50 })
  })
})

describe('a connection that comes late', () => {
  test('is kept where the one who waited has given up', async () => {
    const backend = new Backend()
    const { promise, resolve } = Promise.withResolvers<void>()
    backend.create = () => promise.then(() => backend.connect())
    const pool = backend.pool()
    const late = codeOf(pool.acquire({ timeout: 10 }))
    await backend.clock.advance(10)
    expect(await late).toBe('ERR_TIMEOUT')
    resolve()
    await settled()
    expect(pool.stats()).toMatchObject({ idle: 1, size: 1 })
    expect(await pool.with(({ id }) => id)).toBe(1)
    expect(backend.creates.length).toBe(1)
  })

  test('after createTimeout is kept where there is a place, and ended where there is none', async () => {
    for (const isTaken of [false, true]) {
      const backend = new Backend()
      const { promise, resolve } = Promise.withResolvers<void>()
      backend.create = () => {
        backend.create = undefined
        return promise.then(() => backend.connect())
      }
      const pool = backend.pool({ max: 1, createTimeout: 50 })
      const failed = pool.acquire().catch((error) => error)
      await backend.clock.advance(50)
      expect(await failed).toMatchObject({
        code: 'ERR_CONNECT_FAILED',
        cause: { code: 'ERR_TIMEOUT', path: '/pool/create' },
      })
      const other = isTaken ? pool.acquire() : undefined
      await backend.clock.advance(100)
      ;(await other)?.release()
      resolve()
      await settled()
      expect(pool.stats()).toMatchObject({ size: 1, idle: 1, connecting: 0 })
      expect(backend.open.size).toBe(1)
      expect(backend.destroyed.length).toBe(isTaken ? 1 : 0)
    }
  })

  test('never holds up the closing, and is counted', async () => {
    const backend = new Backend()
    backend.create = () => {
      backend.create = undefined
      return new Promise<never>(() => {})
    }
    const pool = backend.pool({ createTimeout: 50 })
    const failed = codeOf(pool.acquire())
    await backend.clock.advance(50)
    expect(await failed).toBe('ERR_CONNECT_FAILED')
    expect(pool.stats()).toMatchObject({ size: 0, connecting: 0, stuck: 1 })
    expect(await pool.close()).toEqual({ closed: 0, destroyed: 0, abandoned: 0, stuck: 1, held: [] })
    expect(backend.clock.pending).toBe(0)
  })

  test('for those who had given up in the queue goes to those who had not', async () => {
    const backend = new Backend()
    const { promise, resolve } = Promise.withResolvers<void>()
    backend.create = () => promise.then(() => backend.connect())
    const pool = backend.pool({ max: 1 })
    const waits = [10, 1_000, 20, 1_000].map((timeout) => codeOf(pool.with(settled, { timeout })))
    await backend.clock.advance(20)
    resolve()
    expect(await Promise.all(waits)).toEqual(['ERR_TIMEOUT', 'fulfilled', 'ERR_TIMEOUT', 'fulfilled'])
    expect(backend.creates.length).toBe(1)
  })
})

test('a second release never lends one connection to two', async () => {
  const backend = new Backend()
  const pool = backend.pool({ max: 1 })
  const old = await pool.acquire()
  old.release()
  const owner = await pool.acquire()
  old.release()
  const other = pool.acquire({ timeout: 10 })
  const code = codeOf(other)
  await backend.clock.advance(10)
  expect(await code).toBe('ERR_TIMEOUT')
  expect(owner.released).toBe(false)
})

test('an acquire after close is refused at once, and opens nothing', async () => {
  const backend = new Backend()
  const pool = backend.pool()
  await pool.with(() => {})
  await pool.close()
  expect(await codeOf(pool.acquire())).toBe('ERR_CLOSED')
  expect(backend.creates.length).toBe(1)
})

test('a close while one is borrowed ends at its deadline', async () => {
  const backend = new Backend()
  const pool = backend.pool()
  await pool.acquire()
  const closing = pool.close({ timeout: 200 })
  await backend.clock.advance(200)
  expect(await closing).toMatchObject({ destroyed: 1, held: [{ id: 1 }] })
})

test('a destroy that hangs keeps its place for destroyTimeout, and then is given up and counted', async () => {
  const backend = new Backend()
  backend.destroy = () => new Promise(() => {})
  const failed: unknown[] = []
  const pool = backend.pool({ max: 1, destroyTimeout: 1_000 })
  pool.subscribe(({ type, reason, error }) => type === 'connection.failed' && failed.push(reason, error))
  ;(await pool.acquire()).destroy()
  const next = pool.acquire()
  await backend.clock.advance(999)
  expect(pool.stats()).toMatchObject({ size: 1, ending: 1, waiting: 1 })
  await backend.clock.advance(1)
  expect((await next).value.id).toBe(2)
  expect(pool.stats()).toMatchObject({ size: 1, destroyFailed: 1 })
  expect(failed).toMatchObject(['destroy', { code: 'ERR_TIMEOUT', path: '/pool/destroy' }])
})

test('a destroy that throws is told, and the place is free', async () => {
  const backend = new Backend()
  for (const destroy of [
    () => Promise.reject(new Error('no')),
    () => {
      throw new Error('no')
    },
  ]) {
    backend.destroy = destroy
    const pool = backend.pool({ max: 1 })
    ;(await pool.acquire()).destroy()
    await pool.with(() => {})
    expect(pool.stats()).toMatchObject({ destroyFailed: 1, size: 1 })
    expect(await pool.close()).toMatchObject({ closed: 1 })
  }
})

test('a waiter keeps its deadline, whatever connections fail on the way', async () => {
  const backend = new Backend()
  const pool = backend.pool({ max: 1, validate: () => false, validateAfter: 0, backoff: { first: 10, max: 10 } })
  const lease = await pool.acquire()
  backend.create = () => Promise.reject(new Error('refused'))
  const from = backend.clock.now()
  const waits = Array.from({ length: 200 }, async () => {
    const code = await codeOf(pool.acquire({ timeout: 500 }))
    return [code, backend.clock.now() - from] as const
  })
  lease.release()
  await backend.clock.advance(2_000)
  const all = await Promise.all(waits)
  const late = all.filter(([code]) => code === 'ERR_TIMEOUT')
  expect(late.length).toBeGreaterThan(100)
  expect(new Set(late.map(([, ms]) => ms))).toEqual(new Set([500]))
})

test('those who time out or abort leave the queue at once, wherever they stand', async () => {
  const backend = new Backend()
  const pool = backend.pool({ max: 1 })
  const lease = await pool.acquire()
  const controller = new AbortController()
  const waits = Array.from({ length: 900 }, (_, at) =>
    codeOf(
      at % 3 === 0 ? pool.acquire({ signal: controller.signal }) : pool.acquire({ timeout: at % 3 === 1 ? 10 : 20 }),
    ),
  )
  expect(pool.stats().waiting).toBe(900)
  controller.abort('off')
  expect(pool.stats().waiting).toBe(600)
  await backend.clock.advance(10)
  expect(pool.stats().waiting).toBe(300)
  await backend.clock.advance(10)
  expect(pool.stats().waiting).toBe(0)
  lease.release()
  expect(pool.stats()).toMatchObject({ idle: 1, timedOut: 600, aborted: 300 })
  await Promise.all(waits)
})

test('where validate always fails, all are served by new connections, and nothing leaks', async () => {
  const backend = new Backend()
  const pool = backend.pool({ max: 3, validate: () => false, validateAfter: 0, maxConnecting: 3 })
  const turns = Array.from({ length: 50 }, () => pool.with(settled))
  await Promise.all(turns)
  for (let at = 0; at < 20; at += 1) await pool.with(settled)
  expect(backend.mostOpen).toBeLessThanOrEqual(3)
  await pool.close()
  expect(backend.open.size).toBe(0)
})

test('it can be closed correctly while connections are being checked', async () => {
  const backend = new Backend()
  const { promise, resolve } = Promise.withResolvers<void>()
  const pool = backend.pool({ validate: () => promise, validateAfter: 0 })
  await pool.with(() => {})
  const waiting = codeOf(pool.acquire())
  expect(pool.stats().checking).toBe(1)
  const closing = pool.close()
  expect(await waiting).toBe('ERR_CLOSED')
  resolve()
  expect(await closing).toMatchObject({ closed: 1, abandoned: 0 })
  expect(backend.open.size).toBe(0)
})

test('it can be closed by many at the same time, and while min is being opened', async () => {
  const backend = new Backend()
  const pool = backend.pool({ min: 5 })
  const ends = await Promise.all(Array.from({ length: 5 }, () => pool.close()))
  expect(new Set(ends).size).toBe(1)
  await settled()
  expect(backend.open.size).toBe(0)
  expect(backend.clock.pending).toBe(0)
})

test('what hooks throw harms nobody, and is told', async () => {
  const backend = new Backend()
  const thrown: unknown[] = []
  const pool = backend.pool({
    onGone: ({ id }) => {
      if (id === 1) throw new Error('onGone')
      return () => {
        throw new Error('undo')
      }
    },
  })
  pool.subscribe(({ type, error }) => type === 'resource.error' && thrown.push((error as Error).message))
  await Promise.all([pool.with(settled), pool.with(settled)])
  await pool.close()
  expect(thrown).toEqual(['onGone', 'undo'])
  expect(backend.open.size).toBe(0)
})
