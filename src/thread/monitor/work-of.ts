import type { Worker } from 'node:worker_threads'

/** What tells of each thread what it is at: whoever gives it work says so, and whoever watches it asks. */
const tellers = new WeakMap<Worker, () => string | undefined>()

/** From now on `tell` says what a thread is at, in a few words such as `hash("a.txt")`; `undefined` for nothing. */
export function tellWorkOf(thread: Worker, tell: () => string | undefined): void {
  tellers.set(thread, tell)
}

/** What a thread is at, as far as anybody knows. */
export function workOf(thread: Worker): string | undefined {
  return tellers.get(thread)?.()
}
