import type { Worker } from 'node:worker_threads'
import type { Kind } from '../../lifecycle/kind.ts'
import { use } from '../../lifecycle/register.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import { worker } from '../worker.ts'

/** A thread that was tried to be ended, in vain: nothing more is tried, and the report says so. */
const abandoned: Kind<Worker> = Object.freeze({
  name: worker.name,
  grace: 0,
  matches: () => false,
  close: () => new Promise<void>(() => {}),
  isGone: (thread: Worker) => thread.threadId === -1,
  onGone(thread: Worker, leave: () => void) {
    thread.once('exit', leave)
    return () => void thread.off('exit', leave)
  },
})

/**
 * Keeps in mind that a thread lives on, though its bridge has done with it: the closing of the lifecycle that the bridge
 * is in names it, and whoever ends the process knows that an ordinary exit would wait for it for ever. It leaves when it
 * ends after all.
 */
export function holdAbandoned(owner: Scope, name: string, thread: Worker): void {
  if (owner.state === 'open') use(owner, thread, { name, kind: abandoned })
}
