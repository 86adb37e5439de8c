import type { Clock, ClockTimer } from '../lifecycle/clock.ts'
import type { Report, Snapshot } from '../lifecycle/contract.ts'
import { inspect } from '../lifecycle/inspect.ts'
import { span } from '../lifecycle/report.ts'

/** How often the live view is drawn anew, in ms. */
const FRAME = 100
/** How many of the slowest that closed gently stand in the JSON line. */
const SLOWEST_SHOWN = 10
const CLEAR = '\r\u001B[K'

/** Where the shutdown is shown: standard error, or what stands in for it in a test. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/**
 * Shows on a terminal what is still closing, in one line that is drawn anew until the returned function is called.
 * Elsewhere it shows nothing.
 */
export function showProgress(screen: Screen, clock: Clock, snapshot: () => Snapshot): () => void {
  if (screen.isTTY !== true) return () => {}
  const startedAt = clock.now()
  let timer: ClockTimer | undefined
  const draw = (): void => {
    const names = closingNames(snapshot())
    const line = `${snapshot().path} is closing, ${span(clock.now() - startedAt)}: ${names.join(', ') || 'nothing is left'}`
    screen.write(CLEAR + line.slice(0, (screen.columns ?? 80) - 1))
    timer = clock.setTimeout(draw, FRAME)
    timer.unref()
  }
  draw()
  return () => {
    if (timer !== undefined) clock.clearTimeout(timer)
    screen.write(CLEAR)
  }
}

/** What is open or closing, by path below the root: those that are closing right now first. */
function closingNames({ path, resources }: Snapshot): string[] {
  const leaves = (snapshot: Snapshot): Snapshot['resources'][number][] =>
    snapshot.resources.flatMap((resource) => (resource.inside === undefined ? [resource] : leaves(resource.inside)))
  const all = leaves({ path, state: 'closing', size: resources.length, resources })
  const sorted = [...all.filter(({ state }) => state === 'closing'), ...all.filter(({ state }) => state === 'open')]
  return sorted.map((resource) => resource.path.slice(path.length + 1))
}

/** Shows how it ended: a tree on a terminal, else one line of JSON. */
export function showReport(screen: Screen, report: Report, status: number): void {
  if (screen.isTTY === true) {
    screen.write(`${String(report)}\n`)
    return
  }
  const plain = JSON.parse(JSON.stringify(report)) as Report
  const worse = plain.rows.filter(({ outcome }) => outcome !== 'closed')
  const slowest = plain.rows.filter(({ outcome }) => outcome === 'closed').slice(0, SLOWEST_SHOWN)
  screen.write(`${JSON.stringify({ event: 'endswell:shutdown', status, ...plain, rows: [...worse, ...slowest] })}\n`)
}

/** Shows an error with its stack, under a heading. */
export function showError(screen: Screen, heading: string, error: unknown): void {
  screen.write(`${heading}\n${inspect(error)}\n`)
}
