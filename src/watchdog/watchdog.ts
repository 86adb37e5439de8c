import type { Worker, WorkerOptions } from 'node:worker_threads'
import { builtin } from '../lifecycle/builtin.ts'
import {
  checkFunction,
  checkObject,
  checkOptions,
  checkStatus,
  checkTimeout,
  outOfRange,
  wrongType,
} from '../lifecycle/check.ts'
import { type ClockTimer, systemClock } from '../lifecycle/clock.ts'
import { Deadline } from '../lifecycle/deadline.ts'
import { inspect } from '../lifecycle/inspect.ts'
import { say } from '../lifecycle/say.ts'
import type { Block } from './block.ts'
import { exitNow } from './exit.ts'
import { keepLastWords } from './last-words.ts'
import { WatchdogMemory } from './memory.ts'
import { beatEvery } from './pulse.ts'
import type { ThreadData } from './watchdog-thread.ts'

/** Options of {@link Watchdog}. */
export interface WatchdogOptions {
  /**
   * Called on the main thread, in the midst of whatever blocks it, after the culprit has been printed and before the
   * process exits. Only what is done in step counts, and it gets 1 000 ms.
   */
  lastWords: (block: Block) => void
  /** The exit status, 0 to 255. Default: 83. */
  status?: number
  /**
   * For how many ms a loop past its deadline must not turn to be taken for blocked, 100 to 2 147 483 647. It is what a
   * loop that is only late gets. Default: 400, with which the process is gone within a second of the deadline.
   */
  slack?: number
}

/** What is watched. */
interface Guard {
  readonly deadline: Deadline
  readonly path: string
  readonly budget: string
}

const DEFAULT_STATUS = 83
const DEFAULT_SLACK = 400
const LEAST_SLACK = 100

/**
 * Ends the process when its event loop is blocked past a deadline, which no timer of that loop can do. A thread of its own
 * looks whether the loop still turns; if not, it prints which function blocks it.
 *
 * @example
 * ```ts
 * const watchdog = new Watchdog({ lastWords: ({ path }) => writeSync(2, `${path} took the service down\n`) })
 * const undo = watchdog.guard(new Deadline(5_000, { name: 'step' }), '/orders/pricing')
 * loadPrices()
 * undo()
 * ```
 */
export class Watchdog {
  readonly #lastWords: (block: Block) => void
  readonly #status: number
  readonly #slack: number
  readonly #memory = new WatchdogMemory()
  readonly #guards = new Set<Guard>()
  #thread: Worker | undefined = undefined
  #off = false
  #watched: Guard | undefined = undefined
  #beat: ClockTimer | undefined = undefined
  #forgetWords: (() => void) | undefined = undefined

  /**
   * Starts nothing yet.
   *
   * @throws TypeError or RangeError for a bad option.
   */
  constructor(options: WatchdogOptions) {
    checkObject('options', options)
    checkOptions('Watchdog', options, ['lastWords', 'status', 'slack'])
    const { lastWords, status = DEFAULT_STATUS, slack = DEFAULT_SLACK } = options
    checkFunction('options.lastWords', lastWords)
    checkStatus('options.status', status)
    checkTimeout('options.slack', slack)
    if (slack < LEAST_SLACK)
      throw outOfRange('options.slack', `at least ${LEAST_SLACK} ms`, slack, 'Every loop is late at times.')
    this.#lastWords = lastWords
    this.#status = status
    this.#slack = slack
  }

  /**
   * From now on a loop that is blocked past the deadline ends the process, until the returned function is called. Of
   * several the earliest counts, and of those the newest. The first one starts the thread, which keeps nothing alive.
   *
   * A deadline of another clock than the real one is not watched: to the thread it means nothing.
   *
   * @param path what must be over by then.
   * @param budget which budget that is. Default: the name of the deadline that decides.
   * @throws TypeError for a bad argument.
   */
  guard(deadline: Deadline, path: string, budget?: string): () => void {
    if (!(deadline instanceof Deadline)) throw wrongType('deadline', 'a Deadline', deadline)
    if (typeof path !== 'string') throw wrongType('path', 'a string', path)
    if (budget !== undefined && typeof budget !== 'string') throw wrongType('budget', 'a string', budget)
    if (this.#off || deadline.clock !== systemClock) return () => {}
    const guard = { deadline, path, budget: budget ?? deadline.limitedBy.name }
    this.#guards.add(guard)
    this.#thread ??= this.#start()
    this.#follow()
    return () => {
      if (this.#guards.delete(guard)) this.#follow()
    }
  }

  /** Ends the thread, for good. */
  async close(): Promise<void> {
    const thread = this.#thread
    this.#stop()
    await thread?.terminate()
  }

  #stop(): void {
    this.#off = true
    this.#thread = undefined
    this.#guards.clear()
    this.#follow()
  }

  #start(): Worker | undefined {
    const file = import.meta.url.endsWith('.ts') ? './watchdog-thread.ts' : './watchdog-thread.js'
    const workerData: ThreadData = { buffer: this.#memory.buffer, slack: this.#slack }
    // What the application has node load or set is not for this thread. It must not print by Node's streams either, not
    // even warnings: they are the main thread's, which would have to stay for them.
    const own: WorkerOptions = { env: {}, execArgv: ['--no-warnings'], stdout: true, stderr: true }
    try {
      const { Worker, isMainThread } = builtin('node:worker_threads')
      if (!isMainThread) throw new Error('It can watch the main thread only, and this is a worker.')
      const thread = new Worker(new URL(file, import.meta.url), { ...own, name: 'endswell watchdog', workerData })
      thread.on('error', (error) => this.#fail(error))
      thread.unref()
      return thread
    } catch (error) {
      this.#fail(error)
      return undefined
    }
  }

  /** Does without: nobody's service fails since it is not watched. */
  #fail(error: unknown): void {
    this.#stop()
    const why = error instanceof Error ? error.message : inspect(error)
    process.emitWarning(`The watchdog is off, so an event loop that is blocked hangs for ever. ${why}`, {
      type: 'EndswellWarning',
      code: 'ENDSWELL_WATCHDOG_OFF',
    })
  }

  /** Has the thread watch what is due first, if that has changed. */
  #follow(): void {
    let first: Guard | undefined
    for (const guard of this.#guards) if (first === undefined || guard.deadline.at <= first.deadline.at) first = guard
    if (first === this.#watched) return
    this.#watched = first
    if (this.#beat !== undefined) systemClock.clearTimeout(this.#beat)
    this.#beat = undefined
    if (first === undefined) return this.#idle()
    const { deadline, path, budget } = first
    const thread = this.#thread
    if (thread !== undefined) this.#forgetWords ??= keepLastWords(thread.threadId, (block) => this.#end(block))
    this.#memory.give({ left: deadline.left, path, budget, ms: deadline.limitedBy.timeout })
    this.#beatIn(deadline.left)
  }

  #idle(): void {
    this.#memory.give(undefined)
    this.#forgetWords?.()
    this.#forgetWords = undefined
  }

  /** Before the deadline nobody looks, so the first beat is due with it. */
  #beatIn(ms: number): void {
    this.#beat = systemClock.setTimeout(() => {
      this.#memory.beat()
      this.#beatIn(beatEvery(this.#slack))
    }, ms)
    this.#beat.unref()
  }

  /** Called by the thread, while whatever blocks the loop stands still. */
  #end(block: Block): void {
    try {
      this.#lastWords(block)
    } catch (error) {
      say(`endswell: the last words failed: ${inspect(error)}\n`)
    }
    exitNow(this.#status)
  }
}
