/**
 * Hashes files in a thread. Shows a resource with a face: the lifecycle holds the thread, the program holds this object,
 * and a thread that ends, for whatever reason, leaves nobody waiting.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

interface Answer {
  readonly serial: number
  readonly sha256?: string
  readonly error?: unknown
}

/** Starts the thread, and resolves with it when it listens. */
export async function startHashThread(): Promise<Worker> {
  const thread = new Worker(new URL('./hash-worker.ts', import.meta.url))
  await once(thread, 'message')
  return thread
}

/** Asks a thread for hashes. */
export class Hasher {
  readonly #thread: Worker
  readonly #waiting = new Map<number, PromiseWithResolvers<string>>()
  #serial = 0

  constructor(thread: Worker) {
    this.#thread = thread
    thread.on('message', (answer: Answer) => this.#answered(answer))
    thread.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the hash thread has ended'))
      this.#waiting.clear()
    })
  }

  /** The SHA-256 of a file, in hex. */
  hash(file: string): Promise<string> {
    this.#serial += 1
    const waiting = Promise.withResolvers<string>()
    this.#waiting.set(this.#serial, waiting)
    this.#thread.postMessage({ serial: this.#serial, file })
    return waiting.promise
  }

  #answered({ serial, sha256, error }: Answer): void {
    const waiting = this.#waiting.get(serial)
    this.#waiting.delete(serial)
    if (sha256 === undefined) waiting?.reject(error)
    else waiting?.resolve(sha256)
  }
}
