import { acquire } from '../lifecycle/acquire.ts'
import { checkFunction, checkName, checkObject, checkOptions, checkTimeout, wrongType } from '../lifecycle/check.ts'
import type { UseOptions } from '../lifecycle/contract.ts'
import { type Lifecycle, scopeOf } from '../lifecycle/lifecycle.ts'
import type { TaskRun } from '../lifecycle/task.ts'
import { attempt } from './attempt.ts'
import { registerResult } from './result.ts'

/** How many ms a step may take, where neither it nor its startup says otherwise. */
const DEFAULT_STEP = 5_000

/** Options of {@link Startup}. */
export interface StartupOptions {
  /** How many ms each step may take, 0 to 2 147 483 647. Default: 5 000. */
  step?: number
}

/** Options of {@link Startup.step}. */
export interface StepOptions<T> extends Pick<UseOptions<T>, 'close' | 'force' | 'grace' | 'kind'> {
  /** How many ms it may take. Default: the startup's `step`. */
  timeout?: number
  /** One sentence for people: what is lost if this step fails. It stands in the error. */
  impact?: string
}

const stepOptions = ['close', 'force', 'grace', 'kind', 'timeout', 'impact'] as const

/**
 * Starts a service step by step: each within its time, each result registered in the lifecycle in the same turn, so
 * that a start that fails half-way is taken back by closing the lifecycle.
 *
 * @example
 * ```ts
 * const boot = new Startup(life)
 * const db = await boot.step('database', (signal) => connect(url, { signal }), {
 *   close: (db) => db.end(),
 *   impact: 'orders cannot be saved',
 * })
 * ```
 */
export class Startup {
  readonly #life: Lifecycle
  readonly #step: number

  /** @throws TypeError or RangeError for a bad option. */
  constructor(life: Lifecycle, options: StartupOptions = {}) {
    checkObject('options', options)
    checkOptions('options', options, ['step'])
    const { step = DEFAULT_STEP } = options
    checkTimeout('options.step', step)
    this.#life = life
    this.#step = step
  }

  /**
   * Runs `fn` within its time and registers what it brings under `name`, if that is a resource: by `close` and `force`,
   * by its kind, or by its own disposer. The signal aborts when time is up or the lifecycle closes; what arrives after
   * that is ended at once, and a late rejection is absorbed.
   *
   * @returns a promise of what `fn` brought. It rejects with an EndswellError: `ERR_STARTUP_TIMEOUT`, or
   * `ERR_STARTUP_FAILED` with what `fn` threw as its cause.
   * @throws TypeError or RangeError for bad arguments.
   */
  step<T>(name: string, fn: (signal: AbortSignal) => T, options: StepOptions<Awaited<T>> = {}): Promise<Awaited<T>> {
    checkName('name', name)
    checkFunction('fn', fn)
    checkObject('options', options)
    checkOptions('step', options, stepOptions)
    const { timeout = this.#step, impact, ...ending } = options
    checkTimeout('options.timeout', timeout)
    if (impact !== undefined && typeof impact !== 'string') throw wrongType('options.impact', 'a sentence', impact)
    const scope = scopeOf(this.#life)
    const step = { scope, name, timeout, impact, register: registerResult(name, ending) }
    const begin = ({ signal }: TaskRun): Promise<Awaited<T>> => attempt(step, fn, signal)
    return acquire<Promise<Awaited<T>>>(scope, name, begin, step.register)
  }
}
