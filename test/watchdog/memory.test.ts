import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { WatchdogMemory } from '../../src/watchdog/memory.ts'

const order = { left: 12.5, path: '/orders/pricing', budget: 'step', ms: 5_000 }

test('what one thread gives, the other reads', () => {
  const memory = new WatchdogMemory()
  const other = new WatchdogMemory(memory.buffer)
  const none = other.read()
  expect(none.left).toBe(Number.POSITIVE_INFINITY)
  memory.give(order)
  expect(other.read()).toEqual({ ...order, version: none.version + 1 })
  memory.give(undefined)
  expect(other.read()).toMatchObject({ left: Number.POSITIVE_INFINITY, version: none.version + 2 })
})

test('whoever joins does not change the order', () => {
  const memory = new WatchdogMemory()
  memory.give(order)
  expect(new WatchdogMemory(memory.buffer).read()).toMatchObject(order)
})

test('beats are counted for both', () => {
  const memory = new WatchdogMemory()
  const other = new WatchdogMemory(memory.buffer)
  memory.beat()
  memory.beat()
  expect(other.beats).toBe(2)
})

test('any text arrives; a long one is cut between characters', () => {
  const texts = fc.string({ unit: 'binary', maxLength: 1_500, size: 'max' })
  fc.assert(
    fc.property(texts, (path) => {
      const memory = new WatchdogMemory()
      memory.give({ ...order, path, budget: path })
      const read = memory.read()
      const whole = path.toWellFormed()
      expect(whole.startsWith(read.path)).toBe(true)
      expect(whole.startsWith(read.budget)).toBe(true)
      const length = Buffer.byteLength(whole)
      expect(Buffer.byteLength(read.path)).toBeGreaterThan(Math.min(length, 2_048) - 4)
      expect(Buffer.byteLength(read.budget)).toBeGreaterThan(Math.min(length, 256) - 4)
    }),
  )
})

test('a sleeper wakes up by another order, also one that was given before it slept', async () => {
  const memory = new WatchdogMemory()
  const { version } = memory
  memory.give(order)
  memory.sleep(version, 60_000)

  const program = new URL('../fixtures/watchdog/sleeper.ts', import.meta.url)
  const worker = new Worker(program, { workerData: memory.buffer })
  onTestFinished(async () => void (await worker.terminate()))
  await once(worker, 'message')
  memory.give(undefined)
  expect((await once(worker, 'message'))[0]).toBe('awake')
})

test('of orders that change all the time no half is read', async () => {
  const memory = new WatchdogMemory()
  const worker = new Worker(new URL('../fixtures/watchdog/reader.ts', import.meta.url), { workerData: memory.buffer })
  onTestFinished(async () => void (await worker.terminate()))
  await once(worker, 'message')
  let read: unknown
  worker.once('message', (message) => {
    read = message
  })
  for (let nth = 1; read === undefined; nth += 1) {
    const text = String(nth % 10).repeat(1 + (nth % 200))
    memory.give({ left: nth, path: text, budget: text, ms: nth })
    if (nth % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(read).toEqual([])
})
