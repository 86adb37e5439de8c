import { Deadline, EndswellError, TimeoutError, type TimeoutOptions, withTimeout } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { listeners } from '../fixtures/listeners.ts'
import { Log, never } from './stubs.ts'

function setUp() {
  const clock = new FakeClock()
  const outer = new AbortController()
  const error = new Error('of the work')
  return { clock, outer, error, options: { timeout: 100, name: 'query', clock, signal: outer.signal } }
}

/** A promise of another make, which settles as it is asked. */
function thenable(settle: (take: (value: number) => void) => void): object {
  // biome-ignore lint/suspicious/noThenProperty: that is what it is.
  return { then: settle }
}

/** Nothing is left of a wait. */
function expectNothing({ clock, outer }: ReturnType<typeof setUp>): void {
  expect(clock.pending).toBe(0)
  expect(listeners(outer.signal)).toEqual({ abort: 0 })
}

describe('withTimeout', () => {
  test('brings what the work brings, and leaves no timer and no listener', async () => {
    const all = setUp()
    const ways: readonly (() => unknown)[] = [() => 1, async () => 1, () => thenable((take) => take(1))]
    for (const fn of ways) {
      const wait = withTimeout(fn, all.options)
      expect(all.clock.pending).toBe(1)
      expect(listeners(all.outer.signal)).toEqual({ abort: 1 })
      expect(await wait).toBe(1)
      expectNothing(all)
    }
  })

  test('rejects with what the work throws or rejects with, also where that is in step', async () => {
    const all = setUp()
    const fail = (): never => {
      throw all.error
    }
    const ways: readonly (() => unknown)[] = [fail, () => Promise.reject(all.error), () => thenable(fail)]
    for (const fn of ways) {
      await expect(withTimeout(fn, all.options)).rejects.toBe(all.error)
      expectNothing(all)
    }
  })

  test('rejects when time is up, with what was given, spent and called', async () => {
    const all = setUp()
    const wait = withTimeout(never, all.options).catch((error) => error)
    await all.clock.advance(99)
    expect(all.clock.pending).toBe(1)
    await all.clock.advance(1)
    const error = await wait
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toBeInstanceOf(EndswellError)
    expect(error.message).toBe('query was given up after 100 ms: it had 100 ms.')
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', path: 'query', timeout: 100, elapsed: 100 })
    expectNothing(all)
  })

  test('says how late it was where the event loop was blocked', async () => {
    const all = setUp()
    const wait = withTimeout(never, all.options).catch((error) => error)
    all.clock.blocked(350)
    await all.clock.advance(0)
    expect((await wait).elapsed).toBe(350)
  })

  test('tells the work by its signal before it rejects, with the same error', async () => {
    const { clock, options } = setUp()
    const log = new Log()
    let signal: AbortSignal | undefined
    const wait = withTimeout((context) => {
      signal = context.signal
      expect(context.signal).toBe(signal)
      signal.addEventListener('abort', log.at('told'))
      signal.addEventListener('abort', () => void Promise.resolve().then(log.at('after telling')))
      return never()
    }, options).catch((error) => {
      log.at('rejected')()
      return error
    })
    await clock.advance(100)
    expect(signal?.reason).toBe(await wait)
    expect(log.lines).toEqual(['told', 'after telling', 'rejected'])
  })

  test('has a signal that is aborted for work that asks for it too late', async () => {
    const { clock, options } = setUp()
    let late: (() => AbortSignal) | undefined
    const wait = withTimeout((context) => {
      late = () => context.signal
      return never()
    }, options).catch((error) => error)
    await clock.advance(100)
    expect(late?.().reason).toBe(await wait)
  })

  test('leaves the signal of work that settled in time as it is', async () => {
    const { options, outer, clock } = setUp()
    const signal = await withTimeout((context) => context.signal, options)
    outer.abort()
    await clock.advance(200)
    expect(signal.aborted).toBe(false)
  })

  test('rejects at once with the reason of an outer signal, and tells the work', async () => {
    for (const reason of [new Error('no more'), undefined, 'a word', 0]) {
      const all = setUp()
      let signal: AbortSignal | undefined
      const wait = withTimeout((context) => {
        signal = context.signal
        return never()
      }, all.options)
      all.outer.abort(reason)
      await expect(wait).rejects.toBe(all.outer.signal.reason)
      expect(signal?.reason).toBe(all.outer.signal.reason)
      expectNothing(all)
    }
  })

  test('does not call the work where the outer signal has aborted, or there is no time', async () => {
    const all = setUp()
    let called = 0
    const fn = () => {
      called += 1
    }
    await expect(withTimeout(fn, { ...all.options, timeout: 0 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    all.outer.abort(all.error)
    await expect(withTimeout(fn, all.options)).rejects.toBe(all.error)
    await expect(withTimeout(fn, { ...all.options, timeout: 0 })).rejects.toBe(all.error)
    expect(called).toBe(0)
    expectNothing(all)
  })

  test('hears an outer signal that the work itself aborts', async () => {
    const all = setUp()
    const wait = withTimeout(() => {
      all.outer.abort(all.error)
      return 1
    }, all.options)
    await expect(wait).rejects.toBe(all.error)
    expectNothing(all)
  })

  test('hands a value that comes too late to onLate, whatever ended the wait, and once', async () => {
    for (const end of ['time', 'signal']) {
      const all = setUp()
      const { promise, resolve } = Promise.withResolvers<string>()
      const late: string[] = []
      const wait = withTimeout(() => promise, { ...all.options, onLate: (value) => late.push(value) })
      const failed = expect(wait).rejects.toThrow()
      if (end === 'signal') all.outer.abort()
      else await all.clock.advance(100)
      await failed
      expect(late).toEqual([])
      resolve('connection')
      await all.clock.advance(0)
      expect(late).toEqual(['connection'])
      expectNothing(all)
    }
  })

  test('does not call onLate for a value in time, nor for a rejection, which it absorbs', async () => {
    const { clock, options, error } = setUp()
    const late: unknown[] = []
    const onLate = (value: unknown) => late.push(value)
    await withTimeout(() => 1, { ...options, onLate })
    const { promise, reject } = Promise.withResolvers()
    const wait = withTimeout(() => promise, { ...options, onLate }).catch(() => 'given up')
    await clock.advance(100)
    expect(await wait).toBe('given up')
    reject(error)
    await clock.advance(100)
    expect(late).toEqual([])
  })

  test('needs no name', async () => {
    const { clock } = setUp()
    const wait = withTimeout(never, { timeout: 10, clock }).catch((error) => error)
    await clock.advance(10)
    expect((await wait).message).toBe('work was given up after 10 ms: it had 10 ms.')
  })
})

describe('inside a deadline', () => {
  test('the sooner of the two counts, and the error names it', async () => {
    const { clock } = setUp()
    const start = new Deadline(150, { name: 'start', clock })
    await clock.advance(100)
    const options: TimeoutOptions<unknown> = { timeout: 100, name: 'query', deadline: start }
    const wait = withTimeout(never, options).catch((error) => error)
    await clock.advance(50)
    const error = await wait
    expect(error.message).toBe("start/query was given up after 50 ms: it had 100 ms, limited by 'start'.")
    expect(error).toMatchObject({ path: 'start/query', timeout: 100, elapsed: 50, limitedBy: 'start' })
    expect(clock.pending).toBe(0)
  })

  test('without a timeout it has what is left', async () => {
    const { clock } = setUp()
    const start = new Deadline(150, { name: 'start', clock })
    await clock.advance(50.25)
    const wait = withTimeout(never, { deadline: start }).catch((error) => error)
    await clock.advance(100)
    expect(await wait).toMatchObject({ path: 'start/work', timeout: 100, limitedBy: 'start' })
    expect(clock.pending).toBe(0)
  })

  test('the context has the deadline, to be that of what is inside', async () => {
    const { clock } = setUp()
    const wait = withTimeout(
      ({ signal, deadline }) => withTimeout(never, { timeout: 900, name: 'connect', signal, deadline }),
      { timeout: 100, name: 'start', clock },
    ).catch((error) => error)
    await clock.advance(100)
    expect(await wait).toMatchObject({ code: 'ERR_TIMEOUT', path: 'start' })
    expect(clock.pending).toBe(0)
  })
})

test.each([
  [{}, TypeError, 'ERR_INVALID_ARG_TYPE', 'options.timeout'],
  [{ timeout: -1 }, RangeError, 'ERR_OUT_OF_RANGE', 'options.timeout'],
  [{ timeout: Number.NaN }, RangeError, 'ERR_OUT_OF_RANGE', 'options.timeout'],
  [{ timeout: 2 ** 31 }, RangeError, 'ERR_OUT_OF_RANGE', 'options.timeout'],
  [{ timeout: '5' }, TypeError, 'ERR_INVALID_ARG_TYPE', 'options.timeout'],
  [{ timeout: 5, deadline: {} }, TypeError, 'ERR_INVALID_ARG_TYPE', 'options.deadline'],
  [{ timeout: -5, deadline: new Deadline(1) }, RangeError, 'ERR_OUT_OF_RANGE', 'options.timeout'],
  [{ timeout: 5, signal: 1 }, TypeError, 'ERR_INVALID_ARG_TYPE', 'options.signal'],
  [{ timeout: 5, onLate: 1 }, TypeError, 'ERR_INVALID_ARG_TYPE', 'options.onLate'],
  [{ timeout: 5, name: '' }, RangeError, 'ERR_OUT_OF_RANGE', 'options.name'],
  [{ timeot: 5 }, TypeError, 'ERR_UNKNOWN_OPTION', "'timeout'"],
  [undefined, TypeError, 'ERR_INVALID_ARG_TYPE', 'options'],
])('refuses wrong options at once, before the work is called: %j', (options, type, code, word) => {
  let called = false
  const make = () =>
    withTimeout(() => {
      called = true
    }, options as never)
  expect(make).toThrow(type)
  expect(make).toThrow(expect.objectContaining({ code, message: expect.stringContaining(word) }))
  expect(called).toBe(false)
})

test('an error of this library that is no timeout is no TimeoutError', () => {
  expect(new EndswellError('ERR_ABORTED', 'stopped')).not.toBeInstanceOf(TimeoutError)
  expect(new Error('other')).not.toBeInstanceOf(TimeoutError)
})
