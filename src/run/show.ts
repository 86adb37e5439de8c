import type { Clock, ClockTimer } from '../lifecycle/clock.ts'
import type { Report } from '../lifecycle/contract.ts'
import { inspect } from '../lifecycle/inspect.ts'
import { ClosingReport, span } from '../lifecycle/report.ts'
import type { Scope } from '../lifecycle/scope.ts'
import type { StartupReport } from '../startup/index.ts'
import { closingIn, type Leaf, leaves } from './leaves.ts'
import { type Screen, write } from './screen.ts'

/** How often the live view is drawn anew, in ms. */
const FRAME = 100
/** How many of the slowest that closed gently are shown in the end. */
const SLOWEST_SHOWN = 10
/** How many resources a line names before it counts the rest. */
const NAMED = 20
/** For a terminal that does not know how wide it is. */
const USUAL_COLUMNS = 80
const CLEAR = '\r\u001B[K'

/**
 * Shows on a terminal what a lifecycle that is closing waits for, in one line that is drawn anew until the returned
 * function is called. Elsewhere it shows nothing.
 */
export function showProgress(screen: Screen, clock: Clock, scope: Scope): () => void {
  if (screen.isTTY !== true) return () => {}
  const startedAt = clock.now()
  let timer: ClockTimer
  const draw = (): void => {
    const line = `${scope.path} is closing, ${span(clock.now() - startedAt)}: ${progress(scope)}`
    write(screen, CLEAR + line.slice(0, (screen.columns || USUAL_COLUMNS) - 1))
    timer = clock.setTimeout(draw, FRAME)
    timer.unref()
  }
  draw()
  return () => {
    clock.clearTimeout(timer)
    write(screen, CLEAR)
  }
}

/** What is on its way out right now, and how many wait for their turn. */
function progress(scope: Scope): string {
  const { closing, waiting } = closingIn(scope)
  const names = named(closing).map((path) => path.replace(`${scope.path}/`, ''))
  return [names.join(', '), waiting > 0 ? `${waiting} to come` : ''].filter(Boolean).join('; ')
}

/** The paths of all that a lifecycle holds, as far as a line has room for them. */
export function openPaths(scope: Scope): readonly string[] {
  return named([...leaves(scope)])
}

function named(all: readonly Leaf[]): string[] {
  const paths = all.slice(0, NAMED).map(({ scope, entry }) => scope.pathOf(entry))
  return all.length > NAMED ? [...paths, `${all.length - NAMED} more`] : paths
}

/** Shows how it ended: a tree on a terminal, else one line of JSON. All that went wrong is in it. */
export function showReport(screen: Screen, report: Report, status: number): void {
  const text = (): string => {
    const short = shortened(report)
    if (screen.isTTY === true) return String(short)
    return JSON.stringify({ event: 'endswell:shutdown', status, ...short.toJSON() })
  }
  write(screen, `${textOf(text)}\n`)
}

function shortened(report: Report): ClosingReport {
  let slowest = 0
  const rows = report.rows.filter(({ outcome }) => outcome !== 'closed' || ++slowest <= SLOWEST_SHOWN)
  return new ClosingReport({ ...report, rows })
}

/** Shows how a start went that was not all well: a tree on a terminal, else one line of JSON. */
export function showStart(screen: Screen, report: StartupReport): void {
  const text = (): string =>
    screen.isTTY === true ? String(report) : JSON.stringify({ event: 'endswell:startup', ...report.toJSON() })
  write(screen, `${textOf(text)}\n`)
}

/** Shows an error with its stack, under a heading. */
export function showError(screen: Screen, heading: string, error: unknown): void {
  write(screen, `${screen.isTTY === true ? CLEAR : ''}${heading}\n${textOf(() => inspect(error))}\n`)
}

/** What people throw may throw in its turn when it is looked at, and that must not stop the shutdown. */
function textOf(make: () => string): string {
  try {
    return make()
  } catch (error) {
    return `(cannot be shown: ${error instanceof Error ? error.message : typeof error})`
  }
}
