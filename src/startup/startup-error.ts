import type { Site } from '../lifecycle/contract.ts'
import { EndswellError } from '../lifecycle/errors.ts'
import { inspect } from '../lifecycle/inspect.ts'
import { rounded } from '../lifecycle/report.ts'
import type { BudgetName } from './budgets.ts'
import type { Limit, Stage } from './stage.ts'

const brand = Symbol.for('endswell.startup-error')

/** A part of a start, and how many ms it took. */
export interface Finished {
  /** Names from the root. */
  readonly path: string
  /** How long it took. */
  readonly ms: number
}

/** What a {@link StartupError} knows of the start, besides the words of its message. */
export interface StartupFacts {
  readonly budget?: BudgetName
  readonly timeout?: number
  readonly ms: number
  readonly impact?: string
  readonly site?: Site
  readonly done: readonly Finished[]
  readonly running: readonly string[]
  readonly notBegun: readonly string[]
}

/**
 * A start that failed, told of its innermost culprit: `ERR_STARTUP_TIMEOUT` where a budget was over,
 * `ERR_STARTUP_FAILED` with what was thrown as its cause otherwise.
 *
 * @example
 * ```ts
 * try { await boot.step('database', connect) } catch (error) {
 *   if (error instanceof StartupError) console.error(error.path, error.budget, error.ms, error.notBegun)
 * }
 * ```
 */
export class StartupError extends EndswellError implements StartupFacts {
  /** Which budget was over: `step`, `phase`, `criticalPath` or `total`. Absent where none was. */
  declare readonly budget?: BudgetName
  /** How many ms that budget has in all. */
  declare readonly timeout?: number
  /** How many ms the culprit had taken. */
  declare readonly ms: number
  /** What is lost by it, in a sentence. */
  declare readonly impact?: string
  /** Where the culprit was declared. */
  declare readonly site?: Site
  /** The steps that had finished by then, with their times. */
  declare readonly done: readonly Finished[]
  /** Paths of what else was under way. */
  declare readonly running: readonly string[]
  /** Paths of what was planned and had not begun. */
  declare readonly notBegun: readonly string[]

  constructor(
    code: 'ERR_STARTUP_FAILED' | 'ERR_STARTUP_TIMEOUT',
    message: string,
    { facts, ...options }: { path: string; cause?: unknown; facts: StartupFacts },
  ) {
    super(code, message, options)
    Object.assign(this, facts)
    // Where the time ran out says nothing; where the step stands does.
    if (facts.site !== undefined) this.stack = `${this.name}: ${message}\n    at ${placeOf(facts.site)}`
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value
  }
}
Object.defineProperty(StartupError.prototype, brand, { value: true })
Object.defineProperty(StartupError.prototype, 'name', { value: 'StartupError', configurable: true, writable: true })

/** The error of a part of a start whose time is over. */
export function timeoutError(culprit: Stage, root: Stage, now: number): StartupError {
  const { path, facts, attempts, error: cause } = culprit
  const { limit } = culprit
  const ms = Math.round(culprit.ms(now))
  const what =
    limit.owner === culprit
      ? `${path} did not start within ${limit.timeout} ms`
      : `${path} had not started after ${ms} ms, when the ${limit.timeout} ms of ${nameOf(limit, root)} were over`
  const tries = cause === undefined ? '' : `; ${times(attempts)} failed before: ${reasonOf(cause)}`
  return new StartupError('ERR_STARTUP_TIMEOUT', `${what}${tries}.${impactOf(facts.impact)}`, {
    path,
    ...(cause === undefined ? {} : { cause }),
    facts: { budget: limit.budget, timeout: limit.timeout, ...factsOf(culprit, root, now) },
  })
}

/** The error of a part of a start that threw. */
export function failureError(culprit: Stage, root: Stage, now: number, cause: unknown): StartupError {
  const { path, facts, attempts } = culprit
  const tries = attempts > 1 ? ` ${attempts} times` : ''
  const message = `${path} failed${tries} to start: ${reasonOf(cause)}.${impactOf(facts.impact)}`
  return new StartupError('ERR_STARTUP_FAILED', message, { path, cause, facts: factsOf(culprit, root, now) })
}

function factsOf(culprit: Stage, root: Stage, now: number): Omit<StartupFacts, 'budget' | 'timeout'> {
  const all = [...root.all()]
  const { impact } = culprit.facts
  const { site } = culprit
  return {
    ms: rounded(culprit.ms(now)),
    ...(impact === undefined ? {} : { impact }),
    ...(site === undefined ? {} : { site }),
    done: all
      .filter(({ state, facts }) => state === 'done' && facts.kind === 'step')
      .map((stage) => ({ path: stage.path, ms: rounded(stage.ms(now)) })),
    running: root
      .innermost()
      .filter((stage) => stage !== culprit && stage !== root)
      .map(({ path }) => path),
    notBegun: all.flatMap((stage) => stage.notBegun.map((name) => `${stage.path}/${name}`)),
  }
}

function nameOf({ budget, owner }: Limit, root: Stage): string {
  if (owner === root) return 'the whole start'
  return budget === 'criticalPath' ? 'the critical path' : `the ${budget} ${owner?.path}`
}

function times(attempts: number): string {
  return attempts === 1 ? '1 attempt' : `${attempts} attempts`
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/\.$/, '') : inspect(cause)
}

function impactOf(impact: string | undefined): string {
  return impact === undefined ? '' : ` Impact: ${impact.replace(/\.$/, '')}.`
}

function placeOf({ file, line, column, function: name }: Site): string {
  const place = `${file}:${line}:${column}`
  return name === undefined ? place : `${name} (${place})`
}
