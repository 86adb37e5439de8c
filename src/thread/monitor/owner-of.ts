import type { Worker } from 'node:worker_threads'

/** Who gives a thread its work, as far as whoever watches the thread needs to know. */
export interface ThreadOwner {
  /** What it is at, in a few words such as `hash("a.txt")`; `undefined` for nothing. */
  work(): string | undefined
  /**
   * Somebody else terminates it now, and says why, as the end of a sentence: `it was found to be hung`. The owner need
   * not wait for its exit, which may never come.
   */
  condemned(why: string, cause: unknown): void
}

/** Who owns each thread: owners say so, and whoever watches it asks. */
const owners = new WeakMap<Worker, ThreadOwner>()

/** From now on that is the owner of a thread. */
export function ownThread(thread: Worker, owner: ThreadOwner): void {
  owners.set(thread, owner)
}

/** Who owns a thread, if anybody has said so. */
export function ownerOf(thread: Worker): ThreadOwner | undefined {
  return owners.get(thread)
}
