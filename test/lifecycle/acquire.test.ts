import { Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { Log, never, wait } from './stubs.ts'

function setUp() {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, grace: 100 })
  const log = new Log()
  const released: unknown[] = []
  const release = (value: unknown): void => void released.push(value)
  return { clock, life, log, released, release }
}

describe('acquire', () => {
  test('registers what was opened under its name, in the same turn, and returns it', async () => {
    const { clock, life, released, release } = setUp()
    const acquired = life.acquire('db', () => wait(clock, 10, 'a connection'), release)
    expect(life.snapshot().resources).toMatchObject([{ path: '/app/db', kind: 'task' }])
    await clock.advance(10)
    expect(life.snapshot().resources).toMatchObject([{ path: '/app/db', kind: 'callback' }])
    expect(await acquired).toBe('a connection')
    await life.close()
    expect(released).toEqual(['a connection'])
  })

  test('takes its place in the order when it has been opened', async () => {
    const { clock, life, log } = setUp()
    const acquired = life.acquire('slow', () => wait(clock, 10), log.at('slow'))
    life.defer(log.at('registered meanwhile'))
    await clock.advance(10)
    await acquired
    await life.close()
    expect(log.lines).toEqual(['slow', 'registered meanwhile'])
  })

  test('makes what was opened a resource by value too', async () => {
    const { life, released, release } = setUp()
    const value = await life.acquire('db', () => ({}), release)
    expect(await life.release(value)).toBe('closed')
    expect(released).toEqual([value])
  })

  test('rejects where opening fails, and registers nothing', async () => {
    const { life, released, release } = setUp()
    const error = new Error('no')
    await expect(life.acquire('db', () => Promise.reject(error), release)).rejects.toBe(error)
    expect(life.snapshot().size).toBe(0)
    expect(released).toEqual([])
  })

  test('tells opening by its signal that the lifecycle closes', async () => {
    const { life, released, release } = setUp()
    const acquired = life.acquire(
      'db',
      (signal) =>
        new Promise<string>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      release,
    )
    expect((await life.close()).counts).toMatchObject({ closed: 1 })
    await expect(acquired).rejects.toMatchObject({ name: 'AbortError' })
    expect(released).toEqual([])
  })

  test('releases at once what arrives while it is told to stop, and rejects with ERR_CLOSED', async () => {
    const { clock, life, log, released } = setUp()
    const acquired = life.acquire(
      'db',
      () => wait(clock, 50, 'late'),
      async (value) => {
        released.push(value)
        await log.lasting('release', clock, 20)()
      },
    )
    life.defer(log.at('newer'))
    const closing = life.close()
    await clock.advance(70)
    expect(await closing).toMatchObject({ ms: 70, counts: { closed: 2 } })
    expect(released).toEqual(['late'])
    expect(log.lines).toEqual(['newer', 'release', 'release.'])
    const error = await acquired.catch((reason) => reason)
    expect(error.constructor).toBe(ReferenceError)
    expect(error).toMatchObject({
      code: 'ERR_CLOSED',
      message: expect.stringContaining('What db brought came too late'),
    })
  })

  test('releases at once what arrives before its turn, and nobody need catch that', async () => {
    const { clock, life, log, released, release } = setUp()
    const unhandled: unknown[] = []
    const listen = (error: unknown): void => void unhandled.push(error)
    const listeners = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', listen)
    try {
      void life.acquire('db', () => wait(clock, 10, 'late'), release)
      life.defer(log.lasting('newer', clock, 50))
      const closing = life.close()
      await clock.advance(10)
      expect(released).toEqual(['late'])
      await clock.advance(40)
      expect((await closing).counts).toMatchObject({ failed: 0, abandoned: 0 })
    } finally {
      process.removeAllListeners('unhandledRejection')
      for (const listener of listeners) process.on('unhandledRejection', listener)
    }
    expect(unhandled).toEqual([])
  })

  test('releases at once what arrives after it was abandoned', async () => {
    const { clock, life, released, release } = setUp()
    const acquired = life.acquire('db', () => wait(clock, 500, 'late'), release)
    const closing = life.close()
    await clock.advance(100)
    expect((await closing).rows).toMatchObject([{ path: '/app/db', outcome: 'abandoned' }])
    await expect(acquired).rejects.toMatchObject({ code: 'ERR_ABANDONED' })
    expect(released).toEqual([])
    await clock.advance(400)
    expect(released).toEqual(['late'])
    expect(clock.pending).toBe(0)
  })

  test('bounds a late release as any other, and says what became of it', async () => {
    const { clock, life } = setUp()
    const acquired = life.acquire('db', () => wait(clock, 50, 'late'), never).catch((reason) => reason)
    const closing = life.close({ timeout: 10_000 })
    await clock.advance(10_000)
    expect((await closing).rows).toMatchObject([{ path: '/app/db', outcome: 'abandoned' }])
    expect(await acquired).toMatchObject({ code: 'ERR_ABANDONED' })
    expect(clock.pending).toBe(0)
  })

  test('is failed where the late release fails', async () => {
    const { clock, life } = setUp()
    const error = new Error('no')
    const acquired = life
      .acquire(
        'db',
        () => wait(clock, 50, 'late'),
        () => Promise.reject(error),
      )
      .catch((reason) => reason)
    const closing = life.close()
    await clock.advance(50)
    expect((await closing).rows).toMatchObject([{ path: '/app/db', outcome: 'failed', error }])
    expect(await acquired).toBe(error)
  })

  test('releases at once where it was released itself while it was opening', async () => {
    const { clock, life, released, release } = setUp()
    const acquired = life.acquire('db', () => wait(clock, 50, 'late'), release).catch((reason) => reason)
    const outcome = life.release('db')
    await clock.advance(50)
    expect(await outcome).toBe('closed')
    expect(released).toEqual(['late'])
    expect(await acquired).toMatchObject({ code: 'ERR_CLOSED' })
    expect(life.state).toBe('open')
  })

  test('registers in the lifecycle that everything was moved to', async () => {
    const { clock, life, released, release } = setUp()
    const acquired = life.acquire('db', () => wait(clock, 50, 'a connection'), release)
    const moved = life.move()
    await clock.advance(50)
    expect(await acquired).toBe('a connection')
    expect(moved.snapshot().resources).toMatchObject([{ path: '/app/db', kind: 'callback' }])
    await moved.close()
    expect(released).toEqual(['a connection'])
  })
})
