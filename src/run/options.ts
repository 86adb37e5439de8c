import {
  checkBoolean,
  checkFunction,
  checkObject,
  checkOneOf,
  checkOptions,
  checkPort,
  checkStatus,
  checkTimeout,
  wrongType,
} from '../lifecycle/check.ts'
import { type Clock, systemClock } from '../lifecycle/clock.ts'
import type { LifecycleOptions } from '../lifecycle/contract.ts'
import type { HealthServerOptions } from '../observe/index.ts'
import type { StartupOptions } from '../startup/index.ts'
import { type Budget, budgetFor } from './budget.ts'
import { defaultStatuses, type Statuses } from './exit-status.ts'
import type { Flushable } from './flush.ts'
import { defaultSignals, type StopSignal, stopSignals } from './signals.ts'

/** What to do about an error that nothing caught: end in order, go on, or end in order with a status of your own. */
export type ErrorDecision = 'shutdown' | 'continue' | number

/** Options of `run`, and those of its lifecycle but the name. */
export interface RunOptions extends Omit<LifecycleOptions, 'name'> {
  /** What stops it. Default: SIGTERM and SIGINT. On request SIGHUP, SIGQUIT, SIGUSR2, SIGBREAK, `shutdown`, `disconnect`. */
  signals?: readonly StopSignal[]
  /** What a second signal does: force everything (`hurry`), exit at once, or nothing. A third exits. Default: `hurry`. */
  secondSignal?: 'hurry' | 'exit' | 'ignore'
  /** How many ms it goes on serving, no longer ready, after the signal. Default: 5 000 in Kubernetes, else 0. */
  drainDelay?: number
  /** How many ms are kept for what comes after closing. Default: 2 000. */
  reserve?: number
  /** How many ms the logger and the standard streams get to write out the rest. Default: 1 000. */
  flushTimeout?: number
  /** A logger to flush before the exit. */
  log?: Flushable
  /** Decides about an error that nothing caught; it has been printed by then. Default: `shutdown`. */
  onError?: (error: unknown) => ErrorDecision
  /** The budgets of the start, and its plan. With `until: 'main'` its total bounds nothing. Default: those of `Startup`. */
  startup?: StartupOptions
  /** Whether a thread watches for an event loop that is blocked past a deadline. Default: true, where the process exits. */
  watchdog?: boolean
  /** Answers `/livez`, `/readyz` and `/startupz` on a port of its own. Default: none. */
  health?: HealthServerOptions
  /**
   * Other exit statuses, 0 to 255, for `blocked` (83), `abandoned` (81), `startup` (82), `error` (1), `forced` (80) and
   * `closed` (0).
   */
  statuses?: Partial<Statuses>
  /** Whether the shutdown is shown on standard error: live and as a tree on a terminal, else a JSON line. Default: true. */
  report?: boolean
  /** Until when it stays: `stopped` by a signal, an error, `life.close()` or an empty event loop; or `main` returns. Default: `stopped`. */
  until?: 'stopped' | 'main'
  /** Whether the process exits when all has ended. Default: true. */
  exit?: boolean
}

/** Options of `run`, checked and complete. */
export interface Plan {
  readonly signals: readonly StopSignal[]
  readonly secondSignal: 'hurry' | 'exit' | 'ignore'
  readonly budget: Budget
  readonly flushTimeout: number
  readonly log: Flushable | undefined
  readonly onError: (error: unknown) => ErrorDecision
  readonly statuses: Statuses
  readonly report: boolean
  readonly until: 'stopped' | 'main'
  readonly exit: boolean
  readonly startup: StartupOptions
  readonly watchdog: boolean
  readonly health: HealthServerOptions | undefined
  readonly clock: Clock
  readonly life: LifecycleOptions
}

const lifecycleOptions = ['timeout', 'grace', 'order', 'kinds', 'leaks', 'clock'] as const
const ownOptions = [
  'signals',
  'secondSignal',
  'drainDelay',
  'reserve',
  'flushTimeout',
  'log',
  'onError',
  'statuses',
  'startup',
  'watchdog',
  'health',
  'report',
  'until',
  'exit',
] as const

/**
 * Checks the options of `run` and fills in the rest.
 *
 * @throws TypeError or RangeError for an unknown or bad option.
 */
export function planFor(name: string, options: RunOptions, env: NodeJS.ProcessEnv): Plan {
  checkObject('options', options)
  checkOptions('run', options, [...ownOptions, ...lifecycleOptions])
  const { signals = defaultSignals, secondSignal = 'hurry', onError = () => 'shutdown', until = 'stopped' } = options
  const { flushTimeout = 1_000, statuses = {}, report = true, exit = true, log, startup = {}, health } = options
  const { watchdog = exit } = options
  if (!Array.isArray(signals)) throw wrongType('options.signals', 'an array of signals', signals)
  for (const signal of signals) checkOneOf('options.signals', signal, Object.keys(stopSignals))
  checkOneOf('options.secondSignal', secondSignal, ['hurry', 'exit', 'ignore'])
  checkOneOf('options.until', until, ['stopped', 'main'])
  for (const part of ['drainDelay', 'reserve', 'timeout'] as const) {
    if (options[part] !== undefined) checkTimeout(`options.${part}`, options[part])
  }
  checkTimeout('options.flushTimeout', flushTimeout)
  checkFunction('options.onError', onError)
  checkBoolean('options.report', report)
  checkBoolean('options.exit', exit)
  checkBoolean('options.watchdog', watchdog)
  if (health !== undefined) checkHealth(health)
  if (log !== undefined) checkFunction('options.log.flush', Object(log).flush)
  const budget = budgetFor(options, env)
  return {
    ...{ signals, secondSignal, budget, flushTimeout, log, onError, report, until, exit, startup, watchdog, health },
    statuses: { ...defaultStatuses, ...checkStatuses(statuses) },
    clock: options.clock ?? systemClock,
    life: { ...pick(options), name, timeout: budget.timeout },
  }
}

/** The rest of what health is given it checks itself, once it is loaded. */
function checkHealth(health: { port?: unknown }): void {
  checkObject('options.health', health)
  checkPort('options.health.port', health.port)
}

function checkStatuses(statuses: Partial<Statuses>): Partial<Statuses> {
  checkObject('options.statuses', statuses)
  checkOptions('options.statuses', statuses, Object.keys(defaultStatuses))
  for (const [ending, status] of Object.entries(statuses)) checkStatus(`options.statuses.${ending}`, status)
  return statuses
}

function pick(options: RunOptions): LifecycleOptions {
  const given = lifecycleOptions.filter((option) => options[option] !== undefined)
  return Object.fromEntries(given.map((option) => [option, options[option]]))
}
