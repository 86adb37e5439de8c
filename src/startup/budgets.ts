import { checkObject, checkOptions, checkTimeout } from '../lifecycle/check.ts'

/** How many ms a start and its parts may take. Each is cut to what is left of those above it. */
export interface Budgets {
  /** The whole start. Default: 30 000. */
  readonly total: number
  /** Everything critical, from the moment on that the first of it begins. Default: 20 000. */
  readonly criticalPath: number
  /** Each phase that does not say otherwise. Default: 15 000. */
  readonly phase: number
  /** Each step that does not say otherwise. Default: 5 000. */
  readonly step: number
}

/** One of the four budgets. */
export type BudgetName = keyof Budgets

/** The budgets unless options say otherwise: nested, so that the innermost culprit is the first to be named. */
export const defaultBudgets: Budgets = Object.freeze({
  total: 30_000,
  criticalPath: 20_000,
  phase: 15_000,
  step: 5_000,
})

/** Checks the budgets among the options of a startup, and fills in the rest. */
export function budgetsFrom(options: Partial<Budgets> & { plan?: unknown }): Budgets {
  checkObject('options', options)
  checkOptions('options', options, [...Object.keys(defaultBudgets), 'plan'])
  const { plan, ...given } = options
  for (const [budget, timeout] of Object.entries(given)) {
    if (timeout !== undefined) checkTimeout(`options.${budget}`, timeout)
  }
  const set = Object.entries(given).filter(([, timeout]) => timeout !== undefined)
  return { ...defaultBudgets, ...Object.fromEntries(set) }
}
