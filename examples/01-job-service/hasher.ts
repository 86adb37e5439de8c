/**
 * Hashes files in threads. Shows a bridge: calls wait in a bounded queue, a thread that dies is replaced, and no call is
 * left without an answer, however its thread has ended.
 */
import type { Lifecycle } from 'endswell'
import { ThreadMonitor, WorkerBridge } from 'endswell/thread'
import type { handlers } from './hash-worker.ts'
import { isOrdered } from './trouble.ts'

/** Calls the functions of `hash-worker.ts`. */
export type Hasher = WorkerBridge<typeof handlers>

/** How many ms a thread may be without a sign of life, before it is replaced: no hash takes that long in one go. */
const HANG = 1_000

/** Starts the threads. One that hangs is named, with its stack, and replaced. */
export function openHasher(life: Lifecycle): Hasher {
  new ThreadMonitor(life, { hang: HANG, action: 'terminate', onReport: (report) => console.error(String(report)) })
  return new WorkerBridge(life, new URL('./hash-worker.ts', import.meta.url), {
    name: 'hasher',
    maxInFlight: 4,
  })
}

/** Resolves when the threads serve, and makes the mistake that was ordered. */
export async function readyHasher(hasher: Hasher): Promise<void> {
  await hasher.ready()
  if (isOrdered('--hang=worker')) hasher.call('spin', []).catch((error: Error) => console.error(error.message))
}
