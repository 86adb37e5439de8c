import type { Worker, WorkerOptions } from 'node:worker_threads'
import { checkFunction, checkName, checkObject, checkOneOf, checkOptions, outOfRange } from '../../lifecycle/check.ts'
import type { Lifecycle } from '../../lifecycle/lifecycle.ts'
import { PLACE } from '../../lifecycle/place.ts'
import type { MemberPolicy, SupervisionOptions } from '../../lifecycle/supervision/supervise-policy.ts'

/** How one life of a thread ended, where it did not throw: what it throws is its end itself. */
export interface ThreadExit {
  /** The code that it exited with: 1 where it was terminated, too. */
  readonly code: number
  /** The last lines that it printed, oldest first. */
  readonly lastWords: readonly string[]
}

/** How a thread is run, each time anew. */
export interface ThreadLaunch {
  /** Its place in paths, without `/`: the worker of its third life is `/orders/mailer/3/worker`. Default: `thread`. */
  name?: string
  /** Options of `new Worker()`. Its output is read, and its input closed. Default: none. */
  worker?: Omit<WorkerOptions, 'stdin' | 'stdout' | 'stderr'>
  /**
   * When it is ready: when it runs (`online`), has sent a first message (`message`), or what this function returns has
   * fulfilled. Default: `online`.
   */
  readyWhen?: 'online' | 'message' | ((worker: Worker, signal: AbortSignal) => unknown)
  /** Called with the worker of each life before it runs, so that no message is missed. What it throws ends that life. */
  onThread?: (worker: Worker, scope: Lifecycle) => unknown
  /** How many of the last lines that it prints are kept, 0 to 1 000, each cut at 1 000 characters. Default: 20. */
  lastWords?: number
  /** Where what it prints goes: to the output of this process, nowhere, or to a function. Default: `inherit`. */
  output?: 'inherit' | 'ignore' | ((line: string, from: 'stdout' | 'stderr') => void)
}

/** Options of `superviseThread`: how the thread is run, and how it is supervised. */
export interface SuperviseThreadPolicy
  extends ThreadLaunch,
    Omit<MemberPolicy<ThreadExit>, 'readyWhen'>,
    SupervisionOptions {
  /** How many ms the thread gets to end after it was asked to, before it is terminated. Default: the lifecycle's. */
  grace?: number
}

const LAUNCH = ['name', 'worker', 'readyWhen', 'onThread', 'lastWords', 'output'] as const
const POLICY = ['restart', 'backoff', 'stable', 'readyTimeout', 'isNormal', 'giveUpWhen', 'grace'] as const

/** The longest list of last words. */
const MOST_WORDS = 1_000

/** Refuses what a thread could not be run with; what is not its own, `supervise` looks at. */
export function checkThreadPolicy(policy: SuperviseThreadPolicy): void {
  checkObject('policy', policy)
  checkOptions('policy', policy, [...LAUNCH, ...POLICY, 'intensity', 'fatal', ...PLACE])
  const { name, worker, readyWhen, onThread, lastWords = 0, output = 'inherit', giveUpWhen } = policy
  if (name !== undefined) checkName('policy.name', name)
  if (worker !== undefined) checkWorkerOptions(worker)
  if (readyWhen !== undefined && typeof readyWhen !== 'function')
    checkOneOf('policy.readyWhen', readyWhen, ['online', 'message'])
  if (onThread !== undefined) checkFunction('policy.onThread', onThread)
  if (giveUpWhen !== undefined) checkFunction('policy.giveUpWhen', giveUpWhen)
  if (!(Number.isInteger(lastWords) && lastWords >= 0 && lastWords <= MOST_WORDS))
    throw outOfRange('policy.lastWords', `a whole number from 0 to ${MOST_WORDS}`, lastWords)
  if (typeof output !== 'function') checkOneOf('policy.output', output, ['inherit', 'ignore'])
}

function checkWorkerOptions(worker: WorkerOptions): void {
  checkObject('policy.worker', worker)
  for (const key of ['stdin', 'stdout', 'stderr'] as const)
    if (key in worker)
      throw outOfRange('policy.worker', `options without '${key}'`, worker, 'Its streams belong to the supervision.')
}
