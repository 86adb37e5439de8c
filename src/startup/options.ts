import { type BackoffOptions, checkBackoff } from '../lifecycle/backoff.ts'
import {
  checkBoolean,
  checkName,
  checkObject,
  checkOptions,
  checkTimeout,
  outOfRange,
  wrongType,
} from '../lifecycle/check.ts'
import type { PlaceOptions, UseOptions } from '../lifecycle/contract.ts'
import { PLACE } from '../lifecycle/place.ts'
import type { Budgets } from './budgets.ts'

/** Options of {@link Startup}. */
export interface StartupOptions extends Partial<Budgets> {
  /** Names of the phases and steps to come, so that it can be said which had not begun. Default: none. */
  plan?: readonly string[]
}

/** Options of {@link Startup.phase}. */
export interface PhaseOptions {
  /** How many ms it may take. Default: the startup's `phase`. Cut to what is left above it. */
  timeout?: number
  /** Whether it counts for the budget of the critical path. Default: false, or that of the phase around it. */
  critical?: boolean
  /** Names of the steps to come. Default: none. */
  plan?: readonly string[]
}

/** How often a step is tried, and how long it waits in between: within its own budget. */
export interface RetryOptions extends BackoffOptions {
  /** How often in all, at least 1. Default: until its time is over. */
  attempts?: number
}

/** Options of {@link Startup.step}. */
export interface StepOptions<T> extends Pick<UseOptions<T>, 'close' | 'force' | 'grace' | 'kind'>, PlaceOptions {
  /** How many ms it may take. Default: the startup's `step`. Cut to what is left above it. */
  timeout?: number
  /** One sentence for people: what is lost if this step fails. It stands in the error. */
  impact?: string
  /** Whether it counts for the budget of the critical path. Default: false, or that of the phase around it. */
  critical?: boolean
  /** Whether the service starts without it, degraded: the step then brings `undefined`. Default: false. */
  optional?: boolean
  /** Whether it is left out with `SKIP_STARTUP_VALIDATION` in test and staging. It then brings `undefined`. Default: false. */
  skipInTest?: boolean
  /** Whether and how it is tried again. `true` means with the defaults. Default: false. */
  retry?: boolean | RetryOptions
}

const ending = ['close', 'force', 'grace', 'kind', ...PLACE] as const
const flags = ['critical', 'optional', 'skipInTest'] as const

/** Refuses what a phase cannot be begun with. */
export function checkPhase(options: PhaseOptions): void {
  checkObject('options', options)
  checkOptions('phase', options, ['timeout', 'critical', 'plan'])
  const { timeout, critical, plan = [] } = options
  if (timeout !== undefined) checkTimeout('options.timeout', timeout)
  if (critical !== undefined) checkBoolean('options.critical', critical)
  checkPlan(plan)
}

/** Refuses what a step cannot be begun with, but for how its result ends. */
export function checkStep(options: StepOptions<unknown>): void {
  checkObject('options', options)
  checkOptions('step', options, [...ending, ...flags, 'timeout', 'impact', 'retry'])
  const { timeout, impact, retry } = options
  if (timeout !== undefined) checkTimeout('options.timeout', timeout)
  if (impact !== undefined && typeof impact !== 'string') throw wrongType('options.impact', 'a sentence', impact)
  for (const flag of flags) if (options[flag] !== undefined) checkBoolean(`options.${flag}`, options[flag])
  if (retry !== undefined && typeof retry !== 'boolean') checkRetry(retry)
}

function checkRetry(retry: RetryOptions): void {
  checkObject('options.retry', retry)
  checkOptions('options.retry', retry, ['attempts', 'first', 'max', 'factor', 'jitter'])
  const { attempts, ...backoff } = retry
  checkBackoff('options.retry', backoff)
  if (attempts === undefined || (Number.isInteger(attempts) && attempts >= 1)) return
  throw outOfRange('options.retry.attempts', 'a whole number from 1', attempts)
}

/** Refuses a list of names that is none, or that names something twice. */
export function checkPlan(plan: readonly string[]): void {
  if (!Array.isArray(plan)) throw wrongType('options.plan', 'an array of names', plan)
  for (const [at, name] of plan.entries()) {
    checkName(`options.plan[${at}]`, name)
    if (plan.indexOf(name) !== at) throw outOfRange('options.plan', 'names that are all different', plan)
  }
}
