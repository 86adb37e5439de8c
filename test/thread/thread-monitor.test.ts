import { once } from 'node:events'
import { Session } from 'node:inspector'
import { setTimeout as sleep } from 'node:timers/promises'
import { getEnvironmentData, type Worker } from 'node:worker_threads'
import { Lifecycle, type LifecycleEvent } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { Piscina } from 'piscina'
import { Tinypool } from 'tinypool'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { Lanes } from '../../src/thread/monitor/lanes.ts'
import { ThreadReport } from '../../src/thread/monitor/thread-report.ts'
import { tellWorkOf } from '../../src/thread/monitor/work-of.ts'
import { registerThread } from '../../src/thread/register-thread.ts'
import { ThreadMonitor } from '../../src/thread/thread-monitor.ts'
import { fifo } from '../fixtures/monitor/fifo.ts'
import { monitorOf, tell, threadOf } from '../fixtures/monitor/threads.ts'
import { until as untilWithin } from '../fixtures/until.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Machines under test are slow, and a monitor that is held up begins anew: in the end it finds what is to be found. */
const until = (what: string, condition: () => boolean, limit = 15_000) => untilWithin(what, condition, limit)

/** Resolves when the thread has done what it was told. */
async function done(thread: Worker): Promise<void> {
  for (;;) {
    const [message] = await once(thread, 'message')
    if (message === 'done') return
  }
}

/** It still does what it is told, and nothing of a debugger holds it. */
async function isFree(thread: Worker): Promise<void> {
  const over = done(thread)
  await tell(thread, { way: 'debugger' })
  await over
}

function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

describe('a thread that never comes back to its event loop is found, and where it is:', () => {
  test.each(['spin', 'spin in promises'] as const)('%s', async (way) => {
    const { reports, row } = monitorOf()
    const connect = vi.spyOn(Session.prototype, 'connect')
    const disconnect = vi.spyOn(Session.prototype, 'disconnect')
    const neighbour = await threadOf('neighbour')
    const thread = await threadOf('pricing')
    tellWorkOf(thread, () => 'price("tea")')
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
  await tell(thread, { way: 'spin', ms: 2_500 })
  await over
  await until('it has recovered', () => reports.length === 2)
  expect(reports.map(({ verdict }) => verdict)).toEqual(['hung', 'recovered'])
  expect(reports[1]?.note).toBe('It was hung.')
  await isFree(thread)
  expect(monitor.counts).toMatchObject({ hung: 1, recovered: 1, registered: 1, ended: 0 })
  expect(await thread.terminate()).toBe(1)
})

describe('a thread in native code that does not come back is native:', () => {
  test('a child process that is waited for', async () => {
    const { reports } = monitorOf()
    const thread = await threadOf('native')
    const over = done(thread)
    await tell(thread, { way: 'exec', ms: 6_000 })
    await until('it is found', () => reports.length > 0)
    expect(reports[0]).toMatchObject({ verdict: 'native', frames: [] })
    await over
    await until('it has recovered', () => reports.length === 2)
    // The stop that it was asked for and did not hear of does not come when it is back.
    await isFree(thread)
    expect(reports.map(({ verdict }) => verdict)).toEqual(['native', 'recovered'])
  })

  test('a read that blocks; terminated, it is abandoned, and that is said', async () => {
    const { reports, monitor } = monitorOf({ action: 'terminate' })
    const { file, release } = fifo()
    const thread = await threadOf('native', { way: 'read', file })
    await until('it is abandoned', () => reports.length === 2)
    expect(reports).toMatchObject([
      { verdict: 'native', note: 'It is terminated.' },
      { verdict: 'native', note: expect.stringContaining('it is abandoned') },
    ])
    expect(monitor.counts).toMatchObject({ native: 1, abandoned: 1, terminated: 0 })
    release()
    await until('it has ended', () => thread.threadId === -1)
  })
})

describe('nobody is accused', () => {
  test('who waits, by Atomics.wait, or has said so', async () => {
    const { reports, row, monitor } = monitorOf()
    await threadOf('waits', { way: 'wait' })
    const parks = await threadOf('parks', { way: 'park', ms: 3_000 })
    await until('both are parked', () => row('waits')?.verdict === 'parked' && row('parks')?.verdict === 'parked')
    await until('one goes on', () => row('parks')?.verdict === 'running')
    await isFree(parks)
    expect(row('waits')?.verdict).toBe('parked')
    expect(reports).toEqual([])
    expect(monitor.counts).toMatchObject({ parked: 1, hung: 0, native: 0 })
  })

  test.each([
    ['piscina', (filename: string) => new Piscina({ filename, minThreads: 2, maxThreads: 2 })],
    [
      'tinypool',
      (filename: string) => new Tinypool({ filename, minThreads: 2, maxThreads: 2, runtime: 'worker_threads' }),
    ],
  ])('of the threads of an idle pool that wait without a word: %s', async (_, open) => {
    const { reports, monitor } = monitorOf()
    const pool = open(new URL('../fixtures/monitor/pool-worker.js', import.meta.url).href)
    onTestFinished(() => pool.destroy())
    await Promise.all([1, 2, 3, 4].map((ms) => pool.run(ms)))
    const parked = () => monitor.threads.filter(({ verdict }) => verdict === 'parked').length
    await until('both are known to wait', () => parked() === 2)
    await sleep(1_000)
    expect(parked()).toBe(2)
    await pool.run(1)
    await sleep(700)
    expect(reports).toEqual([])
  })

  test('of the threads of a pool that go from task to task; one that is stuck in a task is hung', async () => {
    const { reports, monitor } = monitorOf({ hang: 600 })
    const filename = new URL('../fixtures/monitor/pool-worker.js', import.meta.url).href
    const pool = new Piscina({ filename, minThreads: 1, maxThreads: 1 })
    onTestFinished(() => pool.destroy())
    await Promise.all(Array.from({ length: 30 }, () => pool.run(100)))
    expect(reports.filter(({ verdict }) => verdict !== 'busy' && verdict !== 'recovered')).toEqual([])
    await until('it waits', () => monitor.threads[0]?.verdict === 'parked')
    reports.length = 0
    const stuck = new AbortController()
    const task = pool.run(undefined, { signal: stuck.signal })
    task.catch(() => {})
    await until('it is found', () => reports.length > 0)
    expect(reports[0]).toMatchObject({ verdict: 'hung', name: 'pool' })
    expect(reports[0]?.frames).toContainEqual(expect.objectContaining({ function: 'spin' }))
    stuck.abort()
    await expect(task).rejects.toThrow()
  })

  test('of it that the monitor itself was blocked, five times for twice as long as a thread may be silent', async () => {
    const { reports, monitor, row } = monitorOf({ check: 100, hang: 300 })
    await threadOf('one')
    await threadOf('two', { way: 'wait' })
    await until('it waits', () => row('two')?.verdict === 'parked')
    for (let times = 0; times < 5; times += 1) {
      block(600)
      await sleep(20)
    }
    await sleep(400)
    expect(reports).toEqual([])
    expect(monitor.counts.restarts).toBeGreaterThanOrEqual(5)
    expect(monitor.counts).toMatchObject({ hung: 0, native: 0 })
  })

  test('who shows signs of life in a loop', async () => {
    const { reports, row } = monitorOf()
    await threadOf('beats', { way: 'spin and beat' })
    await until('it has begun', () => (row('beats')?.beats ?? 0) > 1_000)
    await sleep(800)
    expect(reports).toEqual([])
  })
})

test('a thread that works without a pause, but beats, is busy, and is left alone', async () => {
  const { reports, row } = monitorOf({ busy: 400, action: 'terminate' })
  const thread = await threadOf('busy', { way: 'work' })
  await until('it is found', () => reports.length > 0)
  expect(reports[0]).toMatchObject({ verdict: 'busy', frames: [] })
  expect(reports[0]?.elu).toBeGreaterThan(0.98)
  expect(row('busy')?.verdict).toBe('busy')
  expect(thread.threadId).not.toBe(-1)
})

describe("somebody else's debugger", () => {
  test('that has stopped the thread is not disturbed, and nobody is accused', async () => {
    const { reports, row } = monitorOf({ action: 'terminate' })
    const thread = await threadOf('debugged')
    await until('it runs', () => row('debugged')?.verdict === 'running')
    const { resume, stops } = await debug(thread.threadId)
    await until('it is found', () => reports.length > 0)
    expect(reports[0]).toMatchObject({ verdict: 'debugged', frames: [] })
    await sleep(500)
    expect(stops()).toBe(1)
    expect(row('debugged')?.verdict).toBe('debugged')
    resume()
    await until('it goes on', () => row('debugged')?.verdict === 'running')
    expect(reports.map(({ verdict }) => verdict)).toEqual(['debugged', 'recovered'])
  })
})

/** Stops a worker as a person would. */
async function debug(threadId: number): Promise<{ resume: () => void; stops: () => number }> {
  const session = new Session()
  session.connect()
  onTestFinished(() => session.disconnect())
  let sessionId = ''
  let stops = 0
  session.on('NodeWorker.attachedToWorker', ({ params }) => {
    if (params.workerInfo.title.startsWith(`[worker ${threadId}]`)) sessionId = params.sessionId
  })
  session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
    if (params.message.includes('Debugger.paused')) stops += 1
  })
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  const send = (method: string) =>
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id: 1, method }) })
  send('Debugger.enable')
  send('Debugger.pause')
  await until('it has stopped', () => stops > 0)
  return { resume: () => send('Debugger.resume'), stops: () => stops }
}

describe('with action: terminate', () => {
  test('a thread that hangs is ended, and its neighbours are not', async () => {
    const { reports, monitor } = monitorOf({ action: 'terminate' })
    const neighbour = await threadOf('neighbour')
    const thread = await threadOf('pricing')
    const exit = once(thread, 'exit')
    await tell(thread, { way: 'spin' })
    expect(await exit).toEqual([1])
    expect(reports).toMatchObject([{ verdict: 'hung', note: 'It is terminated.' }])
    await until('it is gone', () => monitor.counts.ended === 1)
    expect(monitor.counts).toMatchObject({ terminated: 1, abandoned: 0 })
    await isFree(neighbour)
  })
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
    await tell(thread, { way: 'spin', ms: 2_000 })
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

test('the main thread can register as well, and is never silent to itself', async () => {
  const { reports, row } = monitorOf()
  using main = registerThread('main')
  expect(main.isMonitored).toBe(true)
  await until('it is known', () => row('main')?.verdict === 'running')
  block(700)
  await sleep(200)
  expect(row('main')?.verdict).toBe('running')
  expect(reports).toEqual([])
})
