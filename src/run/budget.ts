import { DEFAULT_TIMEOUT } from '../lifecycle/settings.ts'

/** How many ms are kept back for what comes after closing: the second of forcing, the flush, the exit. */
const DEFAULT_RESERVE = 2_000
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

/** When the platform kills, in ms after the signal; `undefined` where nothing tells. */
export function gracePeriod(env: Environment): number | undefined {
  const seconds = Number(env['TERMINATION_GRACE_PERIOD'])
  if (seconds > 0) return seconds * 1_000
  return env['KUBERNETES_SERVICE_HOST'] === undefined ? undefined : KUBERNETES_GRACE
}

/** The parts that options give, and for the rest what fits into the platform's grace period. */
export function budgetFor(given: Partial<Budget>, env: Environment): Budget {
  const { reserve = DEFAULT_RESERVE } = given
  const { drainDelay = env['KUBERNETES_SERVICE_HOST'] === undefined ? 0 : KUBERNETES_LAG } = given
  const period = gracePeriod(env) ?? Number.POSITIVE_INFINITY
  const { timeout = Math.max(0, Math.min(DEFAULT_TIMEOUT, period - drainDelay - reserve)) } = given
  return { drainDelay, timeout, reserve }
}
