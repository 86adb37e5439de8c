import type { Worker } from 'node:worker_threads'

/**
 * The workers of this thread: those that were made since this was, and those that it was told of. It keeps none of them
 * in memory, listens to none, and knows of each whether it has ended.
 */
export class KnownWorkers {
  readonly #workers = new Map<number, { readonly worker: WeakRef<Worker>; readonly name: string | undefined }>()
  readonly #process = process
  readonly #onWorker = (worker: Worker): void => this.add(worker)

  constructor() {
    this.#process.on('worker', this.#onWorker)
  }

  /** @param name what it is called; else by the thread itself. */
  add(worker: Worker, name?: string): void {
    if (worker.threadId !== -1) this.#workers.set(worker.threadId, { worker: new WeakRef(worker), name })
  }

  /** The worker of that thread, as long as it has not ended. */
  get(threadId: number): Worker | undefined {
    const worker = this.#workers.get(threadId)?.worker.deref()
    return worker?.threadId === threadId ? worker : undefined
  }

  nameOf(threadId: number): string | undefined {
    return this.#workers.get(threadId)?.name
  }

  /** Whether there was a worker of that thread. One that nobody holds any more has ended, since a running one holds itself. */
  hasEnded(threadId: number): boolean {
    return this.#workers.has(threadId) && this.get(threadId) === undefined
  }

  /** Forgets those that have ended. */
  sweep(): void {
    for (const threadId of this.#workers.keys()) if (this.hasEnded(threadId)) this.#workers.delete(threadId)
  }

  get threadIds(): Iterable<number> {
    return this.#workers.keys()
  }

  close(): void {
    this.#process.off('worker', this.#onWorker)
    this.#workers.clear()
  }
}
