/**
 * The main side of the bridge with real threads. Scenarios of other pools, and where they are played:
 *
 * | what others check | here |
 * |---|---|
 * | abort before, queued, running; its listener goes; the reason is kept; uncloneable arguments | `cancelling`, `what can't be sent` |
 * | closing waits for what runs and waits; calls made meanwhile reject; the grace; writing to a dying thread | `closing` |
 * | the queue's limit, also none; its marks; a throw that nobody hears; `process.exit` in a call | `the queue`, `threads that end` |
 * | isolation: replaced when idle, running calls finish first | `replacing a thread` |
 * | time counts from dispatch; a cancelled call that waits never runs; nothing lands on a thread that cleans up; what does not heed goes with its thread; a crash rejects all that run | `times`, `cancelling`, `threads that end` |
 * | exits are restarted, and given up; limits of memory; no call is left hanging | `threads that end`, `files that can't serve` |
 * | errors of every sort come as they are; a thread that ends rejects every call | `calls`, `threads that end` |
 * | stuck in JavaScript, stuck in native code: cancel, next call, shutdown | `test/real/worker-bridge.test.ts` |
 * | any order of calls, aborts, times, deaths and closings | `test/thread/bridge/bridge-model.test.ts` |
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { Lifecycle } from '../../src/index.ts'
import type { BridgeThread } from '../../src/thread/bridge/bridge-rows.ts'
import { ownerOf } from '../../src/thread/monitor/owner-of.ts'
import { WorkerBridge } from '../../src/thread/worker-bridge.ts'
import { failure, openBridge } from '../fixtures/bridge/open.ts'
import { listeners } from '../fixtures/listeners.ts'
import { until } from '../fixtures/until.ts'

/** Resolves when a handler of such a call was called. */
async function begun(bridge: { threads: WorkerBridge['threads'] }, work: string): Promise<void> {
  await until(`${work} runs`, () => bridge.threads.some(({ worker }) => ownerOf(worker)?.work() === work))
}

/** Blocks this thread. */
function hold(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

/** All that comes. */
async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = []
  for await (const value of source) values.push(value)
  return values
}

describe('calls', () => {
  test('a call brings what its method returns', async () => {
    const { bridge } = openBridge()
    expect(await bridge.call('echo', [{ a: [1, new Date(0)] }])).toEqual({ a: [1, new Date(0)] })
    expect(await bridge.call('echo', [undefined])).toBeUndefined()
    expect(bridge.counts).toMatchObject({ done: 2, running: 0, queued: 0 })
  })

  test('an error comes with its class, its stack and its properties', async () => {
    const { bridge } = openBridge()
    const error = await failure(bridge.call('fails', ['out']))
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ message: 'out', code: 'ERR_OWN', status: 418 })
    expect(error.stack).toContain('worker.ts')
    expect(bridge.counts.failed).toBe(1)
  })

  test('what is thrown and is no error comes as it is', async () => {
    const { bridge } = openBridge()
    for (const value of [null, undefined, 3, 'x', false])
      expect(await failure(bridge.call('throws', [value]))).toBe(value)
  })

  test('a method that is not served is refused, and those that are are named', async () => {
    const { bridge } = openBridge()
    for (const name of ['ech', 'constructor', '__proto__', 'toString']) {
      const error = await failure(bridge.call(name as 'echo', [1]))
      expect(error).toMatchObject({
        name: 'BridgeError',
        code: 'ERR_UNKNOWN_METHOD',
        method: name,
        path: '/app/bridge',
      })
      expect(error.message).toContain('It serves echo, thread,')
    }
  })

  test('what is transferred is gone here', async () => {
    const { bridge } = openBridge()
    const numbers = new Uint8Array([1, 2, 3])
    expect(await bridge.call('sum', [numbers], { transfer: [numbers.buffer] })).toBe(6)
    expect(numbers.byteLength).toBe(0)
  })

  test("what can't be sent is refused alone", async () => {
    const { bridge } = openBridge({ maxInFlight: 3 })
    const [one, two, three] = await Promise.allSettled([
      bridge.call('echo', [1]),
      bridge.call('echo', [() => {}]),
      bridge.call('echo', [3]),
    ])
    expect(one).toMatchObject({ value: 1 })
    expect(two).toMatchObject({ reason: { code: 'ERR_UNCLONEABLE', method: 'echo', retriable: false } })
    expect(three).toMatchObject({ value: 3 })
  })

  test('as many are in one thread as it may have, and the rest wait', async () => {
    const { bridge } = openBridge({ maxInFlight: 2 })
    await bridge.ready()
    const all = [1, 2, 3].map(() => bridge.call('sleep', [30]))
    expect(bridge.calls.map(({ state }) => state)).toEqual(['queued', 'running', 'running'])
    expect(bridge.threads).toMatchObject([{ state: 'ready', inFlight: 2, path: '/app/bridge/thread-1/1' }])
    await Promise.all(all)
    expect(bridge.calls).toEqual([])
    expect(bridge.threads[0]).toMatchObject({ calls: 3, inFlight: 0 })
  })

  test('those who watch a thread learn what it is at', async () => {
    const { bridge } = openBridge()
    await bridge.ready()
    const [thread] = bridge.threads
    if (thread === undefined) throw new Error('no thread')
    expect(ownerOf(thread.worker)?.work()).toBeUndefined()
    const call = bridge.call('sleep', [200])
    await until('it has begun', () => ownerOf(thread.worker)?.work() !== undefined)
    expect(ownerOf(thread.worker)?.work()).toBe('sleep(200)')
    await call
    expect(ownerOf(thread.worker)?.work()).toBeUndefined()
  })
})

describe('the queue', () => {
  test('a call too many is refused at once, and may be tried again', async () => {
    const { bridge } = openBridge({ maxQueue: 1 })
    await bridge.ready()
    const running = bridge.call('sleep', [30])
    const waiting = bridge.call('sleep', [1])
    const error = await failure(bridge.call('echo', [1]))
    expect(error).toMatchObject({ code: 'ERR_QUEUE_FULL', retriable: true, method: 'echo' })
    await Promise.all([running, waiting])
    expect(await bridge.call('echo', [1])).toBe(1)
    expect(bridge.counts.refused).toBe(1)
  })

  test('where none may wait, a call is made at once or refused', async () => {
    const { bridge } = openBridge({ maxQueue: 0 })
    expect(await failure(bridge.call('echo', [1]))).toMatchObject({ code: 'ERR_QUEUE_FULL' })
    await bridge.ready()
    const running = bridge.call('echo', [1])
    expect(await failure(bridge.call('echo', [2]))).toMatchObject({ code: 'ERR_QUEUE_FULL' })
    expect(await running).toBe(1)
  })

  test('with overflow wait, all wait; room tells when few do, and an event when many do and when few do again', async () => {
    const { bridge, events } = openBridge({ maxQueue: 10, overflow: 'wait', pressure: { high: 0.5, low: 0.2 } })
    await bridge.room()
    const all = Array.from({ length: 20 }, (_, at) => bridge.call('echo', [at]))
    expect(bridge.counts.queued).toBe(20)
    await bridge.room()
    expect(bridge.counts.queued).toBeLessThanOrEqual(2)
    await Promise.all(all)
    const pressure = events.filter(({ type }) => type === 'queue.pressure')
    expect(pressure).toMatchObject([
      { path: '/app/bridge', kind: 'bridge', state: 'high' },
      { path: '/app/bridge', kind: 'bridge', state: 'low' },
    ])
  })

  test('higher priority goes first, and equals in order', async () => {
    const { bridge } = openBridge()
    const order: unknown[] = []
    const call = (name: string, priority: number) =>
      bridge.call('echo', [name], { priority }).then((name) => order.push(name))
    await Promise.all([call('a', 0), call('low', -1), call('b', 0), call('high', 2), call('c', 0), call('half', 0.5)])
    expect(order).toEqual(['high', 'half', 'a', 'b', 'c', 'low'])
  })
})

describe('cancelling', () => {
  test('with a signal that has aborted, nothing is called', async () => {
    const { bridge } = openBridge()
    const reason = new Error('too late')
    const signal = AbortSignal.abort(reason)
    expect(await failure(bridge.call('exits', [1], { signal }))).toBe(reason)
    expect(listeners(signal)['abort']).toBe(0)
    expect(bridge.counts).toMatchObject({ queued: 0, running: 0, lost: 0 })
  })

  test('a call that waits never runs, and those behind it do', async () => {
    const { bridge } = openBridge()
    await bridge.ready()
    const controller = new AbortController()
    const { signal } = controller
    const first = bridge.call('sleep', [20])
    const exits = bridge.call('exits', [1], { signal })
    const last = bridge.call('echo', ['last'])
    const reason = { any: 'thing' }
    controller.abort(reason)
    expect(await failure(exits)).toBe(reason)
    expect(listeners(signal)['abort']).toBe(0)
    expect(await Promise.all([first, last])).toEqual([20, 'last'])
    expect(bridge.counts).toMatchObject({ cancelled: 1, done: 2, lost: 0 })
  })

  test('a call that runs rejects at once, its handler learns why, and the thread lives on', async () => {
    const { bridge } = openBridge()
    const events = bridge.events()
    const thread = await bridge.call('thread', [])
    const controller = new AbortController()
    const call = bridge.call('heeds', [], { signal: controller.signal })
    const reason = new Error('changed my mind')
    await begun(bridge, 'heeds()')
    controller.abort(reason)
    expect(bridge.calls).toMatchObject([{ method: 'heeds', state: 'cancelling' }])
    expect(await failure(call)).toBe(reason)
    expect((await events.next()).value).toMatchObject({
      name: 'cancelled',
      value: 'Error: changed my mind',
      method: 'heeds',
    })
    expect(await bridge.call('thread', [])).toBe(thread)
    expect(bridge.counts).toMatchObject({ cancelled: 1, done: 2 })
  })

  test('a handler that never gives the event loop back sees it all the same', async () => {
    const { bridge } = openBridge({ cancelGrace: 5_000 })
    const events = bridge.events()
    const controller = new AbortController()
    const call = bridge.call('polls', [], { signal: controller.signal })
    await begun(bridge, 'polls()')
    controller.abort()
    expect(await failure(call)).toMatchObject({ name: 'AbortError' })
    expect(await bridge.call('echo', ['next'])).toBe('next')
    expect(bridge.threads[0]?.path).toBe('/app/bridge/thread-1/1')
    await events.return?.()
  })

  test('the listener on the signal goes when the call is over', async () => {
    const { bridge } = openBridge()
    const { signal } = new AbortController()
    const call = bridge.call('echo', [1], { signal })
    expect(listeners(signal)['abort']).toBe(1)
    await call
    expect(listeners(signal)['abort']).toBe(0)
    await failure(bridge.call('fails', ['x'], { signal }))
    expect(listeners(signal)['abort']).toBe(0)
  })

  test('nothing lands on a thread that still cleans up', async () => {
    const { bridge } = openBridge()
    const events = bridge.events()
    await bridge.ready()
    const controller = new AbortController()
    const call = bridge.call('cleansUp', [50], { signal: controller.signal })
    await begun(bridge, 'cleansUp(50)')
    controller.abort()
    await failure(call)
    const next = bridge.call('echo', ['next'])
    expect(bridge.calls.map(({ method, state }) => `${method} ${state}`)).toEqual([
      'echo queued',
      'cleansUp cancelling',
    ])
    expect((await events.next()).value).toMatchObject({ name: 'clean' })
    expect(await next).toBe('next')
  })

  test('one that does not heed it goes with its thread; its neighbours may be tried again, and who had not begun runs elsewhere', async () => {
    const { bridge } = openBridge({ maxInFlight: 3, cancelGrace: 50 })
    await bridge.ready()
    const neighbour = bridge.call('hangs', [])
    const controller = new AbortController()
    const victim = bridge.call('spin', [], { signal: controller.signal })
    const behind = bridge.call('echo', ['behind'])
    await begun(bridge, 'spin()')
    controller.abort(new Error('enough'))
    expect(await failure(victim)).toMatchObject({ message: 'enough' })
    const lost = await failure(neighbour)
    expect(lost).toMatchObject({ code: 'ERR_WORKER_LOST', retriable: true, method: 'hangs' })
    expect(lost.message).toContain("'spin' did not heed that it was cancelled")
    expect(await behind).toBe('behind')
    expect(bridge.threads[0]?.path).toBe('/app/bridge/thread-1/2')
    expect(bridge.counts).toMatchObject({ cancelled: 1, lost: 1, retried: 1, done: 1 })
  })
})

describe('times', () => {
  test('the time of a call counts from the moment on that it is sent to a thread', async () => {
    const { bridge } = openBridge({ taskTimeout: 500 })
    await bridge.ready()
    const all = Array.from({ length: 4 }, () => bridge.call('sleep', [200]))
    expect(await Promise.all(all)).toEqual([200, 200, 200, 200])
  })

  test('one that takes too long rejects, and is cancelled', async () => {
    const { bridge } = openBridge({ taskTimeout: 400 })
    const events = bridge.events()
    await bridge.ready()
    const failed = failure(bridge.call('heeds', []))
    await begun(bridge, 'heeds()')
    const error = await failed
    expect(error).toMatchObject({ name: 'TimeoutError', code: 'ERR_TIMEOUT', path: '/app/bridge', timeout: 400 })
    expect(error.message).toContain("The call of 'heeds' is cancelled")
    expect((await events.next()).value).toMatchObject({ name: 'cancelled' })
    expect(await bridge.call('sleep', [450], { timeout: 5_000 })).toBe(450)
    expect(await bridge.call('sleep', [450], { timeout: Number.POSITIVE_INFINITY })).toBe(450)
    expect(bridge.counts.timedOut).toBe(1)
  })

  test('one that waits too long never runs', async () => {
    const { bridge } = openBridge({ queueTimeout: 30 })
    await bridge.ready()
    const running = bridge.call('sleep', [120])
    const error = await failure(bridge.call('exits', [1]))
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', timeout: 30 })
    expect(error.message).toContain('waited for a thread')
    expect(await running).toBe(120)
    expect(await bridge.call('echo', ['lives'])).toBe('lives')
  })
})

describe('a main thread that was held up', () => {
  test('takes the answers that have come meanwhile for what they are', async () => {
    const { bridge } = openBridge({ taskTimeout: 100 })
    await bridge.ready()
    const call = bridge.call('sleep', [20])
    const stream = bridge.stream('count', [40], { window: 10 })
    await Promise.resolve()
    hold(300)
    expect(await call).toBe(20)
    await stream.next()
    hold(300)
    expect(await all(stream)).toHaveLength(39)
  })

  test('does not end a thread whose call has let go', async () => {
    const { bridge } = openBridge({ cancelGrace: 100 })
    const thread = await bridge.call('thread', [])
    const call = failure(bridge.call('cleansUp', [20], { signal: AbortSignal.timeout(50) }))
    expect(await call).toMatchObject({ name: 'TimeoutError' })
    // Here timers come before messages.
    await setImmediate()
    hold(300)
    expect(await bridge.call('thread', [])).toBe(thread)
  })
})

describe('threads that end', () => {
  test.each([0, 1])('process.exit(%i) in a call rejects that call, and the next gets another thread', async (code) => {
    const { bridge } = openBridge()
    const before = await bridge.call('thread', [])
    const error = await failure(bridge.call('exits', [code]))
    expect(error).toMatchObject({ name: 'BridgeError', code: 'ERR_WORKER_LOST', retriable: false, method: 'exits' })
    expect(error.message).toContain(`exited with code ${code}`)
    expect(await bridge.call('thread', [])).not.toBe(before)
    expect(bridge.counts).toMatchObject({ lost: 1, done: 2 })
  })

  test('what is thrown where nobody hears it rejects the calls that run, and is published', async () => {
    const { bridge, events } = openBridge({ maxInFlight: 2 })
    const [hangs, strays] = await Promise.all([
      failure(bridge.call('hangs', [])),
      failure(bridge.call('strays', ['oops'])),
    ])
    for (const error of [hangs, strays]) expect(error).toMatchObject({ code: 'ERR_WORKER_LOST', retriable: true })
    expect(strays.cause).toMatchObject({ message: 'oops' })
    expect(await bridge.call('echo', [1])).toBe(1)
    expect(events.filter(({ type }) => type === 'resource.error')).toMatchObject([{ error: { message: 'oops' } }])
  })

  test('the same without any call is no uncaught error here', async () => {
    const { bridge, events } = openBridge()
    expect(await bridge.call('late', ['later', 20])).toBe('later')
    await until('it is published', () => events.some(({ type }) => type === 'resource.error'))
    expect(await bridge.call('echo', [1])).toBe(1)
    expect(bridge.counts.lost).toBe(0)
  })

  test('a thread that somebody terminates is lost like any other', async () => {
    const { bridge } = openBridge({ threads: { min: 1 } })
    await bridge.ready()
    const call = bridge.call('hangs', [])
    const [thread] = bridge.threads
    await begun(bridge, 'hangs()')
    await thread?.worker.terminate()
    expect(await failure(call)).toMatchObject({ code: 'ERR_WORKER_LOST' })
    expect(await bridge.call('echo', [1])).toBe(1)
  })

  test('whoever terminates a thread can say why', async () => {
    const { bridge } = openBridge({ threads: { min: 1 } })
    const call = failure(bridge.call('hangs', []))
    await begun(bridge, 'hangs()')
    const { worker } = bridge.threads[0] as BridgeThread
    const report = new Error('hung')
    ownerOf(worker)?.condemned('it was of no use', report)
    const cause = { message: 'It was terminated: it was of no use.', cause: report }
    expect(await call).toMatchObject({ code: 'ERR_WORKER_LOST', cause })
    expect(await bridge.call('echo', [1])).toBe(1)
  })

  test('one that is terminated before its file runs is followed by another', async () => {
    const { bridge } = openBridge({ threads: { min: 1 } })
    await bridge.threads[0]?.worker.terminate()
    expect(await bridge.call('echo', [1])).toBe(1)
  })

  test('one that is blocked outside of its calls goes with the first that it does not begin', async () => {
    const { bridge } = openBridge({ cancelGrace: 50 })
    const events = bridge.events()
    await bridge.call('freezes', [])
    expect((await events.next()).value).toMatchObject({ name: 'frozen' })
    expect(await failure(bridge.call('echo', [1], { timeout: 50 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(await bridge.call('echo', [2])).toBe(2)
  })

  test('a thread without memory rejects its call with what Node says', async () => {
    const { bridge } = openBridge({ worker: { resourceLimits: { maxOldGenerationSizeMb: 24 } } })
    const error = await failure(bridge.call('grows', []))
    expect(error).toMatchObject({ code: 'ERR_WORKER_LOST', cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' } })
    expect(await bridge.call('echo', [1])).toBe(1)
  })

  test('its last words are in the error', async () => {
    const { bridge } = openBridge()
    await bridge.call('print', ['about to go'])
    await until('it is heard', () => bridge.threads[0]?.lastWords.length === 2)
    const { message } = await failure(bridge.call('exits', [7]))
    expect(message).toContain('about to go!')
  })

  test('one that ends too often is given up, and then everything rejects with the cause', async () => {
    const { bridge, events } = openBridge({ intensity: { max: 1 } })
    await failure(bridge.call('exits', [1]))
    await failure(bridge.call('exits', [2]))
    const error = await failure(bridge.call('echo', [1]))
    expect(error).toMatchObject({ code: 'ERR_GAVE_UP', cause: { code: 'ERR_EXITED' } })
    expect(bridge.state).toBe('failed')
    expect(await failure(bridge.ready())).toMatchObject({ code: 'ERR_GAVE_UP' })
    expect(await failure(bridge.room())).toMatchObject({ code: 'ERR_GAVE_UP' })
    expect(events.some(({ type, state }) => type === 'supervised.changed' && state === 'failed')).toBe(true)
  })
})

describe("files that can't serve", () => {
  const folder = mkdtempSync(join(tmpdir(), 'endswell-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const fileOf = (text: string): string => {
    const file = join(folder, `${crypto.randomUUID()}.mjs`)
    writeFileSync(file, text)
    return file
  }
  const options = { intensity: { max: 1 } }

  test.each([
    ['does not exist', undefined, { code: 'MODULE_NOT_FOUND' }],
    ['imports what does not exist', "import './nowhere.mjs'", { code: 'ERR_MODULE_NOT_FOUND' }],
    ['does not parse', 'let = 1 +', { name: 'SyntaxError' }],
    ['throws while it is loaded', "throw new Error('at load')", { message: 'at load' }],
    ['forgets to serve, and ends', 'let a = 1', { message: expect.stringContaining('serve()') }],
    ['exits while it is loaded', 'process.exit(1)', { code: 'ERR_EXITED' }],
    [
      'forgets to serve, and stays',
      'setInterval(() => {}, 1000)',
      { name: 'TimeoutError', message: expect.stringContaining('serve()') },
    ],
  ])('a file that %s: calls and ready reject at once with the cause', async (what, text, cause) => {
    const file = text === undefined ? join(folder, 'absent.mjs') : fileOf(text)
    const { bridge, events, life } = openBridge(
      { ...options, readyTimeout: what.endsWith('stays') ? 300 : 10_000 },
      `file://${file}`,
    )
    const ready = failure(bridge.ready())
    expect(await failure(bridge.call('echo', [1]))).toMatchObject({ code: 'ERR_GAVE_UP', method: 'echo', cause })
    expect(await ready).toMatchObject({ code: 'ERR_GAVE_UP', cause })
    expect(events.filter(({ state }) => state === 'starting')).toHaveLength(1)
    expect((await life.close()).counts.abandoned).toBe(0)
  })

  test('a path that Node does not take is no endless try', async () => {
    const life = new Lifecycle('app') as never
    const bridge = new WorkerBridge(life, 'worker.js')
    expect(await failure(bridge.ready())).toMatchObject({ code: 'ERR_GAVE_UP', cause: { code: 'ERR_WORKER_PATH' } })
  })

  test('ready that nobody waits for is no unhandled rejection', async () => {
    const { bridge } = openBridge(options, `file://${fileOf('throw 1')}`)
    void bridge.ready()
    await until('it has failed', () => bridge.state === 'failed')
  })
})

describe('while what is around it closes', () => {
  test.each([
    ['one without threads', { min: 0, max: 2 }],
    ['one with fewer threads than calls', { min: 1, max: 4 }],
    ['one whose only thread ends', { min: 1 }],
  ])('a bridge does what it is called to do until it is its turn: %s', async (_, threads) => {
    const { bridge, life } = openBridge({ threads })
    const results = Promise.withResolvers<unknown[]>()
    life.defer(async () => {
      const calls = [bridge.call('exits', [3]), bridge.call('echo', [1]), bridge.call('sleep', [10])]
      results.resolve(Promise.all(calls.map((call) => call.catch(({ code }) => code))))
      await results.promise
    })
    const { counts } = await life.close()
    expect(await results.promise).toEqual(['ERR_WORKER_LOST', 1, 10])
    expect(counts).toMatchObject({ forced: 0, abandoned: 0 })
  })
})

describe('closing', () => {
  test('what runs and what waits is finished, and new calls are refused', async () => {
    const { bridge, life } = openBridge()
    await bridge.ready()
    const calls = [bridge.call('sleep', [30]), bridge.call('echo', ['waits'])]
    const closing = bridge.close()
    expect(bridge.state).toBe('closing')
    const error = await failure(bridge.call('echo', [1]))
    expect(error).toMatchObject({ name: 'ReferenceError', code: 'ERR_CLOSED' })
    expect(bridge.close()).toBe(closing)
    expect(await closing).toEqual({ drained: 2, cancelled: 0, dropped: 0, abandoned: 0 })
    expect(await Promise.all(calls)).toEqual([30, 'waits'])
    expect(bridge.state).toBe('closed')
    expect(bridge.threads).toEqual([])
    expect(life.snapshot().size).toBe(0)
    expect(await failure(bridge.ready())).toMatchObject({ code: 'ERR_CLOSED' })
  })

  test('when the grace is over, what waits is dropped and what runs is cancelled', async () => {
    const { bridge } = openBridge({ grace: 30 })
    await bridge.ready()
    const running = failure(bridge.call('heeds', []))
    const waiting = failure(bridge.call('echo', [1]))
    expect(await bridge.close()).toEqual({ drained: 0, cancelled: 1, dropped: 1, abandoned: 0 })
    for (const error of [await running, await waiting])
      expect(error).toMatchObject({ name: 'BridgeError', code: 'ERR_ABORTED', retriable: false })
  })

  test('a second call can shorten the grace', async () => {
    const { bridge } = openBridge({ grace: 20_000 })
    await bridge.ready()
    const running = failure(bridge.call('hangs', []))
    const closing = bridge.close()
    expect(bridge.close({ grace: 10 })).toBe(closing)
    expect(await closing).toMatchObject({ cancelled: 1 })
    expect(await running).toMatchObject({ code: 'ERR_ABORTED' })
  })

  test('the closing of its lifecycle does the same, and the report tells of it', async () => {
    const { bridge, life } = openBridge({ grace: 30, cancelGrace: 30 })
    await bridge.ready()
    const done = bridge.call('echo', [1])
    const running = failure(bridge.call('spin', []))
    const waiting = failure(bridge.call('echo', [2]))
    await begun(bridge, 'spin()')
    const report = await life.close()
    expect(await done).toBe(1)
    for (const error of [await running, await waiting]) expect(error).toMatchObject({ code: 'ERR_ABORTED' })
    expect(report.rows).toContainEqual(
      expect.objectContaining({
        path: '/app/bridge/calls',
        kind: 'calls',
        outcome: 'forced',
        note: 'drained 0, cancelled 1, dropped 1',
      }),
    )
    expect(report.rows).toContainEqual(
      expect.objectContaining({
        path: '/app/bridge/thread-1/1/worker',
        note: expect.stringContaining("'spin' did not heed"),
      }),
    )
    expect(report.counts.abandoned).toBe(0)
  })

  test('forced, all of it ends at once', async () => {
    const { bridge, life } = openBridge({ maxInFlight: 2 })
    await bridge.ready()
    const calls = [bridge.call('spin', []), bridge.call('hangs', []), bridge.call('echo', [1])].map(failure)
    await life.close({ force: true })
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: 'ERR_ABORTED' })
    expect(bridge.counts).toMatchObject({ queued: 0, running: 0 })
  })

  test('closed before its threads serve, it ends soon, and the calls that wait are made first', async () => {
    const { bridge } = openBridge()
    const call = bridge.call('echo', ['in time'])
    expect(await bridge.close()).toMatchObject({ drained: 1 })
    expect(await call).toBe('in time')
  })

  test('what a thread wants to end it ends', async () => {
    const lines: string[] = []
    const { bridge } = openBridge({ output: (line) => lines.push(line), worker: { workerData: 'tells' } })
    await bridge.ready()
    await bridge.close()
    expect(lines).toEqual(['teardown'])
  })

  test('in a closed lifecycle none is opened', async () => {
    const life = new Lifecycle('app')
    await life.close()
    expect(() => new WorkerBridge(life, './worker.js')).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
  })
})

describe('the number of threads', () => {
  test('there are more when calls wait, up to the limit, and again fewer when they have nothing to do', async () => {
    const { bridge } = openBridge({ threads: { min: 1, max: 3 }, idleTimeout: 50 })
    await bridge.ready()
    const calls = Array.from({ length: 16 }, () => bridge.call('sleep', [200]))
    await until('there are three', () => bridge.threads.filter(({ state }) => state === 'ready').length === 3)
    await Promise.all(calls)
    expect(bridge.threads.length).toBeLessThanOrEqual(3)
    await until('one is left', () => bridge.threads.length === 1)
    expect(await bridge.call('echo', [1])).toBe(1)
    expect(bridge.counts.lost).toBe(0)
  })

  test('it may have none until there is a call', async () => {
    const { bridge } = openBridge({ threads: { min: 0, max: 1 }, idleTimeout: 20 })
    await bridge.ready()
    expect(bridge.threads).toEqual([])
    expect(await bridge.call('echo', [1])).toBe(1)
    await until('none is left', () => bridge.threads.length === 0)
    expect(await bridge.call('echo', [2])).toBe(2)
  })
})

describe('replacing a thread', () => {
  test('another one serves before the old one ends, whose calls finish first', async () => {
    const { bridge, events } = openBridge()
    await bridge.ready()
    const [old] = bridge.threads
    if (old === undefined) throw new Error('no thread')
    const call = bridge.call('sleep', [1_500])
    const replacing = bridge.recycle(old, { reason: 'worn out' })
    expect(bridge.recycle(old)).toBe(replacing)
    await until('both are there', () => bridge.threads.some(({ state }) => state === 'draining'))
    expect(bridge.threads.map(({ state }) => state)).toEqual(['draining', 'ready'])
    expect(await bridge.call('thread', [])).not.toBe(old.threadId)
    await replacing
    expect(await call).toBe(1_500)
    expect(bridge.threads.map(({ path }) => path)).toEqual(['/app/bridge/thread-2/1'])
    expect(events.filter(({ type }) => type === 'worker.recycled')).toMatchObject([
      { path: '/app/bridge/thread-1/1', reason: 'worn out', kind: 'thread' },
    ])
    await bridge.recycle(old)
    expect(bridge.threads).toHaveLength(1)
  })

  test('calls that take too long are cancelled, and may be tried again', async () => {
    const { bridge } = openBridge({ cancelGrace: 20 })
    await bridge.ready()
    const call = failure(bridge.call('hangs', []))
    await bridge.recycle(bridge.threads[0] as never, { drain: 20 })
    expect(await call).toMatchObject({ code: 'ERR_ABORTED', retriable: true })
    expect(await bridge.call('echo', [1])).toBe(1)
  })

  test('what is no thread of it is refused', () => {
    const { bridge } = openBridge()
    expect(() => bridge.recycle({} as never)).toThrow(TypeError)
  })
})

describe('streams and events', () => {
  test('values come one by one, and at the end the call is done', async () => {
    const { bridge } = openBridge()
    expect(await all(bridge.stream('count', [50], { window: 3 }))).toEqual(Array.from({ length: 50 }, (_, at) => at))
    expect(bridge.counts.done).toBe(1)
  })

  test('whoever leaves the loop cancels the call', async () => {
    const { bridge } = openBridge()
    const events = bridge.events()
    const got: number[] = []
    for await (const value of bridge.stream('endless', [])) if (got.push(value) === 5) break
    expect(got).toEqual([0, 1, 2, 3, 4])
    expect((await events.next()).value).toMatchObject({ name: 'left' })
    expect(await bridge.call('echo', [1])).toBe(1)
    expect(bridge.counts.cancelled).toBe(1)
  })

  test('what the generator throws comes after its values', async () => {
    const { bridge } = openBridge()
    const got: number[] = []
    const read = async () => {
      for await (const value of bridge.stream('falters', [3])) got.push(value)
    }
    expect(await failure(read())).toMatchObject({ message: 'faltered' })
    expect(got).toEqual([0, 1, 2])
  })

  test('the time counts from one value to the next, and not while the consumer takes its time', async () => {
    const { bridge } = openBridge({ cancelGrace: 20 })
    await bridge.ready()
    const slow = bridge.stream('endless', [], { timeout: 300, window: 2 })
    for (let at = 0; at < 2; at += 1) {
      await slow.next()
      await sleep(500)
    }
    expect(await slow.next()).toEqual({ value: 2, done: false })
    await slow.return?.()
    const stalls = bridge.stream('stalls', [], { timeout: 300 })
    expect(await stalls.next()).toEqual({ value: 1, done: false })
    expect(await failure(stalls.next())).toMatchObject({ code: 'ERR_TIMEOUT' })
  })

  test('a stream ends with its signal, with its thread, and with its bridge', async () => {
    const { bridge } = openBridge({ maxInFlight: 2, grace: 20 })
    const controller = new AbortController()
    const aborted = bridge.stream('stalls', [], { signal: controller.signal })
    await aborted.next()
    controller.abort(new Error('enough'))
    expect(await failure(aborted.next())).toMatchObject({ message: 'enough' })
    const lost = bridge.stream('stalls', [])
    await lost.next()
    void failure(bridge.call('exits', [1]))
    expect(await failure(lost.next())).toMatchObject({ code: 'ERR_WORKER_LOST' })
    const closed = bridge.stream('stalls', [])
    await closed.next()
    const closing = bridge.close()
    expect(await failure(closed.next())).toMatchObject({ code: 'ERR_ABORTED' })
    await closing
  })

  test('an event has a name, or whoever tells it is told so', async () => {
    const { bridge } = openBridge()
    for (const name of [undefined, 3, {}])
      expect(await failure(bridge.call('misnames', [name]))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(bridge.counts).toMatchObject({ failed: 3, lost: 0 })
  })

  test('events end with the bridge, after what waits', async () => {
    const { bridge } = openBridge()
    const events = bridge.events()
    await bridge.ready()
    const failed = failure(bridge.call('heeds', [], { timeout: 300 }))
    await begun(bridge, 'heeds()')
    await failed
    await until('it has come', () => bridge.calls.length === 0)
    await bridge.close()
    expect((await all(events)).map(({ name }) => name)).toEqual(['cancelled'])
  })
})

describe('output', () => {
  test('lines go to a function, and what that throws is published', async () => {
    const lines: string[] = []
    const { bridge, events } = openBridge({
      output(line, from) {
        lines.push(`${from}: ${line}`)
        if (from === 'stderr') throw new Error('no room')
      },
    })
    await bridge.call('print', ['hello'])
    await until('both are there', () => lines.length === 2)
    expect(lines.toSorted()).toEqual(['stderr: hello!', 'stdout: hello'])
    expect(events).toContainEqual(expect.objectContaining({ type: 'resource.error', error: new Error('no room') }))
  })
})

describe('arguments', () => {
  test.each([
    [{ maxInFlight: 0 }, RangeError],
    [{ maxQueue: -1 }, RangeError],
    [{ threads: { min: 3, max: 2 } }, RangeError],
    [{ threads: { most: 2 } }, TypeError],
    [{ overflow: 'drop' }, RangeError],
    [{ taskTimeout: Number.NaN }, RangeError],
    [{ queueTimeout: '5' }, TypeError],
    [{ grace: Number.POSITIVE_INFINITY }, RangeError],
    [{ terminateTimeout: 10 }, RangeError],
    [{ pressure: { high: 2 } }, RangeError],
    [{ pressure: { high: 0.1, low: 0.2 } }, RangeError],
    [{ output: 1 }, RangeError],
    [{ worker: { stdout: true } }, RangeError],
    [{ maxThreads: 2 }, TypeError],
    [{ name: 'a/b' }, RangeError],
    [{ backoff: { first: -1 } }, RangeError],
  ])('a bridge with %o is refused, and nothing is opened', (options, error) => {
    const life = new Lifecycle('app')
    expect(() => new WorkerBridge(life, './worker.js', options as never)).toThrow(error)
    expect(life.snapshot().size).toBe(0)
  })

  test.each([
    [['echo', 'no list'], TypeError],
    [[1, []], TypeError],
    [['echo', [], { timeout: -1 }], RangeError],
    [['echo', [], { priority: Number.NaN }], RangeError],
    [['echo', [], { signal: {} }], TypeError],
    [['echo', [], { retry: 1 }], TypeError],
    [['echo', [], { transfer: 1 }], TypeError],
  ])('a call with %o throws at once', (args, error) => {
    const { bridge } = openBridge({ threads: { min: 0 } })
    expect(() => bridge.call(...(args as unknown as ['echo', [1]]))).toThrow(error)
  })
})

test('one that is released by its lifecycle ends as by close', async () => {
  const { bridge, life } = openBridge()
  await bridge.ready()
  const [thread] = bridge.threads
  const exit = once(thread?.worker as never, 'exit')
  await life.release('bridge')
  await exit
  expect(bridge.state).toBe('closed')
})
