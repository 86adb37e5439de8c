// What the functions of a pool call back into it, while it is at work itself.
import { describe, expect, test } from 'vitest'
import { Backend, codeOf, settled } from './backend.ts'

describe('close, called while it is closing', () => {
  test.each(['destroy', 'undo of onGone', 'signal of create'])('by %s, is the same and as quick', async (way) => {
    const backend = new Backend()
    const closes: Promise<unknown>[] = []
    const again = () => {
      closes.push(pool.close({ timeout: 2_000 }))
    }
    backend.destroy = (wire) => {
      if (way === 'destroy') again()
      backend.end(wire)
    }
    const pool = backend.pool({
      ...(way === 'undo of onGone' && { onGone: () => again }),
      ...(way === 'signal of create' && {
        create: ({ signal }) => {
          signal.addEventListener('abort', again)
          return backend.connect()
        },
      }),
    })
    const leases = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
    for (const lease of leases) lease.release()
    if (way === 'signal of create') pool.clear()
    await settled()
    const waiting = way === 'signal of create' ? codeOf(pool.acquire()) : undefined
    const closing = pool.close()
    const end = await closing
    await waiting
    expect(closes.length).toBeGreaterThan(0)
    expect(await Promise.all(closes)).toEqual(closes.map(() => end))
    expect([backend.clock.now(), backend.clock.pending, backend.open.size]).toEqual([0, 0, 0])
  })

  test('with no time left by destroy, takes the rest away at once', async () => {
    const backend = new Backend()
    backend.destroy = (wire) => {
      pool.close({ timeout: 0 })
      backend.end(wire)
    }
    const pool = backend.pool()
    const [held, other] = await Promise.all([pool.acquire(), pool.acquire()])
    other.release()
    expect(await pool.close()).toMatchObject({ closed: 1, destroyed: 1, held: [{ id: held.value.id }] })
    expect([backend.open.size, backend.clock.pending]).toEqual([0, 0])
  })

  test('and after it, it arms nothing', async () => {
    const backend = new Backend()
    const pool = backend.pool()
    const end = await pool.close()
    expect(await pool.close({ timeout: 0 })).toBe(end)
    expect(backend.clock.pending).toBe(0)
  })
})

describe('an acquire, on whose way an old connection is ended,', () => {
  test('is refused where that closes the pool', async () => {
    const backend = new Backend()
    const pool = backend.pool({ maxLifetime: 1_000 })
    await pool.with(() => {})
    backend.destroy = (wire) => {
      backend.end(wire)
      pool.close()
    }
    Object.assign(backend.clock, { now: () => 2_000 })
    expect(await codeOf(pool.acquire())).toBe('ERR_CLOSED')
    expect(pool.stats().waiting).toBe(0)
  })

  test('ends with its signal where that aborts it', async () => {
    const backend = new Backend()
    const controller = new AbortController()
    const pool = backend.pool({ maxLifetime: 1_000 })
    await pool.with(() => {})
    backend.destroy = (wire) => {
      backend.end(wire)
      controller.abort('off')
    }
    Object.assign(backend.clock, { now: () => 2_000 })
    expect(await codeOf(pool.acquire({ signal: controller.signal }))).toBe('off')
    expect(pool.stats().waiting).toBe(0)
  })
})

describe('where there is room, those who wait get a new connection while the old one hangs in its end,', () => {
  test.each<[string, (backend: Backend) => Promise<number>]>([
    [
      'found bad by validate',
      async (backend) => {
        const pool = backend.pool({ max: 2, validateAfter: 0, validate: () => false })
        await pool.with(() => {})
        return pool.with(({ id }) => id)
      },
    ],
    [
      'ended by the one before',
      async (backend) => {
        let refused = false
        const pool = backend.pool({
          max: 2,
          create: () => {
            if (backend.open.size === 0 || refused) return backend.connect()
            refused = true
            throw new Error('refused')
          },
        })
        const lease = await pool.acquire()
        const first = codeOf(pool.acquire())
        expect(await first).toBe('ERR_CONNECT_FAILED')
        lease.destroy()
        await backend.clock.advance(100)
        return pool.with(({ id }) => id)
      },
    ],
  ])('%s', async (_, play) => {
    const backend = new Backend()
    backend.destroy = () => new Promise(() => {})
    expect(await Promise.race([await play(backend), settled().then(settled)])).toBe(2)
  })

  test('cleared with a min', async () => {
    const backend = new Backend()
    backend.destroy = () => new Promise(() => {})
    const pool = backend.pool({ min: 1 })
    await settled()
    pool.clear()
    await settled()
    expect(pool.stats()).toMatchObject({ idle: 1, ending: 1, opened: 2 })
  })
})

test('connections that end before anybody has used them are not replaced without a pause', async () => {
  const backend = new Backend()
  const pool = backend.pool({ min: 1, onGone: (_, leave) => void queueMicrotask(leave) as undefined })
  await backend.clock.advance(2_000)
  expect(pool.stats().opened).toBeGreaterThan(1)
  expect(pool.stats().opened).toBeLessThanOrEqual(10)
  await pool.close()
})
