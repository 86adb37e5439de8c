import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Lifecycle } from 'endswell'
import { expect, onTestFinished, test } from 'vitest'
import { startStuckWorker, startWorker } from '../fixtures/threads.ts'
import { until } from '../fixtures/until.ts'

test('a worker finishes what it has begun, within its grace', async () => {
  const thread = new Worker(
    `const { parentPort } = require('node:worker_threads')
     let left = 20
     const work = setInterval(() => parentPort.postMessage(left--), 5)
     process.on('workerMessage', ({ type }) => {
       if (type === 'endswell:close') setInterval(() => left <= 0 && process.exit(), 1)
     })`,
    { eval: true },
  )
  const got: number[] = []
  thread.on('message', (left) => got.push(left))
  await once(thread, 'message')
  const life = new Lifecycle('life')
  life.use(thread, { name: 'worker' })
  expect((await life.close()).counts).toMatchObject({ closed: 1 })
  expect(got.at(-1)).toBeLessThanOrEqual(1)
})

test('workers of every temper end at once, each in its way', async () => {
  const life = new Lifecycle({ name: 'life', grace: 2_000, order: 'parallel' })
  const modes = ['exits', 'deaf', 'ignores', 'busy'] as const
  const workers = await Promise.all(Array.from({ length: 8 }, (_, index) => startWorker(modes[index % 4] ?? 'deaf')))
  for (const thread of workers) life.use(thread)
  const report = await life.close()
  expect(report.counts).toEqual({ closed: 4, forced: 4, failed: 0, abandoned: 0 })
  expect(workers.filter(({ threadId }) => threadId !== -1)).toEqual([])
})

test('a thread that hangs in native code is abandoned in time, and says so when it comes back', async () => {
  const { thread, release } = await startStuckWorker()
  const life = new Lifecycle({ name: 'life', grace: 100 })
  life.use(thread, { name: 'native' })
  const late: string[] = []
  onTestFinished(life.subscribe(({ type, path }) => type === 'resource.late' && late.push(path)))
  const report = await life.close()
  expect(report.rows).toMatchObject([{ path: '/life/native', outcome: 'abandoned', error: { code: 'ERR_ABANDONED' } }])
  expect(report.ms).toBeGreaterThanOrEqual(1_100 - 2)
  expect(report.ms).toBeLessThan(2_000)
  expect(thread.threadId).not.toBe(-1)
  release()
  await until('the thread has ended', () => thread.threadId === -1)
})

test('a worker that dies of an error leaves, and the error is as unhandled as ever', async () => {
  const life = new Lifecycle('life')
  const thread = life.use(await startWorker('deaf'))
  expect(thread.listenerCount('error')).toBe(0)
  const died = once(thread, 'error')
  thread.postMessage('crash')
  expect((await died)[0]).toMatchObject({ message: 'crashed by itself' })
  await until('it has left', () => life.snapshot().size === 0)
  expect((await life.close()).rows).toEqual([])
})
