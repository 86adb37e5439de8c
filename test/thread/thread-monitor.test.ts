import { Session } from 'node:inspector'
import { getEnvironmentData } from 'node:worker_threads'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { Lifecycle, type LifecycleEvent } from '../../src/index.ts'
import { FakeClock } from '../../src/testing/index.ts'
import { Lanes } from '../../src/thread/monitor/lanes.ts'
import { ownThread } from '../../src/thread/monitor/owner-of.ts'
import { ThreadReport } from '../../src/thread/monitor/thread-report.ts'
import { ThreadMonitor } from '../../src/thread/thread-monitor.ts'
import { done, isFree, monitorOf, tell, threadOf, until } from '../fixtures/monitor/threads.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a thread that never comes back to its event loop is found, and where it is:', () => {
  test.each(['spin', 'spin in promises'] as const)('%s', async (way) => {
    const { reports, row } = monitorOf()
    const connect = vi.spyOn(Session.prototype, 'connect')
    const disconnect = vi.spyOn(Session.prototype, 'disconnect')
    const neighbour = await threadOf('neighbour')
    const thread = await threadOf('pricing')
    ownThread(thread, { work: () => 'price("tea")', condemned: () => {} })
    await tell(thread, { way })
    await until('it is found', () => reports.length > 0)
    const [report] = reports
    expect(report).toBeInstanceOf(ThreadReport)
    const identity = { path: '/life/threads/pricing', name: 'pricing', threadId: thread.threadId }
    // Who comes round to its promises could also be going from task to task.
    const [verdict, words] = way === 'spin' ? ['hung', 'hangs: .+'] : ['busy', 'works without a pause']
    expect(report).toMatchObject({ verdict, ...identity, work: 'price("tea")', heapUsed: expect.any(Number) })
    const name = way === 'spin' ? 'spin' : 'spinInPromises'
    const line = way === 'spin' ? 20 : 24
    const file = expect.stringMatching(/monitor\/thread\.ts$/)
    expect(report?.frames.find((frame) => frame.function === name)).toMatchObject({ file, line })
    expect(String(report)).toMatch(
      new RegExp(
        `^endswell: /life/threads/pricing \\(thread ${thread.threadId}\\) ${words}, silent for \\d+ ms\\n  at work on price`,
      ),
    )
    expect(String(report)).toMatch(new RegExp(`\\n  at ${name} \\(/.+/thread\\.ts:\\d+:\\d+\\)`))
    expect(row('neighbour')?.verdict).toBe('running')
    expect(row('pricing')?.verdict).toBe(verdict)
    expect(connect).toHaveBeenCalled()
    expect(disconnect).toHaveBeenCalledTimes(connect.mock.calls.length)
    await isFree(neighbour)
    await thread.terminate()
    await until('it is gone', () => row('pricing') === undefined)
    expect(reports).toHaveLength(1)
  })

  test('file and line are those of the source, by its source map', async () => {
    const { reports } = monitorOf()
    const thread = await threadOf('mapped', { way: 'mapped' })
    await until('it is found', () => reports.length > 0)
    expect(reports[0]?.frames[0]).toMatchObject({ file: '/src/pricing.ts', line: 7 })
    await thread.terminate()
  })

  test('in a thread of a thread, which nobody here can terminate', async () => {
    const { reports } = monitorOf({ action: 'terminate' })
    const thread = await threadOf('outer')
    await tell(thread, { way: 'nest' })
    await until('it is found', () => reports.length > 0)
    expect(reports[0]).toMatchObject({
      verdict: 'hung',
      name: 'nested',
      note: expect.stringContaining('by who made it'),
    })
    expect(reports[0]?.frames).toContainEqual(expect.objectContaining({ function: 'spin' }))
    await thread.terminate()
  })

  test('without a stack, where none is wanted', async () => {
    const { reports } = monitorOf({ stack: false })
    const connect = vi.spyOn(Session.prototype, 'connect')
    await threadOf('pricing', { way: 'spin' })
    await until('it is found', () => reports.length > 0)
    expect(reports[0]).toMatchObject({ verdict: 'hung', frames: [] })
    expect(connect).not.toHaveBeenCalled()
  })
})

test('one that was only slow goes on as if nothing had been, and has recovered', async () => {
  const { reports, monitor } = monitorOf()
  const thread = await threadOf('slow')
  const over = done(thread)
  await tell(thread, { way: 'spin', ms: 1_500 })
  await over
  await until('it has recovered', () => reports.length === 2)
  expect(reports.map(({ verdict }) => verdict)).toEqual(['hung', 'recovered'])
  expect(reports[1]?.note).toBe('It was hung.')
  await isFree(thread)
  expect(monitor.counts).toMatchObject({ hung: 1, recovered: 1, registered: 1, ended: 0 })
  expect(await thread.terminate()).toBe(1)
})

describe('what is known of threads', () => {
  test('those that are registered, and workers that are not', async () => {
    const { monitor, row } = monitorOf()
    const thread = await threadOf('one')
    const other = await threadOf(null)
    await until('it is known', () => row('one')?.verdict === 'running')
    expect(row('one')).toMatchObject({ path: '/life/threads/one', threadId: thread.threadId, silent: 0 })
    expect(monitor.threads).toContainEqual(
      expect.objectContaining({ name: `thread-${other.threadId}`, verdict: 'unregistered' }),
    )
    monitor.watch(other, { name: 'other' })
    expect(row('other')).toMatchObject({ verdict: 'unregistered' })
    expect(Object.isFrozen(monitor.threads) && Object.isFrozen(monitor.threads[0])).toBe(true)
    await other.terminate()
    await until('it is forgotten', () => row('other') === undefined)
  })

  test('one that ends by itself, or disposes of its registration, leaves', async () => {
    const { monitor, row } = monitorOf()
    for (const way of ['exit', 'dispose'] as const) {
      const thread = await threadOf(way)
      await until('it is known', () => row(way)?.verdict === 'running')
      await tell(thread, { way })
      await until('it has left', () => row(way) === undefined)
    }
    expect(monitor.counts).toMatchObject({ registered: 2, ended: 2 })
  })

  test('those for whom there is no room are counted', async () => {
    const { monitor, row } = monitorOf({ maxThreads: 1 })
    await threadOf('one')
    await threadOf('two')
    await until('it is known', () => row('one') !== undefined)
    expect(monitor.counts).toMatchObject({ registered: 1, refused: 1 })
    expect(row('two')).toBeUndefined()
  })

  test('one that nobody knows is reported after a long silence, and its lane is free again', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'life', clock })
    onTestFinished(async () => void (await life.close()))
    const reports: ThreadReport[] = []
    const monitor = new ThreadMonitor(life, { onReport: (report) => reports.push(report), maxThreads: 1 })
    Lanes.shared?.claim(4_711, 0, 'ghost')
    await clock.advance(1_799_000)
    expect(reports).toEqual([])
    expect(monitor.threads).toMatchObject([{ name: 'ghost', threadId: 4_711 }])
    await clock.advance(2_000)
    expect(reports).toMatchObject([{ verdict: 'unseen', name: 'ghost', path: '/life/threads/ghost' }])
    expect(reports[0]?.silent).toBeGreaterThanOrEqual(1_800_000)
    expect(monitor.counts).toMatchObject({ registered: 1, unseen: 1, cleaned: 1 })
    expect(monitor.threads).toEqual([])
    expect(Lanes.shared?.claim(4_712, 0, 'next')).toBe(0)
  })

  test('a kernel thread that is no more is dropped without a word', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'life', clock })
    onTestFinished(async () => void (await life.close()))
    const monitor = new ThreadMonitor(life)
    Lanes.shared?.claim(4_711, 2 ** 30, 'ghost')
    await clock.advance(1_000)
    expect(monitor.counts).toMatchObject({ registered: 1, ended: 1 })
    expect([...(Lanes.shared?.read() ?? [])]).toEqual([])
  })
})

test('each report is an event, too; what onReport throws is published, and changes nothing', async () => {
  const { life, reports } = monitorOf({
    onReport: (report) => {
      reports.push(report)
      throw new Error('nobody listens')
    },
  })
  const events: LifecycleEvent[] = []
  life.subscribe((event) => events.push(event))
  await threadOf('pricing', { way: 'spin' })
  await until('it is found', () => reports.length > 0)
  expect(events.find(({ type }) => type === 'thread.changed')).toMatchObject({
    ...{ path: '/life/threads/pricing', kind: 'thread', state: 'hung' },
    cause: expect.any(ThreadReport),
  })
  expect(events.find(({ type }) => type === 'resource.error')).toMatchObject({
    error: { message: 'nobody listens' },
  })
})

describe('a health check', () => {
  function checked() {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'life', clock })
    onTestFinished(async () => void (await life.close({ force: true })))
    const errors: LifecycleEvent[] = []
    life.subscribe((event) => event.type === 'resource.error' && errors.push(event))
    return { clock, life, errors, monitor: new ThreadMonitor(life) }
  }

  test('is asked again and again, and its failures are told', async () => {
    const { clock, monitor, errors } = checked()
    let isWell = true
    monitor.healthCheck('db', () => {
      if (!isWell) throw new Error('gone')
    })
    expect(monitor.healthChecks).toMatchObject([{ path: '/life/threads/db', name: 'db', state: 'waiting', runs: 0 }])
    await clock.advance(20_000)
    expect(monitor.healthChecks).toMatchObject([{ state: 'passing', runs: 3, failures: 0, ms: 0 }])
    isWell = false
    await clock.advance(10_000)
    expect(monitor.healthChecks).toMatchObject([{ state: 'failing', runs: 4, failures: 1, error: { message: 'gone' } }])
    expect(errors).toMatchObject([{ path: '/life/threads/db', error: { message: 'gone' } }])
  })

  test('has a time limit of its own, and is not asked again before it is over', async () => {
    const { clock, monitor } = checked()
    const over = Promise.withResolvers<void>()
    const signals: AbortSignal[] = []
    monitor.healthCheck('db', (signal) => signals.push(signal) && over.promise, { interval: 1_000, timeout: 300 })
    await clock.advance(299)
    expect(signals[0]?.aborted).toBe(false)
    await clock.advance(1)
    expect(signals[0]?.aborted).toBe(true)
    await clock.advance(5_000)
    expect(signals).toHaveLength(1)
    expect(monitor.healthChecks).toMatchObject([
      { state: 'failing', runs: 1, skipped: 5, error: { code: 'ERR_TIMEOUT' } },
    ])
    over.resolve()
    await clock.advance(1_000)
    expect(signals).toHaveLength(2)
    expect(monitor.healthChecks).toMatchObject([{ state: 'passing', runs: 2, skipped: 5 }])
  })

  test('can be undone', async () => {
    const { clock, monitor } = checked()
    const ask = vi.fn()
    const undo = monitor.healthCheck('db', ask)
    expect(await undo()).toBe('closed')
    await clock.advance(60_000)
    expect(ask).not.toHaveBeenCalled()
    expect(monitor.healthChecks).toEqual([])
  })
})

describe('when it is closed', () => {
  test('no timer, listener or environment data is left, nor are lanes used', async () => {
    const clock = new FakeClock()
    const before = process.listenerCount('worker')
    const life = new Lifecycle({ name: 'life', clock })
    new ThreadMonitor(life)
    const lanes = Lanes.shared
    expect(process.listenerCount('worker')).toBe(before + 1)
    expect(clock.pending).toBe(1)
    const thread = await threadOf('one')
    expect([...(lanes?.read() ?? [])]).toHaveLength(1)
    expect((await life.close()).counts).toMatchObject({ forced: 0, failed: 0, abandoned: 0 })
    expect(process.listenerCount('worker')).toBe(before)
    expect(clock.pending).toBe(0)
    expect(getEnvironmentData('endswell:lanes')).toBeUndefined()
    await until('the thread has left', () => [...(lanes?.read() ?? [])].length === 0)
    await isFree(thread)
  })

  test('in the midst of an examination, the thread is free all the same', async () => {
    const { life, reports } = monitorOf()
    const disconnect = vi.spyOn(Session.prototype, 'disconnect')
    const connect = vi.spyOn(Session.prototype, 'connect')
    const thread = await threadOf('slow')
    const over = done(thread)
    await tell(thread, { way: 'spin', ms: 1_500 })
    await until('it is being examined', () => connect.mock.calls.length > 0)
    await life.close()
    await until('nothing is left of it', () => disconnect.mock.calls.length > 0)
    await over
    await isFree(thread)
    expect(reports).toEqual([])
  })

  test('another one can be made, and before that none', async () => {
    const { life, monitor } = monitorOf()
    expect(() => new ThreadMonitor(life)).toThrow(expect.objectContaining({ code: 'ERR_MISPLACED' }))
    await monitor[Symbol.asyncDispose]()
    const { row } = monitorOf()
    await threadOf('one')
    await until('it is known', () => row('one')?.verdict === 'running')
    expect(life.snapshot().size).toBe(0)
  })

  test('a closed lifecycle takes none', async () => {
    const life = new Lifecycle('life')
    await life.close()
    expect(() => new ThreadMonitor(life)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
    expect(Lanes.shared).toBeUndefined()
  })
})

test.each<[object, string, string]>([
  [{ hnag: 1 }, 'ERR_UNKNOWN_OPTION', "Did you mean 'hang'?"],
  [{ beat: 5 }, 'ERR_OUT_OF_RANGE', 'at least 10 ms'],
  [{ check: 0 }, 'ERR_OUT_OF_RANGE', 'at least 10 ms'],
  [{ hang: 499 }, 'ERR_OUT_OF_RANGE', 'at least two beats, 500 ms'],
  [{ hang: Number.NaN }, 'ERR_OUT_OF_RANGE', 'options.hang'],
  [{ confirm: 0 }, 'ERR_OUT_OF_RANGE', 'from 1 to 100'],
  [{ maxThreads: 1.5 }, 'ERR_OUT_OF_RANGE', 'from 1 to 4096'],
  [{ action: 'kill' }, 'ERR_OUT_OF_RANGE', 'options.action'],
  [{ stack: 1 }, 'ERR_INVALID_ARG_TYPE', 'options.stack'],
  [{ name: 'a/b' }, 'ERR_OUT_OF_RANGE', 'options.name'],
  [{ onReport: 1 }, 'ERR_INVALID_ARG_TYPE', 'options.onReport'],
])('refuses %o', (options, code, message) => {
  const life = new Lifecycle('life')
  expect(() => new ThreadMonitor(life, options)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  )
  expect(life.snapshot().size).toBe(0)
  expect(Lanes.shared).toBeUndefined()
})
