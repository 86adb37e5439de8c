import type { Worker } from 'node:worker_threads'
import { wrongType } from '../lifecycle/check.ts'
import { Lifecycle } from '../lifecycle/lifecycle.ts'
import { PLAIN } from '../lifecycle/place.ts'
import { superviseOne } from '../lifecycle/supervision/supervise.ts'
import type { Supervised } from '../lifecycle/supervision/supervised.ts'
import { SupervisedHandle } from '../lifecycle/supervision/supervised-handle.ts'
import type { SupervisedMember } from '../lifecycle/supervision/supervised-member.ts'
import type { Supervisor } from '../lifecycle/supervision/supervisor.ts'
import { Relaunch } from './supervision/relaunch.ts'
import { checkThreadPolicy, type SuperviseThreadPolicy } from './supervision/thread-policy.ts'

/** A thread that is kept alive. What its lives end with, its `cause`, is a `ThreadExit`, or what the thread threw. */
export interface SupervisedThread extends Supervised {
  /** The worker of the present life; `undefined` between two. */
  readonly worker: Worker | undefined
  /** The last lines that it printed, in this life or else the one before. */
  readonly lastWords: readonly string[]
}

/**
 * Keeps a thread of `node:worker_threads` running: starts it, and again after each end, as `supervise` does. Each life is a
 * scope with the worker in it, of the kind `worker`: it is asked to end, and terminated when its grace is over.
 *
 * An exit with 0 is a normal end, what it throws never is; that is no uncaught exception here, but the cause of the next
 * life. It gives up at once where the file does not exist or does not parse, and where a thread can't be ended. A
 * `ThreadMonitor` with `action: 'terminate'` ends a life that hangs.
 *
 * @param url the file, as for `new Worker()`.
 * @throws ReferenceError (`ERR_CLOSED`) once closing has begun; TypeError or RangeError for a bad argument.
 * @example
 * ```ts
 * const mailer = superviseThread(life, new URL('./mailer.js', import.meta.url), {
 *   name: 'mailer',
 *   onThread: (worker) => worker.on('message', (message) => handle(message)),
 * })
 * await mailer.ready()
 * mailer.worker?.postMessage('hello')
 * ```
 */
export function superviseThread(
  life: Lifecycle,
  url: URL | string,
  policy: SuperviseThreadPolicy = PLAIN,
): SupervisedThread {
  if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
  if (typeof url !== 'string' && !(url instanceof URL)) throw wrongType('url', 'a URL or a path', url)
  checkThreadPolicy(policy)
  const relaunch = new Relaunch(url, policy)
  const { start, ...own } = relaunch.definition
  return new ThreadHandle(...superviseOne(life, policy.name ?? 'thread', start, own), relaunch)
}

class ThreadHandle extends SupervisedHandle implements SupervisedThread {
  readonly #relaunch: Relaunch

  constructor(supervisor: Supervisor, member: SupervisedMember, relaunch: Relaunch) {
    super(supervisor, member)
    this.#relaunch = relaunch
  }

  get worker(): Worker | undefined {
    return this.#relaunch.worker
  }

  get lastWords(): readonly string[] {
    return this.#relaunch.lastWords
  }
}
