import type { Report } from '../lifecycle/contract.ts'

/** How a run ended, the gravest first: the first that applies decides the exit status. */
export const endings = ['signal', 'abandoned', 'startup', 'error', 'forced', 'closed'] as const

/** One of the ways in which a run can end. */
export type Ending = (typeof endings)[number]

/** The exit status of each ending, and of a process whose event loop was blocked. A signal's is 128 and its number. */
export type Statuses = Readonly<Record<Exclude<Ending, 'signal'> | 'blocked', number>>

/**
 * The statuses unless options say otherwise. Those of the library's own are below 126, where shells begin to use
 * them for themselves, and away from the small ones that programs and Node use.
 */
export const defaultStatuses: Statuses = {
  blocked: 83,
  abandoned: 81,
  startup: 82,
  error: 1,
  forced: 80,
  closed: 0,
}

/** How a run ended, and the status for that. This is part of the coordinator's protocol. */
export interface End {
  readonly ending: Ending
  readonly status: number
}

/** What is known when a run has ended. */
export interface Facts {
  readonly report: Report
  /** Whether the start failed, or an error was uncaught. */
  readonly failed: boolean
  /** Whether the start failed because its time was over. */
  readonly overdue: boolean
  /** A status that the application chose for its error. */
  readonly chosen: number | undefined
}

/** How a run ended, and with which status. */
export function endOf({ report, failed, overdue, chosen }: Facts, statuses: Statuses): End {
  const { counts } = report
  if (counts.abandoned > 0) return { ending: 'abandoned', status: statuses.abandoned }
  if (overdue) return { ending: 'startup', status: statuses.startup }
  if (failed) return { ending: 'error', status: chosen ?? statuses.error }
  if (counts.forced + counts.failed > 0) return { ending: 'forced', status: statuses.forced }
  return { ending: 'closed', status: statuses.closed }
}

/** Of two ends of one process the graver one. */
export function graver(one: End | undefined, other: End): End {
  return one !== undefined && endings.indexOf(one.ending) <= endings.indexOf(other.ending) ? one : other
}

/** The status to exit with: after a gentle end that is `process.exitCode`, where the application has set it. */
export function statusOfEnd({ ending, status }: End, exitCode: typeof process.exitCode): number {
  return ending === 'closed' && exitCode !== undefined ? Number(exitCode) : status
}
