import { Lifecycle, type Row } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { Log, never, thrownBy, wait } from './stubs.ts'

/** Resolves when the signal aborts, as work does that heeds it. */
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()))

function setUp() {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, grace: 100 })
  const events: string[] = []
  life.subscribe(({ type, path, outcome }) => events.push([type, path, outcome].filter(Boolean).join(' ')))
  return { clock, life, events }
}

describe('a task', () => {
  test.each<[string, () => unknown]>([
    ['a value', () => 7],
    ['a promise', () => Promise.resolve(7)],
    ['a promise that takes its time', () => Promise.resolve().then(() => Promise.resolve(7))],
  ])('starts at once, mirrors its function that returns %s, and then leaves', async (_what, fn) => {
    const { life, events } = setUp()
    const log = new Log()
    const task = life.task('work', () => {
      log.at('started')()
      return fn()
    })
    expect(log.lines).toEqual(['started'])
    expect(life.snapshot().resources).toMatchObject([{ path: '/app/work', kind: 'task', state: 'open' }])
    expect(await task).toBe(7)
    expect(life.snapshot().size).toBe(0)
    expect(events).toEqual(['resource.created /app/work', 'resource.left /app/work'])
  })

  test.each<[string, (error: Error) => unknown]>([
    [
      'throws',
      (error) => {
        throw error
      },
    ],
    ['rejects', (error) => Promise.reject(error)],
  ])('rejects where its function %s, publishes the error, and leaves', async (_how, fn) => {
    const { life, events } = setUp()
    const error = new Error('no')
    await expect(life.task('work', () => fn(error))).rejects.toBe(error)
    expect(life.snapshot().size).toBe(0)
    expect(events).toEqual(['resource.created /app/work', 'resource.error /app/work', 'resource.left /app/work'])
    expect(await life.close()).toMatchObject({ counts: { closed: 0, failed: 0 } })
  })

  test('is told by its signal at its turn in the order, and waited for', async () => {
    const { clock, life } = setUp()
    const log = new Log()
    life.defer(log.at('db'))
    const task = life.task('work', async (signal) => {
      await aborted(signal)
      log.at('told')()
      await wait(clock, 50)
      log.at('done')()
      return 7
    })
    life.defer(log.lasting('newer', clock, 10))
    const closing = life.close({ reason: 'SIGTERM' })
    await clock.advance(60)
    expect(await closing).toMatchObject({ ms: 60, counts: { closed: 3 } })
    expect(log.lines).toEqual(['newer', 'newer.', 'told', 'done', 'db'])
    expect(await task).toBe(7)
  })

  test('is told why', async () => {
    const { life } = setUp()
    let reason: unknown
    void life.task('work', async (signal) => {
      await aborted(signal)
      reason = signal.reason
    })
    await life.close({ reason: 'SIGTERM' })
    expect(reason).toMatchObject({ name: 'AbortError', message: 'The lifecycle of this task is closing: SIGTERM' })
  })

  test.each<[string, (signal: AbortSignal) => unknown]>([
    ['its signal’s reason', (signal) => signal.throwIfAborted()],
    [
      'an AbortError of another',
      () => {
        throw new DOMException('no', 'AbortError')
      },
    ],
    [
      'Node’s AbortError',
      () => {
        throw Object.assign(new Error('no'), { name: 'AbortError', code: 'ABORT_ERR' })
      },
    ],
  ])('that ends with %s when it is told to has closed gently', async (_what, end) => {
    const { life } = setUp()
    const task = life.task('work', async (signal) => {
      await aborted(signal)
      end(signal)
    })
    expect((await life.close()).counts).toMatchObject({ closed: 1 })
    await expect(task).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('that throws something else when it is told to has failed, and need not be caught', async () => {
    const { life } = setUp()
    const error = new Error('no')
    void life.task('work', async (signal) => {
      await aborted(signal)
      throw error
    })
    const { rows } = await life.close()
    expect(rows).toMatchObject([{ path: '/app/work', kind: 'task', outcome: 'failed', error }])
  })

  test('that does not heed its signal is abandoned after its grace: it rejects, and need not be caught', async () => {
    const { clock, life, events } = setUp()
    const task = life.task('work', never)
    void life.task('own', never, { grace: 30 })
    const closing = life.close()
    await clock.advance(130)
    const { rows, ms } = await closing
    expect(ms).toBe(130)
    expect(rows.map(({ path, outcome }: Row) => [path, outcome])).toEqual([
      ['/app/work', 'abandoned'],
      ['/app/own', 'abandoned'],
    ])
    await expect(task).rejects.toMatchObject({ code: 'ERR_ABANDONED', path: '/app/work' })
    expect(events).toContain('resource.ended /app/work abandoned')
    expect(clock.pending).toBe(0)
  })

  test('that fails after it was abandoned is published as late', async () => {
    const { clock, life, events } = setUp()
    life.task('work', () => wait(clock, 500).then(() => Promise.reject(new Error('late')))).catch(() => {})
    const closing = life.close()
    await clock.advance(500)
    await closing
    expect(events.at(-1)).toBe('resource.late /app/work')
  })

  test('that fails while others close, before its turn, rejects and leaves', async () => {
    const { clock, life } = setUp()
    const error = new Error('no')
    const task = life.task('work', () => wait(clock, 10).then(() => Promise.reject(error)))
    const rejected = expect(task).rejects.toBe(error)
    life.defer(() => wait(clock, 50))
    const closing = life.close()
    await clock.advance(50)
    await rejected
    expect((await closing).counts).toEqual({ closed: 1, forced: 0, failed: 0, abandoned: 0 })
  })

  test('can register what it opens, and close what it opened in', async () => {
    const { life } = setUp()
    const log = new Log()
    await life.task('work', async () => {
      await using scope = life.scope('attempt')
      scope.defer(log.at('ended'))
    })
    expect(log.lines).toEqual(['ended'])
    expect(life.snapshot().size).toBe(0)
  })

  test('at the deadline gets its signal and a second', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 1_000, grace: 60_000 })
    const one = life.task('one', async (signal) => {
      await aborted(signal)
      await wait(clock, 900)
      return 'done'
    })
    life.task('two', never).catch(() => {})
    life.defer(never)
    const closing = life.close()
    await clock.advance(2_000)
    expect(await closing).toMatchObject({ ms: 2_000, counts: { closed: 1, abandoned: 2 } })
    expect(await one).toBe('done')
  })
})

describe('a fatal task', () => {
  test('closes the whole when it fails, which need not be caught', async () => {
    const { clock, life } = setUp()
    const log = new Log()
    life.defer(log.at('db'))
    const scope = life.scope('inside')
    void scope.task('work', () => wait(clock, 10).then(() => Promise.reject(new Error('broken'))), { fatal: true })
    await clock.advance(10)
    expect(life.state).toBe('closed')
    expect(log.lines).toEqual(['db'])
    expect((await life.close()).reason).toBe('/app/inside/work failed: broken')
  })

  test('does not when it succeeds, or is told to stop', async () => {
    const { life } = setUp()
    expect(await life.task('work', () => 7, { fatal: true })).toBe(7)
    expect(life.state).toBe('open')
    void life.task('work', (signal) => aborted(signal).then(() => signal.throwIfAborted()), { fatal: true })
    await life.release('work')
    expect(life.state).toBe('open')
  })

  test('that throws something odd still says what', async () => {
    for (const [error, text] of [
      ['text', 'text'],
      [undefined, 'undefined'],
      [null, 'null'],
      [Symbol('odd'), 'Symbol(odd)'],
      [Object.create(null), '[Object: null prototype] {}'],
    ] as const) {
      const { life } = setUp()
      await life.task('work', () => Promise.reject(error), { fatal: true }).catch(() => {})
      expect((await life.close()).reason).toBe(`/app/work failed: ${text}`)
    }
  })
})

test('a task that nobody catches is an unhandled rejection, unless the closing brought it about', async () => {
  const unhandled: unknown[] = []
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (error) => unhandled.push(error))
  try {
    const { clock, life } = setUp()
    const error = new Error('nobody catches this')
    void life.task('own fault', () => Promise.reject(error))
    void life.task('abandoned', never)
    void life.task('fails', (signal) => aborted(signal).then(() => Promise.reject(new Error('no'))))
    void life.task('aborts', (signal) => aborted(signal).then(() => signal.throwIfAborted()))
    const closing = life.close()
    await clock.advance(1_000)
    await closing
    expect(unhandled).toEqual([error])
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const listener of listeners) process.on('unhandledRejection', listener)
  }
})

test('a task that is refused does not start', () => {
  const { life } = setUp()
  const log = new Log()
  for (const attempt of [
    () => life.task('', log.at('ran')),
    () => life.task('work', log.at('ran'), { fatal: 1 } as never),
    () => life.task('work', log.at('ran'), { dependsOn: ['nobody'] }),
    () => life.task('work', log.at('ran'), { grace: -1 }),
  ]) {
    expect(thrownBy(attempt).code).toMatch(/^ERR_/)
  }
  expect(log.lines).toEqual([])
  expect(life.snapshot().size).toBe(0)
})
