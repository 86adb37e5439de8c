import { checkFunction, checkName, wrongType } from '../lifecycle/check.ts'
import { Lifecycle, scopeOf } from '../lifecycle/lifecycle.ts'
import { refusal } from './admission.ts'
import { attempt } from './attempt.ts'
import { budgetsFrom } from './budgets.ts'
import {
  checkPhase,
  checkPlan,
  checkStep,
  type PhaseOptions,
  type StartupOptions,
  type StepOptions,
} from './options.ts'
import { registerResult } from './result.ts'
import { skippingIn, warnOfSkipping } from './skip.ts'
import { Start } from './start.ts'
import type { StartupReport } from './startup-report.ts'

/** The inside of a startup, for whoever starts programs with it. */
export let startOf: (boot: Startup) => Start

const PHASE = { optional: false, retried: false, impact: undefined } as const

/** Options of a step that must bring something, or the start has failed. */
type Required<T> = StepOptions<T> & { optional?: false; skipInTest?: false }

/**
 * Starts a service step by step, within four budgets that are cut to what is left above them: each step, each phase,
 * the critical path, the whole. What a step brings is registered in the lifecycle in the same turn.
 *
 * Where something required fails or runs over, the start has failed: the lifecycle closes what has been opened, and the
 * error names the innermost culprit.
 *
 * @example
 * ```ts
 * const boot = new Startup(life)
 * await boot.phase('connections', async () => {
 *   db = await boot.step('database', (signal) => connect(url, { signal }), {
 *     close: (db) => db.end(),
 *     impact: 'orders cannot be saved',
 *     retry: true,
 *   })
 *   cache = await boot.step('cache', openCache, { optional: true })
 * }, { critical: true })
 * boot.finish()
 * console.log(String(boot.report))
 * ```
 */
export class Startup {
  readonly #start: Start
  readonly #skips: boolean

  static {
    startOf = (boot) => boot.#start
  }

  /**
   * @throws TypeError or RangeError for a bad option; an Error (`ERR_MISPLACED`) where the start of `life` is under way.
   */
  constructor(life: Lifecycle, options: StartupOptions = {}) {
    if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
    const budgets = budgetsFrom(options)
    const { plan = [] } = options
    checkPlan(plan)
    const skipping = skippingIn(process.env)
    if (skipping === 'ignored') warnOfSkipping(process.env)
    this.#skips = skipping === 'yes'
    this.#start = new Start(scopeOf(life), budgets, plan)
  }

  /**
   * Runs a phase: its steps share its time. It is over when `fn` has returned and everything that has begun inside it is
   * over too. The signal aborts when its time is up or the lifecycle closes.
   *
   * @returns a promise of what `fn` returned. It rejects with a {@link StartupError} that names the innermost culprit.
   * @throws TypeError or RangeError for bad arguments or a name that was used before; an Error (`ERR_MISPLACED`) inside a
   * step, or where what is around it is over.
   */
  phase<T>(name: string, fn: (signal: AbortSignal) => T, options: PhaseOptions = {}): Promise<Awaited<T>> {
    checkName('name', name)
    checkFunction('fn', fn)
    checkPhase(options)
    const start = this.#start
    const { timeout = start.budgets.phase, critical, plan = [] } = options
    if (start.failure !== undefined) return refusal(start.failure)
    start.check('phase', name)
    const stage = start.begin({ kind: 'phase', name, timeout, critical, plan, ...PHASE })
    return attempt(start, stage, { fn, retry: undefined, register: () => {} }) as Promise<Awaited<T>>
  }

  /**
   * Runs a step within its time and registers what it brings under `name`, if that is a resource: by `close` and `force`,
   * by its kind, or by its own disposer. The signal aborts when time is up, a retry begins or the lifecycle closes; what
   * arrives after that is ended at once, and a late rejection is absorbed. A step begun inside a phase or another step
   * belongs to that.
   *
   * @returns a promise of what `fn` brought; of `undefined` where it was skipped, or failed and is optional. It rejects
   * with a {@link StartupError}: `ERR_STARTUP_TIMEOUT`, or `ERR_STARTUP_FAILED` with what `fn` threw as its cause.
   * @throws TypeError or RangeError for bad arguments or a name that was used before; an Error (`ERR_MISPLACED`) where what
   * is around it is over or the start has failed.
   */
  step<T>(name: string, fn: (signal: AbortSignal) => T, options?: Required<Awaited<T>>): Promise<Awaited<T>>
  step<T>(
    name: string,
    fn: (signal: AbortSignal) => T,
    options: StepOptions<Awaited<T>>,
  ): Promise<Awaited<T> | undefined>
  step<T>(
    name: string,
    fn: (signal: AbortSignal) => T,
    options: StepOptions<Awaited<T>> = {},
  ): Promise<Awaited<T> | undefined> {
    checkName('name', name)
    checkFunction('fn', fn)
    checkStep(options as StepOptions<unknown>)
    const start = this.#start
    const { timeout = start.budgets.step, impact, critical, optional = false, skipInTest = false, ...more } = options
    const { retry = false, ...ending } = more
    const retried = retry !== false
    if (start.failure !== undefined) return refusal(start.failure)
    const register = registerResult<Awaited<T>>(start, name, ending)
    start.check('step', name)
    const stage = start.begin({ kind: 'step', name, timeout, critical, plan: [], optional, retried, impact })
    if (skipInTest && this.#skips) {
      start.end(stage, 'skipped')
      return Promise.resolve(undefined)
    }
    return attempt(start, stage, { fn, retry: retry === true ? {} : retry || undefined, register })
  }

  /**
   * Says that nothing more is to come: once all that is required and has begun is done, the lifecycle is ready, and no
   * phase or step can begin any more. `run` does that when the main function returns.
   */
  finish(): void {
    this.#start.finish()
  }

  /** How many ms the whole start has left; Infinity where nothing bounds it. */
  get left(): number {
    const { host, root } = this.#start
    return host.bounded ? root.facts.deadline.left : Number.POSITIVE_INFINITY
  }

  /** How the start went so far: it prints as a tree of times, and serialises as JSON. */
  get report(): StartupReport {
    return this.#start.report
  }
}
