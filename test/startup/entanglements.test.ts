import { describe, expect, test, vi } from 'vitest'
import { Lifecycle, Startup } from '../../src/index.ts'
import { scopeOf } from '../../src/lifecycle/lifecycle.ts'
import { readinessOf } from '../../src/lifecycle/readiness.ts'
import { startOf } from '../../src/startup/startup.ts'
import { begin, errorOf, fate, lasting, never } from './stubs.ts'

const broken = () => Promise.reject(new Error('no route'))
const heeding = (signal: AbortSignal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

describe('a stop during the start is no failure', () => {
  test('also where something that was opened takes its time to close', async () => {
    const { clock, life, boot } = begin()
    await boot.step('a', () => ({}), { close: () => new Promise<void>((resolve) => clock.setTimeout(resolve, 50)) })
    const phase = errorOf(boot.phase('p', () => boot.step('b', heeding)))
    await clock.advance(10)
    const closing = life.close({ reason: 'SIGTERM came' })
    expect(boot.report.state).toBe('stopped')
    await clock.advance(1_000)
    expect(await closing).toMatchObject({ reason: 'SIGTERM came', counts: { failed: 0, abandoned: 0 } })
    expect(await phase).toMatchObject({ name: 'AbortError' })
    expect(clock.pending).toBe(0)
  })

  test('every step that runs hears of it at once, whatever its turn in the closing is', async () => {
    const { clock, life, boot } = begin()
    const signals: AbortSignal[] = []
    const hear = (signal: AbortSignal) => {
      signals.push(signal)
      return heeding(signal)
    }
    void boot.step('a', hear).catch(() => {})
    void boot.step('b', hear).catch(() => {})
    life.use({}, { close: () => new Promise<void>((resolve) => clock.setTimeout(resolve, 500)) })
    const closing = life.close()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    await clock.advance(500)
    expect((await closing).counts.abandoned).toBe(0)
  })

  test('its deadlines count no more', async () => {
    const { clock, life, boot } = begin()
    const step = errorOf(boot.step('db', lasting(clock, 10_000), { timeout: 300 }))
    life.use({}, { close: () => new Promise<void>((resolve) => clock.setTimeout(resolve, 900)) })
    const closing = life.close()
    await clock.advance(900)
    await closing
    expect(await step).toMatchObject({ name: 'AbortError' })
    expect(boot.report).toMatchObject({ state: 'stopped', rows: [{ state: 'stopped' }] })
  })

  test('its report stands still from then on', async () => {
    const { clock, life, boot } = begin()
    void boot.step('db', never).catch(() => {})
    await clock.advance(100)
    const closing = life.close()
    await clock.advance(60_000)
    await closing
    expect(boot.report).toMatchObject({ state: 'stopped', ms: 100, rows: [{ ms: 100 }] })
  })

  test('a phase whose step does not heed it is not to blame', async () => {
    const { clock, life, boot } = begin()
    const phase = errorOf(boot.phase('p', () => boot.step('b', never)))
    const closing = life.close()
    await clock.advance(2_000)
    const { rows, counts } = await closing
    expect(counts).toMatchObject({ abandoned: 1, failed: 0 })
    expect(rows.find(({ path }) => path === '/app/b')).toMatchObject({ outcome: 'abandoned' })
    expect(await phase).toMatchObject({ name: 'AbortError' })
  })

  test('what a step brings all the same is ended, also where something inside it hangs', async () => {
    const { clock, life, boot } = begin()
    const end = vi.fn()
    const step = errorOf(
      boot.step(
        'db',
        () => {
          boot.step('warm', never).catch(() => {})
          return {}
        },
        { close: end },
      ),
    )
    await clock.advance(0)
    const closing = life.close()
    await clock.advance(2_000)
    expect((await closing).counts).toMatchObject({ abandoned: 1 })
    expect(await step).toMatchObject({ code: 'ERR_CLOSED' })
    expect(end).toHaveBeenCalledOnce()
  })

  test('also by who hears of the beginning of a step', async () => {
    const { life, boot } = begin()
    life.subscribe(({ type, path }) => {
      if (type === 'startup.began' && path === '/app/db') void life.close()
    })
    const fn = vi.fn()
    expect(() => boot.step('db', fn)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
    expect(fn).not.toHaveBeenCalled()
    expect(boot.report.rows).toMatchObject([{ state: 'stopped' }])
  })
})

describe('what is inside something optional', () => {
  test('may fail and be made good there', async () => {
    const { life, boot } = begin()
    const end = vi.fn()
    const cache = await boot.step(
      'cache',
      async () => {
        await boot.step('remote', broken).catch(() => {})
        return { name: 'local' }
      },
      { optional: true, close: end },
    )
    expect(cache).toEqual({ name: 'local' })
    expect(boot.report.rows).toMatchObject([{ state: 'done', inside: [{ state: 'failed' }] }])
    await life.close()
    expect(end).toHaveBeenCalledOnce()
  })

  test('is given up with it, and what it brings later is ended', async () => {
    const { clock, life, boot } = begin()
    const end = vi.fn()
    const late = Promise.withResolvers<object>()
    let heard: AbortSignal | undefined
    const slow = (signal: AbortSignal) => {
      heard = signal
      return late.promise
    }
    const work = () => Promise.all([boot.step('x', broken), boot.step('y', slow, { close: end })])
    expect(await boot.step('o', work, { optional: true })).toBeUndefined()
    expect(heard?.aborted).toBe(true)
    late.resolve({})
    await clock.advance(0)
    expect(end).toHaveBeenCalledOnce()
    expect(life.snapshot().size).toBe(0)
    expect(boot.report.rows[0]).toMatchObject({
      state: 'degraded',
      inside: [{ state: 'failed' }, { state: 'stopped' }],
    })
  })

  test('does not hide that something required around it has run out of time', async () => {
    const { clock, life, boot } = begin()
    void boot.step('o1', never, { optional: true, timeout: 20 })
    const phase = errorOf(boot.phase('p', () => boot.step('o2', never, { optional: true }), { timeout: 20 }))
    await clock.advance(20)
    expect(await phase).toMatchObject({ code: 'ERR_STARTUP_TIMEOUT', path: '/app/p/o2', budget: 'phase' })
    expect([boot.report.state, life.state]).toEqual(['failed', 'closed'])
  })

  test('is not blamed for a whole that hangs elsewhere', async () => {
    const { clock, boot } = begin({ total: 100 })
    const start = startOf(boot)
    start.bound(start.root)
    void boot.step('cache', never, { optional: true, timeout: 100 })
    await clock.advance(100)
    expect(start.failure).toMatchObject({ path: '/app', budget: 'total' })
  })

  test('is no sibling to wait for once it has failed', async () => {
    const { life, boot } = begin()
    await boot.step('cache', broken, { optional: true })
    await boot.step('numbers', () => 7)
    const end = vi.fn()
    await boot.step('http', () => ({}), { close: end, dependsOn: ['cache', 'numbers'] })
    await life.close()
    expect(end).toHaveBeenCalledOnce()
  })

  test('is no sibling to wait for either if it fails meanwhile', async () => {
    const { clock, life, boot } = begin()
    const cache = boot.step('cache', never, { optional: true, timeout: 100 })
    const http = boot.step('http', lasting(clock, 200, {}), { close: () => {}, dependsOn: ['cache'] })
    await clock.advance(200)
    await Promise.all([cache, http])
    expect(life.snapshot().resources).toMatchObject([{ path: '/app/http' }])
    await life.close()
  })
})

test('a phase is over only when what began inside it meanwhile is, too', async () => {
  const { clock, boot } = begin()
  const phase = fate(
    boot.phase('p', () => {
      void boot.step('a', lasting(clock, 10)).then(() => boot.step('b', lasting(clock, 100)))
      void boot.step('c', lasting(clock, 30))
    }),
  )
  await clock.advance(109)
  expect(phase).not.toHaveBeenCalled()
  await clock.advance(1)
  expect(phase).toHaveBeenCalledOnce()
})

test('the signal of every attempt that has failed aborts, also of the last', async () => {
  const { clock, boot } = begin()
  const signals: AbortSignal[] = []
  const fn = (signal: AbortSignal) => {
    signals.push(signal)
    return broken()
  }
  const failed = errorOf(boot.step('db', fn, { retry: { attempts: 2 } }))
  await clock.advance(1_000)
  await failed
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
})

test('a step in a step that is tried again is refused', async () => {
  const { boot } = begin()
  const failed = await errorOf(boot.step('a', () => boot.step('b', () => {}), { retry: { attempts: 1 } }))
  expect(failed).toMatchObject({ cause: { code: 'ERR_MISPLACED', message: expect.stringContaining('tried again') } })
})

test('an error that a later attempt has made good is forgotten', async () => {
  const { clock, boot } = begin()
  let times = 0
  const step = boot.step('db', () => (++times < 2 ? broken() : Promise.resolve(1)), { retry: true })
  await clock.advance(1_000)
  await step
  expect(boot.report.rows[0]).not.toHaveProperty('error')
  expect(boot.report.rows[0]).toMatchObject({ attempts: 2 })
})

test('a required step that nobody awaited, and that fails after the last word of main, fails the start', async () => {
  const { clock, life, boot } = begin()
  const events: string[] = []
  life.subscribe(({ type }) => events.push(type))
  const step = errorOf(boot.step('db', () => lasting(clock, 50)(new AbortController().signal).then(broken)))
  boot.finish()
  await clock.advance(50)
  await step
  expect(boot.report.state).toBe('failed')
  expect(events).not.toContain('lifecycle.ready')
})

test('a start that is stopped while something required goes on after main is never ready', async () => {
  const { clock, life, boot } = begin()
  const events: string[] = []
  life.subscribe(({ type }) => events.push(type))
  void boot.step('db', lasting(clock, 500)).catch(() => {})
  boot.finish()
  startOf(boot).stop()
  await clock.advance(1_000)
  expect(boot.report.state).toBe('stopped')
  expect(events).not.toContain('lifecycle.ready')
  await life.close()
})

describe('a second start', () => {
  test('of the same lifecycle is refused while the first is under way', () => {
    const { life } = begin()
    expect(() => new Startup(life)).toThrow(expect.objectContaining({ code: 'ERR_MISPLACED' }))
  })

  test('of one that serves already leaves it ready', async () => {
    const { life, boot } = begin()
    boot.finish()
    const second = new Startup(life)
    await second.step('plugin', () => {})
    expect(readinessOf(scopeOf(life)).ready).toBe(true)
  })
})

describe('what a step brings', () => {
  test('is warned of where it looks as if it had to be ended, and nothing says how', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { boot } = begin()
    await boot.step('client', () => ({ quit() {} }))
    await boot.step('settings', () => ({ port: 80 }))
    await boot.step('other', () => ({ quit() {} }), { close: () => {} })
    expect(warn).toHaveBeenCalledOnce()
    expect(warn.mock.calls[0]?.[0]).toMatch(/^The step 'client' brought something with a method 'quit', /)
    warn.mockRestore()
  })

  test.each([undefined, null])('is nothing to end if it is %s', async (value) => {
    const { life, boot } = begin()
    const close = vi.fn()
    await boot.step('db', () => value, { close })
    expect((await life.close()).counts).toEqual({ closed: 0, forced: 0, failed: 0, abandoned: 0 })
    expect(close).not.toHaveBeenCalled()
  })

  test('is refused where it has no such method to end it by', async () => {
    const { boot } = begin()
    const error = await errorOf(boot.step('db', () => 7 as unknown as { quit(): void }, { close: 'quit' }))
    expect(error).toMatchObject({ code: 'ERR_STARTUP_FAILED', cause: { code: 'ERR_INVALID_ARG_TYPE' } })
  })

  test('is registered once, also where the step has done that itself', async () => {
    const { life, boot } = begin()
    const value = { [Symbol.dispose]: vi.fn() }
    await boot.step('db', () => life.use(value, { name: 'own' }))
    expect(life.snapshot().resources).toMatchObject([{ path: '/app/own' }])
    await life.close()
    expect(value[Symbol.dispose]).toHaveBeenCalledOnce()
  })
})

test('a required step that is released while it runs has failed', async () => {
  const { life, boot } = begin()
  const step = errorOf(boot.step('db', heeding))
  await life.release('db')
  expect(await step).toMatchObject({ code: 'ERR_STARTUP_FAILED', path: '/app/db' })
  expect(boot.report.state).toBe('failed')
})

test('nothing is left of a start that is over: no timer, no listener', async () => {
  for (const way of ['done', 'failed', 'stopped']) {
    const clock = begin().clock
    const life = new Lifecycle({ name: 'app', clock })
    const { signal } = life
    const remove = vi.spyOn(signal, 'removeEventListener')
    const boot = new Startup(life)
    const step = boot.step('db', way === 'failed' ? broken : lasting(clock, 10), { retry: { attempts: 2 } })
    step.catch(() => {})
    if (way === 'stopped') await life.close()
    await clock.advance(1_000)
    boot.finish()
    expect(clock.pending, way).toBe(0)
    expect(remove, way).toHaveBeenCalled()
    await life.close()
  }
})
