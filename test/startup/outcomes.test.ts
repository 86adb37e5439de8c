/**
 * What becomes of a start and its parts. What others test, or were asked to mend, is told again here and beside:
 *
 * | scenario | first seen in | here |
 * |---|---|---|
 * | T08 | fx, hooks with an expired context | what begins when nothing is left … (budgets); before it has begun … |
 * | T09 | fx, timeout during start still runs stop hooks | what was opened before … (startup); two that hang … (budgets) |
 * | T10 | fx, timeout with finished hooks | the budget that is over first … (budgets) |
 * | T11 | fx, cancelled during start | a start that is stopped half-way |
 * | T12 | fx, hook goroutine exits | a step that nothing can finish … (real/run-startup) |
 * | T23 | .NET, start timeout | no step outlives any budget … (budgets) |
 * | T33 | avvio, timeout without calling next | a step that takes too long (startup) |
 * | T34 | avvio, nested timeouts; fastify 5410 | nested steps that hang … (budgets) |
 * | T35 | avvio, timeout in ready | an optional step that runs over … |
 * | T36 | avvio, does not keep going | a step when the start has failed |
 * | T37 | fastify, plugin timeout default | a step of its own 5 s (budgets) |
 * | T38 | fastify measured | what arrives late … (here, and real/run-startup) |
 * | T39 | ours | a step that began after 4 s of the 5 s … (budgets) |
 * | T40 | avvio 59, .NET 111013 | a stop during the start is no failure (entanglements) |
 * | T41 | lightship, blocking tasks | readiness … |
 * | T56 | ours | an event loop that is blocked … (real/run-startup) |
 * | T64, T65 | terminus, lightship | observe/health, real/health |
 */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { EndswellError, Lifecycle, Startup, StartupError } from '../../src/index.ts'
import { scopeOf } from '../../src/lifecycle/lifecycle.ts'
import { readinessOf } from '../../src/lifecycle/readiness.ts'
import { begin, errorOf, fate, lasting, never } from './stubs.ts'

const broken = () => Promise.reject(new Error('no route'))
const readiness = (life: Lifecycle) => readinessOf(scopeOf(life))

describe('an optional step', () => {
  test.each([
    ['fails', broken, 0],
    [
      'throws',
      () => {
        throw new Error('no route')
      },
      0,
    ],
    ['runs over', never, 5_000],
    ['has a step inside that fails', undefined, 0],
  ] as const)('that %s leaves the service degraded, and brings nothing', async (_, fn, ms) => {
    const { clock, life, boot } = begin()
    const work = fn ?? (() => boot.step('inner', broken))
    const result = fate(boot.step('cache', work, { optional: true, close: vi.fn(), impact: 'answers are slower' }))
    await clock.advance(ms)
    expect(settledWith(result)).toBeUndefined()
    expect(life.state).toBe('open')
    expect(life.snapshot().size).toBe(0)
    await boot.step('http', () => {})
    boot.finish()
    expect(boot.report).toMatchObject({ state: 'degraded', rows: [{ state: 'degraded' }, { state: 'done' }] })
    expect(String(boot.report)).toMatch(/^\/app started degraded in .*\n├─ cache {2}degraded, .*answers are slower/)
    expect(readiness(life).ready).toBe(true)
    expect([...readiness(life).degraded]).toEqual([['/app/cache', 'answers are slower']])
  })

  test('that arrives late has what it brings ended, and the start goes on', async () => {
    const { clock, life, boot } = begin()
    const late = Promise.withResolvers<object>()
    const close = vi.fn()
    const step = boot.step('cache', () => late.promise, { optional: true, close })
    await clock.advance(5_000)
    expect(await step).toBeUndefined()
    late.resolve({})
    await clock.advance(0)
    expect(close).toHaveBeenCalledOnce()
    expect(life.state).toBe('open')
  })

  test('that nobody waits for holds nothing up', async () => {
    const { clock, life, boot } = begin()
    void boot.step('warm', lasting(clock, 3_000), { optional: true })
    boot.finish()
    expect(readiness(life).ready).toBe(true)
    await clock.advance(3_000)
    expect(boot.report.rows[0]).toMatchObject({ state: 'done', ms: 3_000 })
    expect(clock.pending).toBe(0)
  })
})

/** What a promise, of whose fate this is, has settled with. */
function settledWith(settled: ReturnType<typeof fate>): unknown {
  expect(settled).toHaveBeenCalledOnce()
  return settled.mock.calls[0]?.[0]
}

describe('a step that is tried again', () => {
  test('succeeds as soon as one attempt does; the others told by their signal that they are over', async () => {
    const { clock, boot } = begin()
    const signals: AbortSignal[] = []
    const fn = vi.fn(async (signal: AbortSignal) => {
      signals.push(signal)
      if (signals.length < 4) throw new Error('no route')
      return 'here'
    })
    const step = boot.step('db', fn, { retry: { first: 100, factor: 2, jitter: 0 } })
    await clock.advance(100 + 200 + 400)
    expect(await step).toBe('here')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true, false])
    expect(boot.report.rows[0]).toMatchObject({ state: 'done', attempts: 4, ms: 700 })
    expect(clock.pending).toBe(0)
  })

  test('fails with the last error when its attempts are used up', async () => {
    const { clock, boot } = begin()
    const failed = errorOf(boot.step('db', broken, { retry: { attempts: 3, first: 10, jitter: 0 } }))
    await clock.advance(100)
    expect(await failed).toMatchObject({
      code: 'ERR_STARTUP_FAILED',
      message: '/app/db failed 3 times to start: no route.',
      cause: { message: 'no route' },
    })
    expect(clock.pending).toBe(0)
  })

  test('keeps to its budget, and tells what the last attempt met', async () => {
    const { clock, boot } = begin()
    const fn = vi.fn(broken)
    const failed = errorOf(boot.step('db', fn, { retry: { first: 1_000, factor: 1, jitter: 0 } }))
    await clock.advance(5_000)
    expect(await failed).toMatchObject({
      code: 'ERR_STARTUP_TIMEOUT',
      message: '/app/db did not start within 5000 ms; 5 attempts failed before: no route.',
      cause: { message: 'no route' },
    })
    const calls = fn.mock.calls.length
    await clock.advance(5_000)
    expect(fn).toHaveBeenCalledTimes(calls)
    expect(clock.pending).toBe(0)
  })

  test('stops waiting when the lifecycle closes', async () => {
    const { clock, life, boot } = begin()
    const failed = errorOf(boot.step('db', broken, { retry: true }))
    await clock.advance(0)
    const report = await life.close()
    expect(report.counts.closed).toBe(1)
    expect(await failed).toMatchObject({ name: 'AbortError' })
    expect(clock.pending).toBe(0)
  })
})

describe('SKIP_STARTUP_VALIDATION', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })

  const cases = [
    ['true', 'test', true],
    ['true', 'staging', true],
    ['1', 'test', true],
    ['true', 'production', false],
    ['true', undefined, false],
    ['true', 'development', false],
    ['false', 'test', false],
    [undefined, 'test', false],
  ] as const
  test.each(cases)('%s where NODE_ENV is %s: skips is %s', async (value, env, skips) => {
    vi.stubEnv('SKIP_STARTUP_VALIDATION', value)
    vi.stubEnv('NODE_ENV', env)
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { boot, life } = begin({ plan: ['schema'] })
    const fn = vi.fn(() => 'valid')
    expect(await boot.step('schema', fn, { skipInTest: true })).toBe(skips ? undefined : 'valid')
    expect(await boot.step('db', fn)).toBe('valid')
    expect(boot.report.rows[0]?.state).toBe(skips ? 'skipped' : 'done')
    boot.finish()
    expect(readiness(life).ready).toBe(true)
    const ignored = value === 'true' && env !== 'test' && env !== 'staging'
    expect(warn).toHaveBeenCalledTimes(ignored ? 1 : 0)
    if (ignored) expect(warn.mock.calls[0]?.[0]).toMatch(/^SKIP_STARTUP_VALIDATION is ignored, since NODE_ENV is /)
  })
})

describe('what can not be there is refused', () => {
  test.each([
    ['a step', (boot: Startup): Promise<void> => boot.step('db', () => {})],
    ['a phase', (boot: Startup): Promise<void> => boot.phase('db', () => {})],
  ] as const)('the name of %s for a second one', async (_, first) => {
    const { boot } = begin()
    await first(boot)
    const again = expect.objectContaining({ name: 'RangeError', code: 'ERR_DUPLICATE_NAME' })
    expect(() => boot.step('db', () => {})).toThrow(again)
    expect(() => boot.phase('db', () => {})).toThrow(again)
    await boot.phase('other', () => boot.step('db', () => {}))
  })

  test('a phase inside a step', async () => {
    const { boot } = begin()
    const failed = await errorOf(boot.step('db', () => boot.phase('tables', () => {})))
    expect(failed).toMatchObject({ cause: { code: 'ERR_MISPLACED' } })
    expect((failed as Error).message).toBe(
      "/app/db failed to start: The phase 'tables' cannot begin inside the step /app/db. Make that a phase.",
    )
  })

  test('a step in a phase that is over', async () => {
    const { boot } = begin()
    const gate = Promise.withResolvers<void>()
    const after = Promise.withResolvers<unknown>()
    await boot.phase('connect', () => {
      const later = async () => {
        await gate.promise
        boot.step('db', () => {})
      }
      after.resolve(errorOf(later()))
    })
    gate.resolve()
    expect(await after.promise).toMatchObject({
      code: 'ERR_MISPLACED',
      message: "The phase /app/connect is over: 'db' is too late. Begin it before it returns.",
    })
  })

  test('a step when the start is over', () => {
    const { boot } = begin()
    boot.finish()
    const late = expect.objectContaining({
      code: 'ERR_MISPLACED',
      message: expect.stringContaining("The start of /app is over: 'db' is too late."),
    })
    expect(() => boot.step('db', () => {})).toThrow(late)
  })

  test('a step or phase when the start has failed, with its error', async () => {
    const { boot } = begin()
    const error = await errorOf(boot.step('db', broken))
    const fn = vi.fn()
    // By a rejection, so that whoever begins several at once hears of all.
    expect(await errorOf(boot.step('http', fn))).toBe(error)
    expect(await errorOf(boot.phase('warm-up', fn))).toBe(error)
    expect(fn).not.toHaveBeenCalled()
  })

  test.each([
    ['a budget that is none', { steps: 5 }, 'TypeError', 'ERR_UNKNOWN_OPTION'],
    ['a negative total', { total: -1 }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    ['an endless phase', { phase: Number.POSITIVE_INFINITY }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    ['a critical path that is no number', { criticalPath: '20' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    ['a plan that is no list', { plan: 'db' }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    ['a plan with one name twice', { plan: ['db', 'db'] }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    ['a plan with a path', { plan: ['a/b'] }, 'RangeError', 'ERR_OUT_OF_RANGE'],
  ])('%s', (_, options, name, code) => {
    const life = new Lifecycle()
    expect(() => new Startup(life, options as object)).toThrow(expect.objectContaining({ name, code }))
    expect(readiness(life).started).toBe(true)
  })

  test.each([
    ['an unknown option of a phase', 'phase', { impact: 'x' }, 'ERR_UNKNOWN_OPTION'],
    ['a phase of negative time', 'phase', { timeout: -1 }, 'ERR_OUT_OF_RANGE'],
    ['a critical that is no boolean', 'phase', { critical: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['an optional that is no boolean', 'step', { optional: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
    ['a retry that is none', 'step', { retry: 3 }, 'ERR_INVALID_ARG_TYPE'],
    ['an unknown option of a retry', 'step', { retry: { times: 3 } }, 'ERR_UNKNOWN_OPTION'],
    ['no attempt at all', 'step', { retry: { attempts: 0 } }, 'ERR_OUT_OF_RANGE'],
    ['a negative wait', 'step', { retry: { first: -1 } }, 'ERR_OUT_OF_RANGE'],
    ['a sibling that is not there', 'step', { dependsOn: ['nobody'] }, 'ERR_UNKNOWN_RESOURCE'],
  ] as const)('%s', (_, method, options, code) => {
    const { boot, life } = begin()
    const fn = vi.fn()
    expect(() => boot[method]('db', fn, options as object)).toThrow(expect.objectContaining({ code }))
    expect(fn).not.toHaveBeenCalled()
    expect(boot.report.rows).toEqual([])
    expect(life.snapshot().size).toBe(0)
  })
})

describe('a start that is stopped half-way', () => {
  test('aborts the step, closes what was opened, and settles; nothing but the stop is told', async () => {
    const { clock, life, boot } = begin()
    const close = vi.fn()
    await boot.step('log', () => ({}), { close })
    const start = boot.phase('connect', () => boot.step('db', lasting(clock, 3_000)))
    const failed = errorOf(start)
    await clock.advance(1_000)
    const report = await life.close({ reason: 'SIGTERM came' })
    expect(report).toMatchObject({ reason: 'SIGTERM came', counts: { closed: 3, failed: 0, forced: 0, abandoned: 0 } })
    expect(close).toHaveBeenCalledOnce()
    expect(await failed).toMatchObject({ name: 'AbortError' })
    expect(boot.report).toMatchObject({ state: 'stopped', rows: [{ state: 'done' }, { state: 'stopped' }] })
    expect(clock.pending).toBe(0)
  })

  test('before it has begun calls nothing', async () => {
    const { life, boot } = begin()
    await life.close()
    const fn = vi.fn()
    expect(() => boot.phase('connect', fn)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
    expect(fn).not.toHaveBeenCalled()
  })
})

test('an error of a start is known as one, also to another copy of the package, and others are not', async () => {
  const { boot } = begin()
  const error = await errorOf(boot.step('db', broken))
  expect(error).toBeInstanceOf(StartupError)
  expect(error).toBeInstanceOf(EndswellError)
  expect(new EndswellError('ERR_ABORTED', 'no')).not.toBeInstanceOf(StartupError)
  expect(error).toMatchObject({ name: 'StartupError' })
})

describe('readiness', () => {
  test('comes when the start is over and everything required that has begun is done', async () => {
    const { clock, life, boot } = begin({ plan: ['log', 'db', 'extra'] })
    const events: string[] = []
    life.subscribe(({ type, path }) => events.push(`${type} ${path}`))
    const about = readiness(life)
    expect([about.started, about.ready, [...about.pending]]).toEqual([
      false,
      false,
      ['/app/log', '/app/db', '/app/extra'],
    ])
    await boot.step('log', () => {})
    void boot.step('db', lasting(clock, 100))
    boot.finish()
    expect([about.ready, [...about.pending]]).toEqual([false, ['/app/db', '/app/extra']])
    await clock.advance(100)
    expect([about.ready, [...about.pending]]).toEqual([true, []])
    expect(events.filter((event) => !event.startsWith('resource'))).toEqual([
      'startup.began /app/log',
      'startup.ended /app/log',
      'startup.began /app/db',
      'startup.ended /app/db',
      'lifecycle.ready /app',
    ])
    await life.close()
    expect(about.ready).toBe(false)
  })

  test('does not come to a start that has failed', async () => {
    const { life, boot } = begin()
    await errorOf(boot.step('db', broken))
    boot.finish()
    const about = readiness(life)
    expect([about.started, about.ready, [...about.pending]]).toEqual([false, false, ['/app/db']])
  })

  test('of a service is not touched by a start inside it', () => {
    const life = new Lifecycle()
    new Startup(life.scope('plugin'))
    expect(readiness(life).ready).toBe(true)
  })
})

test('a phase is over when all that has begun inside is, also where nobody waits for that', async () => {
  const { clock, boot } = begin()
  const phase = fate(boot.phase('connect', () => void boot.step('db', lasting(clock, 300))))
  await clock.advance(299)
  expect(phase).not.toHaveBeenCalled()
  await clock.advance(1)
  expect(phase).toHaveBeenCalledOnce()
})

test('a phase brings what its function does, and is told by its signal when its time is over', async () => {
  const { clock, boot } = begin()
  expect(await boot.phase('one', async () => 5)).toBe(5)
  const fn = vi.fn((_signal: AbortSignal) => never())
  const failed = errorOf(boot.phase('two', fn, { timeout: 100, plan: ['db'] }))
  await clock.advance(100)
  const error = await failed
  expect(error).toMatchObject({ path: '/app/two', budget: 'phase', notBegun: ['/app/two/db'] })
  expect(fn.mock.calls[0]?.[0].reason).toBe(error)
})

test('a start inside a service that fails takes back what it has opened, and nothing else', async () => {
  const life = new Lifecycle('app')
  const plugin = life.scope('plugin')
  const error = await errorOf(new Startup(plugin).step('db', broken))
  expect(error).toMatchObject({ path: '/app/plugin/db' })
  expect([plugin.state, life.state]).toEqual(['closed', 'open'])
})

test('what a step brings stands where it was told to', async () => {
  const { life, boot } = begin()
  const closed: string[] = []
  const open = (name: string) => () => ({ close: () => closed.push(name) })
  await boot.step('log', open('log'), { close: 'close', last: true })
  await boot.step('db', open('db'), { close: 'close' })
  await boot.step('early', open('early'), { close: 'close', requiredBy: ['db'] })
  await life.close()
  expect(closed).toEqual(['db', 'early', 'log'])
})

test('a step whose result cannot be registered fails the start, and the result is ended', async () => {
  const { life, boot } = begin()
  const end = vi.fn()
  const sibling = {}
  life.use(sibling, { name: 'db', close: () => {} })
  const step = boot.step(
    'pool',
    () => {
      life.forget(sibling)
      return {}
    },
    { close: end, dependsOn: ['db'] },
  )
  expect(await errorOf(step)).toMatchObject({ code: 'ERR_STARTUP_FAILED', cause: { code: 'ERR_UNKNOWN_RESOURCE' } })
  expect(end).toHaveBeenCalledOnce()
})

test('what the whole start has left is what its total leaves', async () => {
  const { clock, boot } = begin({ total: 1_000 })
  await clock.advance(300)
  expect(boot.left).toBe(700)
})
