import { describe, expect, test, vi } from 'vitest'
import { EndswellError, Lifecycle, Startup, type StartupOptions, type StepOptions } from '../../src/index.ts'
import { begin, fate, never } from './stubs.ts'

const paths = (life: Lifecycle) => life.snapshot().resources.map(({ path, kind }) => `${path} ${kind}`)

describe('what a step brings', () => {
  test.each([
    ['a plain object without a word about its end', {}, {}, []],
    ['a word', 'hello', {}, []],
    ['nothing', undefined, {}, []],
    ['a function', () => {}, {}, []],
    ['an object with close', {}, { close: () => {} }, ['/app/db custom']],
    ['an object with a method of that name', { quit() {} }, { close: 'quit' }, ['/app/db custom']],
    ['an object with a disposer', { [Symbol.dispose]() {} }, {}, ['/app/db custom']],
    ['an object with an async disposer', { async [Symbol.asyncDispose]() {} }, {}, ['/app/db custom']],
    ['a number with close', 7, { close: () => {} }, ['/app/db callback']],
  ] as const)('%s', async (_, value, options, expected) => {
    const { clock, life, boot } = begin()
    expect(await boot.step('db', async () => value as object, options as StepOptions<object>)).toBe(value)
    expect(paths(life)).toEqual(expected)
    expect(clock.pending).toBe(0)
    await life.close()
  })

  test('ends by its kind where that is known', async () => {
    const { life, boot } = begin()
    const timer = await boot.step('tick', () => setInterval(() => {}, 1_000))
    expect(paths(life)).toEqual(['/app/tick timer'])
    await life.close()
    expect((timer as unknown as { _destroyed: boolean })._destroyed).toBe(true)
  })

  test('is given to its close, newest first', async () => {
    const { life, boot } = begin()
    const closed: unknown[] = []
    for (const value of [{ id: 1 }, { id: 2 }])
      await boot.step(`step${value.id}`, () => value, { close: (it) => closed.push(it) })
    await boot.step('number', () => 3, { close: (it: number) => closed.push(it) })
    await life.close()
    expect(closed).toEqual([3, { id: 2 }, { id: 1 }])
  })

  test.each([
    ['an object', {}],
    ['a number', 7],
  ])('keeps to the grace of the step (%s)', async (_, value) => {
    const { clock, life, boot } = begin()
    await boot.step('db', () => value, { close: never, grace: 300 })
    const closed = fate(life.close())
    await clock.advance(299)
    expect(closed).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(closed).toHaveBeenCalledOnce()
  })

  test('is forced where it can be', async () => {
    const { clock, life, boot } = begin()
    const force = vi.fn()
    const value = await boot.step('db', () => ({}), { close: never, force })
    const report = life.close()
    await clock.advance(1_000)
    expect((await report).counts).toMatchObject({ forced: 1 })
    expect(force.mock.calls[0]?.[0]).toBe(value)
  })
})

describe('a step that takes too long', () => {
  test.each([
    ['5 s, unless something else is said', {}, {}, 5_000],
    ['what its startup says', { step: 700 }, {}, 700],
    ['what it says itself', { step: 700 }, { timeout: 900 }, 900],
  ])('has %s', async (_, options, own, ms) => {
    const { clock, life, boot } = begin(options)
    const settled = fate(boot.step('db', never, { ...own, impact: 'orders cannot be saved' }))
    await clock.advance(ms - 1)
    expect(settled).not.toHaveBeenCalled()
    await clock.advance(1)
    const error = settled.mock.calls[0]?.[0]
    expect(error).toBeInstanceOf(EndswellError)
    expect(error).toMatchObject({ code: 'ERR_STARTUP_TIMEOUT', path: '/app/db' })
    expect(error.message).toBe(`/app/db did not start within ${ms} ms. Impact: orders cannot be saved.`)
    expect(paths(life)).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('is told so by its signal, with the same error', async () => {
    const { clock, boot } = begin()
    const fn = vi.fn((_signal: AbortSignal) => never())
    const settled = fate(boot.step('db', fn))
    const [signal] = fn.mock.calls[0] ?? []
    await clock.advance(4_999)
    expect(signal?.aborted).toBe(false)
    await clock.advance(1)
    expect(signal?.reason).toBe(settled.mock.calls[0]?.[0])
  })

  test.each([
    ['its close', (end: () => void) => [{}, { close: end }]],
    ['its disposer', (end: () => void) => [{ [Symbol.dispose]: end }, {}]],
    ['its close, although it is a number', (end: () => void) => [7, { close: end }]],
  ])('has what it brings later ended by %s', async (_, make) => {
    const { clock, life, boot } = begin()
    const end = vi.fn()
    const [value, options] = make(end)
    const late = Promise.withResolvers<object>()
    const settled = fate(boot.step('db', () => late.promise, options as StepOptions<object>))
    await clock.advance(5_000)
    expect(settled).toHaveBeenCalledOnce()
    late.resolve(value as object)
    await clock.advance(0)
    expect(end).toHaveBeenCalledOnce()
    expect(paths(life)).toEqual([])
    await life.close()
    expect(end).toHaveBeenCalledOnce()
  })

  test('fails once: what it throws later is told of, and no unhandled rejection', async () => {
    const { clock, life, boot } = begin()
    const events: unknown[] = []
    life.subscribe(({ type, path, error }) => events.push({ type, path, error }))
    const late = Promise.withResolvers<never>()
    const settled = fate(boot.step('db', () => late.promise))
    await clock.advance(5_000)
    const error = new Error('too late')
    late.reject(error)
    await clock.advance(0)
    expect(settled).toHaveBeenCalledOnce()
    expect(events).toContainEqual({ type: 'resource.late', path: '/app/db', error })
  })
})

describe('a step that fails', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('no route')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no route.'))],
  ])('names itself, the cause and the impact when it %s', async (_, fn) => {
    const { clock, life, boot } = begin()
    const error = await boot.step('db', fn, { impact: 'orders cannot be saved.' }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_STARTUP_FAILED', path: '/app/db', cause: { message: /no route/ } })
    expect((error as Error).message).toBe('/app/db failed to start: no route. Impact: orders cannot be saved.')
    expect(paths(life)).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('may throw anything', async () => {
    const { boot } = begin()
    const odd = boot.step('db', () => Promise.reject('why not'))
    await expect(odd).rejects.toMatchObject({ message: "/app/db failed to start: 'why not'.", cause: 'why not' })
  })

  test('has what was opened before closed again: the start has failed', async () => {
    const { life, boot } = begin()
    const close = vi.fn()
    await boot.step('one', () => ({}), { close })
    await boot.step('two', () => Promise.reject(new Error('no route'))).catch(() => {})
    expect(close).toHaveBeenCalledOnce()
    const { reason, counts } = await life.close()
    expect(reason).toBe('the start failed: /app/two failed to start: no route.')
    expect(counts.closed).toBe(1)
  })
})

describe('when the lifecycle closes meanwhile', () => {
  test('the signal aborts, and a step that heeds it is closed', async () => {
    const { clock, life, boot } = begin()
    let signal: AbortSignal | undefined
    const heeding = (own: AbortSignal) => {
      signal = own
      return new Promise((_, reject) => own.addEventListener('abort', () => reject(own.reason)))
    }
    const settled = fate(boot.step('db', heeding))
    const report = await life.close()
    expect(report.counts).toEqual({ closed: 1, forced: 0, failed: 0, abandoned: 0 })
    expect(signal?.reason).toMatchObject({ name: 'AbortError' })
    expect(settled.mock.calls[0]?.[0]).toMatchObject({ name: 'AbortError' })
    expect(clock.pending).toBe(0)
  })

  test('what it brings all the same is ended, and waited for', async () => {
    const { life, boot } = begin()
    const arrival = Promise.withResolvers<object>()
    const close = vi.fn()
    const settled = fate(boot.step('db', () => arrival.promise, { close }))
    const report = life.close()
    const value = {}
    arrival.resolve(value)
    expect((await report).counts.closed).toBe(1)
    expect(close).toHaveBeenCalledOnce()
    expect(close.mock.calls[0]?.[0]).toBe(value)
    expect(settled.mock.calls[0]?.[0]).toMatchObject({ code: 'ERR_CLOSED' })
  })

  test('a step that does not heed it is abandoned after its grace: its own time counts no more', async () => {
    const { clock, life, boot } = begin({ step: 500 })
    const settled = fate(boot.step('db', never))
    const report = life.close()
    await clock.advance(999)
    expect(settled).not.toHaveBeenCalled()
    await clock.advance(1)
    expect((await report).rows).toMatchObject([{ path: '/app/db', kind: 'task', outcome: 'abandoned' }])
    expect(settled.mock.calls[0]?.[0]).toMatchObject({ code: 'ERR_ABANDONED' })
    expect(clock.pending).toBe(0)
  })

  test('no step begins any more', async () => {
    const { life, boot } = begin()
    await life.close()
    const fn = vi.fn()
    expect(() => boot.step('db', fn)).toThrow(expect.objectContaining({ name: 'ReferenceError', code: 'ERR_CLOSED' }))
    expect(fn).not.toHaveBeenCalled()
  })
})

test('the signal of a step that is over does not abort any more', async () => {
  const { clock, life, boot } = begin()
  const fn = vi.fn((_signal: AbortSignal) => {})
  await boot.step('db', fn)
  await clock.advance(10_000)
  await life.close()
  expect(fn.mock.calls[0]?.[0].aborted).toBe(false)
})

describe('bad arguments are refused before anything begins', () => {
  const fn = vi.fn()
  test.each([
    ['a step without a name', { name: '' }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    ['a name with a slash', { name: 'a/b' }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    ['a function that is none', { fn: {} }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    ['options that are none', { options: 5 }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    ['an unknown option', { options: { time: 5 } }, 'TypeError', 'ERR_UNKNOWN_OPTION'],
    ['a time below 0', { options: { timeout: -1 } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    ['a time without end', { options: { timeout: Number.POSITIVE_INFINITY } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    ['an impact that is no sentence', { options: { impact: 5 } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    ['a grace below 0', { options: { grace: -1 } }, 'RangeError', 'ERR_OUT_OF_RANGE'],
    ['a close that is none', { options: { close: 5 } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    ['a force that is none', { options: { force: {} } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    ['a kind that is none', { options: { kind: true } }, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
  ] as const)('%s', async (_, bad, name, code) => {
    const { life, boot } = begin()
    const args = { name: 'db', fn, options: {}, ...bad }
    expect(() => boot.step(args.name, args.fn as () => unknown, args.options as StepOptions<unknown>)).toThrow(
      expect.objectContaining({ name, code }),
    )
    expect(fn).not.toHaveBeenCalled()
    expect(paths(life)).toEqual([])
  })

  test.each([
    [{ step: -1 }, 'RangeError'],
    [{ step: '5' }, 'TypeError'],
    [{ steps: 5 }, 'TypeError'],
    [5, 'TypeError'],
  ])('of a startup: %j', (options, name) => {
    expect(() => new Startup(new Lifecycle(), options as StartupOptions)).toThrow(expect.objectContaining({ name }))
  })
})
