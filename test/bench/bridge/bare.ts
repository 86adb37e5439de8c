/** What everybody would write by hand: a number that says which call is answered. */
import { parentPort } from 'node:worker_threads'

parentPort?.on('message', ({ id, n }: { id: number; n: number }) => parentPort?.postMessage({ id, n: n + 1 }))
