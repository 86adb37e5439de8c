// The same trivial call, over one thread, in each of the ways that people have for it. Each is set up so that it may
// have all the calls in its thread at once.
import { fileURLToPath } from 'node:url'
import { Worker as BareWorker } from 'node:worker_threads'
import { Lifecycle } from 'endswell'
import { WorkerBridge } from 'endswell/thread'
import { Worker as JestWorker } from 'jest-worker'
import { Piscina } from 'piscina'
import { FixedThreadPool } from 'poolifier'
import { Tinypool } from 'tinypool'
import workerpool from 'workerpool'
import type { handlers } from './serve.ts'

/** How many calls are outstanding at once. */
export const WIDTH = 256

/** A way to have a thread add one. */
export type Way = (n: number) => PromiseLike<number>

/** What the threads run. */
const BARE = fileURLToPath(new URL('./bare.ts', import.meta.url))
const INC = fileURLToPath(new URL('./inc.ts', import.meta.url))
const POOLIFIER = fileURLToPath(new URL('./poolifier.ts', import.meta.url))
const SERVE = fileURLToPath(new URL('./serve.ts', import.meta.url))
const WORKERPOOL = fileURLToPath(new URL('./workerpool.ts', import.meta.url))

const one = { minThreads: 1, maxThreads: 1, concurrentTasksPerWorker: WIDTH }

function bare(): Way {
  const worker = new BareWorker(BARE)
  const waiting = new Map<number, (n: number) => void>()
  let last = 0
  worker.on('message', ({ id, n }: { id: number; n: number }) => {
    waiting.get(id)?.(n)
    waiting.delete(id)
  })
  return (n) =>
    new Promise((resolve) => {
      last += 1
      waiting.set(last, resolve)
      worker.postMessage({ id: last, n })
    })
}

function ours(): Way {
  const bridge = new WorkerBridge<typeof handlers>(new Lifecycle('bench'), SERVE, { maxInFlight: WIDTH })
  return (n) => bridge.call('inc', [n])
}

/** By default the thread has one call at a time, and the rest waits in the queue. */
function queued(): Way {
  const bridge = new WorkerBridge<typeof handlers>(new Lifecycle('bench'), SERVE)
  return (n) => bridge.call('inc', [n])
}

function piscina(): Way {
  const pool = new Piscina<number, number>({
    filename: INC,
    name: 'inc',
    ...one,
  })
  return (n) => pool.run(n)
}

function tinypool(): Way {
  const pool = new Tinypool({ filename: INC, name: 'inc', ...one })
  return (n) => pool.run(n) as Promise<number>
}

function workerPool(): Way {
  const pool = workerpool.pool(WORKERPOOL, {
    minWorkers: 1,
    maxWorkers: 1,
    workerType: 'thread',
  })
  return (n) => pool.exec('inc', [n]) as unknown as Promise<number>
}

function jest(): Way {
  const options = { numWorkers: 1, enableWorkerThreads: true, exposedMethods: ['inc'] }
  const pool = new JestWorker(INC, options) as JestWorker & { inc: Way }
  return (n) => pool.inc(n)
}

function poolifier(): Way {
  const pool = new FixedThreadPool<number, number>(1, POOLIFIER)
  return (n) => pool.execute(n)
}

/** Each makes a thread, and gives the way to it. */
export const ways = {
  'a bare port': bare,
  ours,
  'ours, one in the thread at a time': queued,
  piscina,
  tinypool,
  workerpool: workerPool,
  'jest-worker': jest,
  poolifier,
}
