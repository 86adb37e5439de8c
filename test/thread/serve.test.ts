import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Lifecycle } from '../../src/index.ts'
import { type Call, serve } from '../../src/thread/serve.ts'
import { transfer } from '../../src/thread/transfer.ts'
import { Caller, exitOf, startCaller } from '../fixtures/serving/caller.ts'
import { until } from '../fixtures/until.ts'

/** The source of a worker that serves in a way of its own. */
const serving = new URL('../../src/thread/serve.ts', import.meta.url).href

describe('serve', () => {
  test('refuses what it cannot serve', () => {
    expect(() => serve(null as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
    expect(() => serve({})).toThrow('handlers must be an object with functions')
    expect(() => serve({ a: 1 } as never)).toThrow('handlers must be an object with functions')
    expect(() => serve({ a() {} }, { tearDown() {} } as never)).toThrow("Did you mean 'teardown'?")
    expect(() => serve({ a() {} }, { teardown: 1 as never })).toThrow('options.teardown must be a function')
  })

  test('refuses to serve outside of a worker', () => {
    expect(() => serve({ a() {} })).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_MISPLACED' }))
  })

  test('refuses to serve twice in a thread', async () => {
    const source = `const { serve } = await import(${JSON.stringify(serving)})
      serve({ a() {} })
      serve({ b() {} })`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
    const [error] = await once(worker, 'error')
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_MISPLACED' })
  })

  test('serves own functions only, under their names', async () => {
    const source = `const { serve } = await import(${JSON.stringify(serving)})
      serve(Object.assign(Object.create({ inherited() {} }), { own() {}, text: 'x', other: async () => {} }))`
    const caller = new Caller(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
    onTestFinished(async () => void (await caller.worker.terminate()))
    await until('it serves', () => caller.methods !== undefined)
    expect(caller.methods).toEqual(['own', 'other'])
  })

  test('waits in a thread that no bridge has started, and ends when it is asked to', async () => {
    const source = `const { serve } = await import(${JSON.stringify(serving)})
      const { parentPort } = await import('node:worker_threads')
      serve({ a() {} }, { teardown: () => parentPort.postMessage('torn down') })
      parentPort.postMessage('serves')`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
    onTestFinished(async () => void (await worker.terminate()))
    const heard: unknown[] = []
    worker.on('message', (message) => heard.push(message))
    await until('it serves', () => heard.includes('serves'))
    await using life = new Lifecycle('life')
    life.use(worker)
    const { counts } = await life.close()
    expect(counts).toMatchObject({ closed: 1, forced: 0, failed: 0 })
    expect(heard).toEqual(['serves', 'torn down'])
  })

  test('leaves the other messages of its port alone', async () => {
    const source = `const { serve } = await import(${JSON.stringify(serving)})
      const { parentPort } = await import('node:worker_threads')
      parentPort.on('message', (message) => parentPort.postMessage(message))
      serve({ a() {} })`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
    onTestFinished(async () => void (await worker.terminate()))
    for (const message of ['hello', null, { type: 'mine' }]) {
      worker.postMessage(message)
      expect(await once(worker, 'message')).toEqual([message])
    }
  })

  test('takes handlers that say what this is, and those that leave it open', () => {
    const handlers = {
      one(this: Call, a: number) {
        return this.cancelled ? a : 0
      },
    }
    expect(() => serve(handlers)).toThrow('serve() answers calls in a worker')
    expect(() =>
      serve({
        two: (a: string) => a,
        three() {
          return this.method
        },
      }),
    ).toThrow('in a worker')
  })
})

describe('what a call throws', () => {
  test('comes as it is, also where it is no error, and whether it is thrown or rejected', async () => {
    const caller = await startCaller()
    const all = { null: null, undefined, number: 3, text: 'x', object: { a: [1, 2] } }
    for (const method of ['throw', 'reject']) {
      for (const [what, thrown] of Object.entries(all)) expect(await caller.call(method, [what])).toEqual({ thrown })
    }
  })

  test('keeps message, stack, class and properties', async () => {
    const caller = await startCaller()
    expect(await caller.call('throw', ['error'])).toMatchObject({
      thrown: {
        name: 'TypeError',
        message: 'wrong',
        cause: { message: 'because' },
        stack: expect.stringContaining('worker.ts'),
      },
    })
    expect(await caller.call('throw', ['own'])).toMatchObject({
      thrown: { name: 'PaymentError', code: 'E_PAYMENT', amount: 42 },
    })
    expect(await caller.call('reject', ['aggregate'])).toMatchObject({ thrown: { errors: [{ message: 'one' }, 2] } })
    expect(await caller.call('reject', ['abort'])).toMatchObject({ thrown: { name: 'AbortError' } })
    expect(await caller.call('throw', ['socket'])).toMatchObject({ thrown: { code: 'ECONNREFUSED' } })
  })

  test('and cannot be sent comes as an error that says so, and shows it', async () => {
    const caller = await startCaller()
    for (const [what, shown] of [
      ['function', '[Function: mine]'],
      ['symbol', 'Symbol(mine)'],
    ] as const) {
      const { refusal } = (await caller.call('throw', [what])) as { refusal: { code: string; message: string } }
      expect(refusal.code).toBe('ERR_UNCLONEABLE')
      expect(refusal.message).toContain('What throw() threw')
      expect(refusal.message).toContain(shown)
    }
    const { thrown } = (await caller.call('throw', ['nasty'])) as { thrown: Error }
    expect(thrown.message).toContain('do not look')
  })
})

describe('a thread that is asked to end', () => {
  /** Ends the thread as a lifecycle does, and tells how that went. */
  async function end(caller: Awaited<ReturnType<typeof startCaller>>, grace: number) {
    const life = new Lifecycle('life')
    life.use(caller.worker, { name: 'thread', grace })
    caller.worker.on('error', () => {})
    const exit = exitOf(caller)
    const report = await life.close()
    await exit
    caller.end.drain()
    return { outcome: report.rows.find(({ path }) => path === '/life/thread')?.outcome, ms: report.ms }
  }

  const names = (caller: Awaited<ReturnType<typeof startCaller>>) => caller.events.map(({ name }) => name)

  test('tears down once, when its signal has aborted, and exits although it has something to do', async () => {
    const caller = await startCaller()
    expect(await end(caller, 5_000)).toMatchObject({ outcome: 'closed' })
    expect(caller.events).toEqual([{ seq: 0, name: 'teardown', value: true }])
  })

  test('asked twice tears down once', async () => {
    const caller = await startCaller({ teardown: 'waits' })
    const lives = ['one', 'two'].map((name) => new Lifecycle(name))
    for (const life of lives) life.use(caller.worker, { grace: 2_000 })
    const exit = exitOf(caller)
    await Promise.all(lives.map((life) => life.close()))
    await exit
    caller.end.drain()
    expect(names(caller)).toEqual(['teardown', 'late'])
  })

  test('cancels its calls before it tears down, and their answers come', async () => {
    const caller = await startCaller()
    const call = caller.call('untilAborted')
    await caller.heard('waiting')
    expect(await end(caller, 5_000)).toMatchObject({ outcome: 'closed' })
    expect(await call).toMatchObject({ value: { name: 'AbortError' } })
    expect(names(caller)).toEqual(['waiting', 'teardown'])
  })

  test('tears down in time although a call does not listen', async () => {
    const caller = await startCaller()
    void caller.call('deaf')
    await caller.call('inc', [1])
    expect(await end(caller, 500)).toMatchObject({ outcome: 'closed' })
    expect(names(caller)).toEqual(['teardown'])
  })

  test('tells its teardown when time is nearly up', async () => {
    const caller = await startCaller({ teardown: 'waits' })
    expect(await end(caller, 2_000)).toMatchObject({ outcome: 'closed' })
    expect(names(caller)).toEqual(['teardown', 'late'])
  })

  test('has failed where its teardown throws', async () => {
    const caller = await startCaller({ teardown: 'throws' })
    expect(await end(caller, 5_000)).toMatchObject({ outcome: 'failed' })
  })

  test('answers and ends although its code has overwritten what others need', async () => {
    const caller = await startCaller()
    expect(await caller.call('overwrite')).toEqual({ value: 'overwritten' })
    expect(await caller.call('inc', [1])).toEqual({ value: 2 })
    expect(await caller.call('later', [1])).toEqual({ value: 2 })
    expect(await caller.stream('slowCount', [3], 4)).toEqual({ value: undefined })
    expect(await end(caller, 1_000)).toMatchObject({ outcome: 'closed' })
  })
})

describe('transfer', () => {
  test('moves what a result holds', async () => {
    const caller = await startCaller()
    expect(await caller.call('move', [16])).toMatchObject({ value: { byteLength: 16 } })
  })

  test('refuses a list that is none', () => {
    expect(() => transfer(1, undefined as never)).toThrow('list must be an array of what is to be moved')
  })
})
