import { DEFAULT_TIMEOUT } from '../lifecycle/settings.ts'

/** How many ms are kept back for what comes after closing: the second of forcing, the flush, the exit. */
export const DEFAULT_RESERVE = 2_000
/** How many ms Kubernetes may go on sending requests to a pod that it has told to stop. */
const KUBERNETES_LAG = 5_000
/** How many ms Kubernetes waits before it kills, where the manifest says nothing. */
const KUBERNETES_GRACE = 30_000

/** How the time between the signal and the kill is divided, in ms. */
export interface Budget {
  /** Between the signal and the closing: still serving, no longer ready. */
  readonly drainDelay: number
  /** For the closing. */
  readonly timeout: number
  /** For what comes after it. */
  readonly reserve: number
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * When the platform kills, in ms after the signal; `undefined` where nothing tells. Kubernetes counts from before the
 * `preStop` hook of the manifest, which `PRE_STOP_DELAY` gives in seconds, to the signal after it.
 */
export function gracePeriod(env: Environment): number | undefined {
  const seconds = Number(env['TERMINATION_GRACE_PERIOD'])
  const period =
    seconds > 0 ? seconds * 1_000 : env['KUBERNETES_SERVICE_HOST'] === undefined ? undefined : KUBERNETES_GRACE
  return period === undefined ? undefined : Math.max(0, period - preStop(env))
}

function preStop(env: Environment): number {
  const seconds = Number(env['PRE_STOP_DELAY'])
  return seconds > 0 ? seconds * 1_000 : 0
}

/** The parts that options give, and for the rest what fits into the platform's grace period. */
export function budgetFor(given: Partial<Budget>, env: Environment): Budget {
  const { reserve = DEFAULT_RESERVE } = given
  const { drainDelay = env['KUBERNETES_SERVICE_HOST'] === undefined ? 0 : KUBERNETES_LAG } = given
  const period = gracePeriod(env) ?? Number.POSITIVE_INFINITY
  const { timeout = Math.max(0, Math.min(DEFAULT_TIMEOUT, period - drainDelay - reserve)) } = given
  return { drainDelay, timeout, reserve }
}

/**
 * One sentence for people about a shutdown that the platform would cut off, or that has no time to close anything, with
 * the numbers and what mends it; `undefined` where all fits, or where nothing tells when the platform kills.
 */
export function budgetWarning({ drainDelay, timeout, reserve }: Budget, env: Environment): string | undefined {
  for (const name of ['TERMINATION_GRACE_PERIOD', 'PRE_STOP_DELAY']) {
    const value = env[name] ?? ''
    if (value !== '' && !(Number(value) >= 0))
      return `${name} is '${value}', which is no number of seconds, and ignored.`
  }
  const period = gracePeriod(env)
  if (period === undefined) return undefined
  const sum = drainDelay + timeout + reserve
  const rest = period - drainDelay - reserve
  if (sum <= period && (timeout > 0 || rest > 0)) return undefined
  const parts = `drainDelay ${drainDelay} + timeout ${timeout} + reserve ${reserve}`
  const what =
    sum > period
      ? `The shutdown may take ${sum} ms (${parts}), but the platform kills after ${periodWords(period, env)}.`
      : `The shutdown has no time to close anything: ${parts} fill the ${periodWords(period, env)} until the platform kills.`
  // Where nothing is left for closing, there should be what there is by default.
  const needed = Math.ceil((drainDelay + (timeout || DEFAULT_TIMEOUT) + reserve + preStop(env)) / 1_000)
  const longer = `set terminationGracePeriodSeconds and TERMINATION_GRACE_PERIOD to ${needed}`
  const shorter = rest > 0 ? `give a timeout of at most ${rest}` : 'give a shorter drainDelay'
  return `${what} To mend it, ${longer}, or ${shorter}.`
}

function periodWords(period: number, env: Environment): string {
  const before = preStop(env)
  return before > 0 ? `${period} ms (${before} ms of its grace period go to preStop)` : `${period} ms`
}
