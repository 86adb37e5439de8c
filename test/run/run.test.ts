import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Main, type RunOptions, run } from '../../src/run/index.ts'
import { FakeClock } from '../../src/testing/index.ts'

const embedded: RunOptions = { exit: false, report: false, signals: ['SIGUSR2'] }
const never = () => new Promise<never>(() => {})
let later = 0

afterEach(() => {
  vi.restoreAllMocks()
})

/** Begins a run that is embedded in the test, and lets its main function return. */
async function begin(main: Main, options: RunOptions = {}) {
  const clock = new FakeClock()
  const over = vi.fn()
  const ended = run('app', main, { ...embedded, clock, ...options })
  ended.then(over)
  await clock.advance(0)
  const signal = async () => {
    // Long after the last one: what comes at once is the same key press.
    later += 1_000
    const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + later)
    process.emit('SIGUSR2')
    now.mockRestore()
    await clock.advance(0)
  }
  return { clock, over, ended, signal }
}

describe('an embedded run', () => {
  test('resolves with the report, and leaves no listener and no timer', async () => {
    const before = process.eventNames().map((name) => process.listenerCount(name))
    const { clock, ended, signal } = await begin((life) => void life.defer(() => {}))
    await signal()
    expect(await ended).toMatchObject({ path: '/app', reason: 'SIGUSR2 came', complete: true, counts: { closed: 1 } })
    expect(process.eventNames().map((name) => process.listenerCount(name))).toEqual(before)
    expect(clock.pending).toBe(0)
  })

  test('leaves errors, an empty event loop and process.exit() to its host', async () => {
    const events = ['uncaughtException', 'unhandledRejection', 'beforeExit', 'exit']
    const count = () => events.map((event) => process.listenerCount(event))
    const before = count()
    const { ended, signal } = await begin(() => {})
    expect(count()).toEqual(before)
    await signal()
    await ended
  })

  test.each([
    ['nothing', () => {}],
    ['a scope of nothing', (life) => void life.scope('empty')],
  ] satisfies [string, Main][])('that holds %s ends all the same', async (_, main) => {
    const { ended, signal } = await begin(main)
    await signal()
    expect((await ended).counts).toEqual({ closed: expect.any(Number), forced: 0, failed: 0, abandoned: 0 })
  })

  test('starts in the order of its main function, and stops in reverse', async () => {
    const order: string[] = []
    const { ended, signal } = await begin(async (_life, boot) => {
      for (const name of ['one', 'two', 'three']) {
        await boot.step(name, () => order.push(`+${name}`), { close: () => order.push(`-${name}`) })
      }
    })
    await signal()
    await ended
    expect(order).toEqual(['+one', '+two', '+three', '-three', '-two', '-one'])
  })

  test('closes every resource, whatever the others throw, and reports every error', async () => {
    const { ended, signal } = await begin((life) => {
      for (const name of ['one', 'two', 'three']) {
        life.defer(() => Promise.reject(new Error(`${name} broke`)), { name })
      }
    })
    await signal()
    const { counts, rows } = await ended
    expect(counts.failed).toBe(3)
    expect(rows.map(({ error }) => (error as Error).message).sort()).toEqual(['one broke', 'three broke', 'two broke'])
  })

  test('never rejects: a failed start is a report too', async () => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const { ended } = await begin((life) => {
      life.defer(() => {})
      throw new Error('no luck')
    })
    expect(await ended).toMatchObject({ reason: 'the start failed', counts: { closed: 1 } })
    expect(written.mock.calls.join()).toContain('Error: no luck')
  })

  test('until main returns resolves then', async () => {
    const { ended } = await begin(async (life) => void life.defer(() => {}), { until: 'main' })
    expect(await ended).toMatchObject({ reason: 'main has returned', counts: { closed: 1 } })
  })

  test('ends when its lifecycle is closed, for the reason that was given', async () => {
    const { ended } = await begin((life) => {
      life.defer(() => {})
      setImmediate(() => life.close({ reason: 'it is Sunday' }))
    })
    expect((await ended).reason).toBe('it is Sunday')
  })
})

test('a run closes what its main function opened, also when that has moved it', async () => {
  const close = vi.fn()
  const { ended, signal } = await begin((life) => {
    life.defer(close)
    life.move()
  })
  await signal()
  expect((await ended).counts.closed).toBe(1)
  expect(close).toHaveBeenCalledOnce()
})

describe('the drain delay', () => {
  test('passes before anything closes', async () => {
    const close = vi.fn()
    const { clock, ended, signal } = await begin((life) => life.defer(close), { drainDelay: 5_000 })
    await signal()
    await clock.advance(4_999)
    expect(close).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(close).toHaveBeenCalledOnce()
    expect((await ended).reason).toBe('SIGUSR2 came')
  })

  test('is 5 s in Kubernetes, and closing gets 23 s after it', async () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '10.0.0.1')
    const { clock, over, ended, signal } = await begin((life) => {
      life.use({}, { close: never, force: () => {}, grace: 60_000 })
    })
    vi.unstubAllEnvs()
    await signal()
    await clock.advance(27_999)
    expect(over).not.toHaveBeenCalled()
    await clock.advance(1)
    expect((await ended).counts.forced).toBe(1)
  })

  test('ends with the second signal', async () => {
    const { clock, ended, signal } = await begin((life) => life.defer(() => {}), { drainDelay: 60_000 })
    await signal()
    await signal()
    expect(await ended).toMatchObject({ reason: 'SIGUSR2 came', counts: { closed: 1 } })
    expect(clock.pending).toBe(0)
  })

  test('does not end with the second signal where that is ignored', async () => {
    const close = vi.fn()
    const options = { drainDelay: 60_000, secondSignal: 'ignore' } as const
    const { clock, ended, signal } = await begin((life) => life.defer(close), options)
    await signal()
    await signal()
    await clock.advance(59_999)
    expect(close).not.toHaveBeenCalled()
    await clock.advance(1)
    await ended
  })

  test('ends when the application closes the lifecycle', async () => {
    let close = () => {}
    const main: Main = (life) => {
      life.defer(() => {})
      close = () => void life.close()
    }
    const { clock, ended, signal } = await begin(main, { drainDelay: 60_000 })
    await signal()
    close()
    expect((await ended).counts.closed).toBe(1)
    expect(clock.pending).toBe(0)
  })

  test('ends when a fatal task fails', async () => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const { promise, reject } = Promise.withResolvers<never>()
    const main: Main = (life) => {
      life.defer(() => {})
      life.task('feed', () => promise, { fatal: true })
    }
    const { clock, ended, signal } = await begin(main, { drainDelay: 60_000 })
    await signal()
    reject(new Error('the feed broke'))
    expect((await ended).counts.closed).toBe(1)
    expect(written.mock.calls.join()).toContain('/app/feed failed, and it is fatal:\nError: the feed broke')
    expect(clock.pending).toBe(0)
  })

  test('does not come while the start is under way', async () => {
    const main: Main = (life) => {
      life.defer(() => {})
      return never()
    }
    const { clock, ended, signal } = await begin(main, { drainDelay: 60_000 })
    await signal()
    expect((await ended).counts.closed).toBe(1)
    expect(clock.pending).toBe(0)
  })
})

describe('a stop during the start', () => {
  test('closes the first step once, and what the second brings too late', async () => {
    const closed: string[] = []
    const arrival = Promise.withResolvers<string>()
    const options = { close: (name: string) => void closed.push(name) }
    const aborted = vi.fn()
    const second = (signal: AbortSignal) => {
      signal.addEventListener('abort', aborted)
      return arrival.promise
    }
    const { ended, signal } = await begin(async (_life, boot) => {
      await boot.step('one', () => 'one', options)
      await boot.step('two', second, options)
      await boot.step('three', () => 'three', options)
    })
    await signal()
    expect(aborted).toHaveBeenCalledOnce()
    arrival.resolve('two')
    await ended
    expect(closed).toEqual(['two', 'one'])
  })

  test.each([
    ['does not hide what went wrong', new Error('no route'), 1],
    ['is no news where the step heeds it', new DOMException('stopped', 'AbortError'), 0],
    [
      'is no news where the program wraps it',
      new Error('outer', { cause: new DOMException('stopped', 'AbortError') }),
      0,
    ],
  ])('%s', async (_, error, times) => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const { promise, reject } = Promise.withResolvers<never>()
    const { ended, signal } = await begin(() => promise)
    await signal()
    reject(error)
    await ended
    expect(written).toHaveBeenCalledTimes(times)
  })
})
