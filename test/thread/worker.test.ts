import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import threads, { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { worker } from '../../src/thread/worker.ts'
import { TestContext } from '../fixtures/context.ts'
import { listeners } from '../fixtures/listeners.ts'
import { startStuckWorker, startWorker } from '../fixtures/threads.ts'
import type { Mode } from '../fixtures/worker.ts'

const { close, force, isGone, onGone, describe: tell, matches } = worker

const settles = (promise: unknown, within: number) =>
  Promise.race([Promise.resolve(promise).then(() => true), sleep(within, false)])

afterEach(() => {
  vi.restoreAllMocks()
})

describe('close', () => {
  test.each(['exits', 'quiet'] satisfies Mode[])('asks a worker to end and waits for its exit (%s)', async (mode) => {
    const thread = await startWorker(mode)
    const terminate = vi.spyOn(thread, 'terminate')
    const told = new TestContext()
    await close(thread, told)
    expect(isGone?.(thread)).toBe(true)
    expect(terminate).not.toHaveBeenCalled()
    expect(told.notes).toEqual([])
  })

  test('says what it wants and how long there is', async () => {
    const thread = await startWorker('quiet')
    const heard = once(thread, 'message')
    await close(thread, new TestContext({ grace: 1_234 }))
    expect(await heard).toEqual([{ type: 'endswell:close', grace: 1_234 }])
  })

  test('notes an exit code of its own', async () => {
    const thread = await startWorker('status')
    const told = new TestContext()
    await close(thread, told)
    expect(told.notes).toEqual(['exit code 3'])
  })

  test('terminates a worker where nobody listens', async () => {
    const thread = await startWorker('deaf')
    const told = new TestContext()
    await close(thread, told)
    expect(isGone?.(thread)).toBe(true)
    expect(told.notes).toEqual([])
  })

  test('terminates where Node has no messages between threads', async () => {
    const thread = await startWorker('ignores')
    const { postMessageToThread } = threads
    Object.assign(threads, { postMessageToThread: undefined })
    onTestFinished(() => void Object.assign(threads, { postMessageToThread }))
    await close(thread, new TestContext())
    expect(isGone?.(thread)).toBe(true)
  })

  test('rejects with what the worker threw when it was asked', async () => {
    const thread = await startWorker('throws')
    await expect(close(thread, new TestContext())).rejects.toMatchObject({ code: 'ERR_WORKER_MESSAGING_ERRORED' })
    expect(isGone?.(thread)).toBe(true)
  })

  test('rejects with the very error that ended the worker, which its own listener gets as well', async () => {
    const thread = await startWorker('rejects')
    const seen = once(thread, 'error')
    const told = new TestContext()
    const closing = close(thread, told)
    const [error] = await seen
    expect(error.message).toBe('rejected by the listener')
    await expect(closing).rejects.toBe(error)
    expect(told.notes).toEqual([])
  })

  test('does not handle an error event', async () => {
    const thread = await startWorker('ignores')
    const closing = close(thread, new TestContext())
    onGone?.(thread, () => {})
    expect(thread.listenerCount('error')).toBe(0)
    expect(() => thread.emit('error', new Error('nobody listens'))).toThrow('nobody listens')
    await thread.terminate()
    await expect(closing).rejects.toThrow('nobody listens')
  })

  test.each(['ignores', 'busy'] satisfies Mode[])(
    'waits for a worker that does not end, until it is forced (%s)',
    async (mode) => {
      const thread = await startWorker(mode)
      const before = listeners(thread)
      const told = new TestContext({ grace: 100 })
      const closing = close(thread, told)
      expect(await settles(closing, 120)).toBe(false)
      told.graceOver()
      expect(listeners(thread)).toEqual(before)
      await force?.(thread, told)
      expect(isGone?.(thread)).toBe(true)
      expect(await settles(closing, 10)).toBe(false)
    },
  )

  test('does nothing to a worker that has exited', async () => {
    const thread = await startWorker('brief')
    if (thread.threadId !== -1) await once(thread, 'exit')
    await close(thread, new TestContext())
    await force?.(thread, new TestContext())
    expect(isGone?.(thread)).toBe(true)
  })

  test('asks a worker that is still starting', async () => {
    const thread = new Worker("process.on('workerMessage', () => process.exit(5)); setInterval(() => {}, 1000)", {
      eval: true,
    })
    const told = new TestContext()
    await close(thread, told)
    expect(told.notes).toEqual(['exit code 5'])
  })
})

test('a thread stuck in native code is not gone before it comes back', async () => {
  const { thread, release } = await startStuckWorker()
  const forcing = force?.(thread, new TestContext())
  expect(await settles(forcing, 100)).toBe(false)
  expect(isGone?.(thread)).toBe(false)
  release()
  await forcing
  expect(isGone?.(thread)).toBe(true)
})

describe('a worker that ends by itself', () => {
  test.each(['crash', 'leave'])('leaves, once, and is gone by then (%s)', async (how) => {
    const thread = await startWorker('deaf')
    const exit = new Promise((resolve) => thread.on('exit', resolve))
    thread.on('error', () => {})
    const gone: unknown[] = []
    const undo = onGone?.(thread, () => gone.push(isGone?.(thread)))
    thread.postMessage(how)
    await exit
    expect(gone).toEqual([true])
    undo?.()
  })

  test('an undo takes all listeners off', async () => {
    const thread = await startWorker('deaf')
    const before = listeners(thread)
    const undo = onGone?.(thread, () => {})
    undo?.()
    expect(listeners(thread)).toEqual(before)
  })
})

test('tells the thread', async () => {
  const thread = await startWorker('deaf')
  expect(tell?.(thread)).toBe(`thread ${thread.threadId}`)
  await thread.terminate()
  expect(tell?.(thread)).toBe('exited')
})

test('knows a worker that has no disposer of its own', async () => {
  const thread = await startWorker('deaf')
  expect(matches(thread)).toBe(true)
  for (const other of [undefined, null, 1, 'x', {}, { threadId: 1, resourceLimits: {} }, threads])
    expect(matches(other)).toBe(false)
  Object.assign(thread, { async [Symbol.asyncDispose]() {} })
  expect(matches(thread)).toBe(false)
})
