import type { Worker } from 'node:worker_threads'
import { startStuckWorker, startWorker } from '../../fixtures/threads.ts'
import type { Sample } from '../contract.ts'

const isGone = (thread: Worker) => thread.threadId === -1
const stuck = async () => (await startStuckWorker()).thread

/** It listens for the request to end. */
export const worker: Sample<Worker> = {
  kind: 'worker',
  make: () => startWorker('exits'),
  hang: () => startWorker('ignores'),
  stuck,
  fail: async () => {
    const value = await startWorker('rejects')
    let seen: unknown
    value.on('error', (error) => {
      seen = error
    })
    return { value, error: () => seen }
  },
  endByItself: async (thread) => {
    const exit = new Promise((resolve) => thread.once('exit', resolve))
    thread.postMessage('leave')
    await exit
  },
  isGone,
}

/** It has no ear for requests, so `terminate()` is its gentle close. */
export const deafWorker: Sample<Worker> = {
  kind: 'worker',
  make: () => startWorker('deaf'),
  hang: () => startWorker('busy'),
  stuck,
  fail: { cannot: 'nothing of its own runs while it closes' },
  endByItself: worker.endByItself,
  isGone,
}
