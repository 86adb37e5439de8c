import type { Worker } from 'node:worker_threads'

/** Why threads were terminated: whoever does that to another's thread says so, and its owner asks when it has exited. */
const reasons = new WeakMap<Worker, string>()

/** Says why a thread is about to be terminated, as the end of a sentence: `it was hung`. */
export function sayWhyTerminated(thread: Worker, reason: string): void {
  reasons.set(thread, reason)
}

/** Why a thread was terminated, if somebody has said so. */
export function whyTerminated(thread: Worker): string | undefined {
  return reasons.get(thread)
}
