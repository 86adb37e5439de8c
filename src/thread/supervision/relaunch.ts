import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { builtin } from '../../lifecycle/builtin.ts'
import { wordOf } from '../../lifecycle/errors.ts'
import { LastWords } from '../../lifecycle/last-words.ts'
import { type Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import type { LifeEnd } from '../../lifecycle/supervision/life-end.ts'
import type { GroupMember } from '../../lifecycle/supervision/supervise-policy.ts'
import { hearOutput } from '../bridge/hear-output.ts'
import { worker as kind } from '../worker.ts'
import type { SuperviseThreadPolicy, ThreadExit } from './thread-policy.ts'

/** How many of the last lines are kept, where nobody says. */
const WORDS = 20

/** A thread that is supervised: how its lives are started and judged, and the worker of the present one. */
export class Relaunch {
  readonly #url: URL | string
  readonly #policy: SuperviseThreadPolicy
  #worker: Worker | undefined = undefined
  #words = new LastWords(0)

  constructor(url: URL | string, policy: SuperviseThreadPolicy) {
    this.#url = url
    this.#policy = policy
  }

  /** The worker of the present life, until it has exited. */
  get worker(): Worker | undefined {
    return this.#worker
  }

  /** What the present life has printed last, or the one before. */
  get lastWords(): readonly string[] {
    return this.#words.lines
  }

  /** How it is supervised. */
  get definition(): GroupMember<ThreadExit> {
    const { name, worker, readyWhen, onThread, lastWords, output, isNormal, giveUpWhen, ...policy } = this.#policy
    return {
      ...policy,
      isNormal: isNormal ?? (({ code }) => code === 0),
      giveUpWhen: (end) => isHopeless(end) || (giveUpWhen?.(end) ?? false),
      start: (scope) => this.#start(scope),
      readyWhen: (_, signal) => this.#comeUp(signal),
    }
  }

  #start(scope: Lifecycle): Promise<ThreadExit> {
    const { worker: options = {}, lastWords = WORDS, output = 'inherit', onThread } = this.#policy
    const { Worker } = builtin('node:worker_threads')
    const worker = new Worker(this.#url, options)
    const words = new LastWords(lastWords)
    this.#worker = worker
    this.#words = words
    scope.use(worker, { name: 'worker', kind })
    hearOutput(worker, words, output, (error) => scopeOf(scope).publish('resource.error', undefined, { error }))
    const exit = exitOf(worker, words)
    // Whatever comes first: an exit that nobody waits for, since `onThread` has thrown, is none to be thrown.
    exit.catch(() => {})
    onThread?.(worker, scope)
    return exit.finally(() => {
      this.#worker = undefined
    })
  }

  async #comeUp(signal: AbortSignal): Promise<void> {
    const { readyWhen = 'online' } = this.#policy
    const worker = this.#worker
    if (worker === undefined) return
    if (typeof readyWhen === 'function') await readyWhen(worker, signal)
    // What it throws before is the end of its life, and told as that.
    else await new Promise<void>((resolve) => worker.once(readyWhen, () => resolve()))
  }
}

/** Settles when the thread has exited, and all that it printed was read. Rejects with what it threw. */
async function exitOf(worker: Worker, words: LastWords): Promise<ThreadExit> {
  let thrown: { readonly error: unknown } | undefined
  worker.on('error', (error) => {
    thrown ??= { error }
  })
  const read = [worker.stdout, worker.stderr].map((stream) => once(stream, 'close').catch(() => {}))
  const code = await new Promise<number>((resolve) => worker.once('exit', resolve))
  await Promise.all(read)
  if (thrown !== undefined) throw thrown.error
  return Object.freeze({ code, lastWords: words.lines })
}

/** What will be no better next time: a file that is not there, or is no program. */
function isHopeless({ error }: LifeEnd<ThreadExit>): boolean {
  if (['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(String(wordOf(error, 'code')))) return true
  // What Node itself compiles is a file that does not parse; what the program has parsed is an error as any other.
  return error instanceof SyntaxError && /^\s+at .*\(node:/.test(error.stack?.match(/^\s+at .*$/m)?.[0] ?? '')
}
