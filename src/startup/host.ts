import type { Deadline } from '../lifecycle/deadline.ts'
import type { BudgetName } from './budgets.ts'

/** What whoever starts a program brings along for its start. */
export interface Host {
  /** Whether the total bounds the start: not where starting and working are one, as in a batch job. */
  readonly bounded: boolean
  /** Whether waiting for a step keeps the process alive: not where the host notices that nothing else does. */
  readonly ref: boolean
  /** Has something outside the event loop watch over a deadline. Returns the undo. */
  guard(deadline: Deadline, path: string, budget: BudgetName): () => void
  /** Told when something optional has failed after the start was over. */
  degraded(): void
}

/** A start on its own. */
export const alone: Host = { bounded: true, ref: true, guard: () => () => {}, degraded() {} }
