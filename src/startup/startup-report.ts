import type { Site } from '../lifecycle/contract.ts'
import { customInspect } from '../lifecycle/inspect.ts'
import { plainError, rounded, span } from '../lifecycle/report.ts'
import type { Stage, StageState } from './stage.ts'

/** A phase or a step in a {@link StartupReport}. */
export interface StartupRow {
  /** Names from the root, such as `/orders/connections/database`. */
  readonly path: string
  /** What it is; of what has not begun only its name is known. */
  readonly kind: 'phase' | 'step' | 'planned'
  /** Where it stands, or what became of it. */
  readonly state: StageState
  /** When it began, in ms after the start did. */
  readonly at: number
  /** How long it took, or has taken so far, in ms. */
  readonly ms: number
  /** How many ms it may take: its own budget, or what was left above it when it began. */
  readonly timeout?: number
  /** How often it was tried, where that was more than once. */
  readonly attempts?: number
  /** Why it failed; of a step that is being tried again, what the last attempt met. */
  readonly error?: unknown
  /** What is lost by its failure, where that was said. */
  readonly impact?: string
  /** Where it was declared, as far as the leak level keeps it. */
  readonly site?: Site
  /** What began inside it, in that order, and what was planned there and did not begin. */
  readonly inside: readonly StartupRow[]
}

/** How a start went, or goes. */
export interface StartupFigures {
  readonly path: string
  readonly state: 'starting' | 'started' | 'degraded' | 'failed' | 'stopped'
  /** How long it took, or has taken so far, in ms. */
  readonly ms: number
  readonly rows: readonly StartupRow[]
}

/** What `boot.report` gives: plain data, frozen, that also prints as a tree of times and serialises as JSON. */
export class StartupReport implements StartupFigures {
  /** Names of the lifecycle from the root. */
  readonly path: string
  /** `starting`; `started`; `degraded` if something optional failed; `failed`; `stopped` because the lifecycle closed. */
  readonly state: StartupFigures['state']
  /** How long it took, or has taken so far, in ms. */
  readonly ms: number
  /** Its phases and steps, as they began, and what was planned and did not begin. */
  readonly rows: readonly StartupRow[]

  constructor({ path, state, ms, rows }: StartupFigures) {
    this.path = path
    this.state = state
    this.ms = ms
    this.rows = rows
    Object.freeze(this)
  }

  /** A summary, then a line for each phase and step: how long it took, when it began, and what became of it. */
  toString(): string {
    const verb = { starting: 'is starting, after', started: 'started in', degraded: 'started degraded in' } as const
    const summary = this.state in verb ? verb[this.state as keyof typeof verb] : `${this.state} to start after`
    const words = this.state === 'stopped' ? 'was stopped while it started, after' : summary
    return [`${this.path} ${words} ${span(this.ms)}`, ...branch(this.rows, '')].join('\n')
  }

  /** Plain data for `JSON.stringify`, in which errors keep name, message, code and stack. */
  toJSON(): StartupFigures {
    return { path: this.path, state: this.state, ms: rounded(this.ms), rows: this.rows.map(plainRow) }
  }

  [customInspect](): string {
    return this.toString()
  }
}

/** How a start went by now. */
export function reportOf(root: Stage, now: number): StartupReport {
  const rows = rowsOf(root, { now, since: root.facts.since })
  return new StartupReport({ path: root.path, state: stateOf(root), ms: root.ms(now), rows })
}

function stateOf(root: Stage): StartupFigures['state'] {
  if (root.state === 'running') return 'starting'
  if (root.state === 'failed' || root.state === 'stopped') return root.state
  return [...root.all()].some(({ state }) => state === 'degraded') ? 'degraded' : 'started'
}

function rowsOf(stage: Stage, { now, since }: { now: number; since: number }): readonly StartupRow[] {
  const begun = stage.inside.map((each): StartupRow => {
    const { kind, deadline, impact } = each.facts
    return Object.freeze({
      path: each.path,
      kind: kind as StartupRow['kind'],
      state: each.state,
      at: each.facts.since - since,
      ms: each.ms(now),
      timeout: Math.max(0, Math.round(deadline.at - deadline.since)),
      ...(each.attempts > 1 ? { attempts: each.attempts } : {}),
      ...(each.error === undefined ? {} : { error: each.error }),
      ...(impact === undefined ? {} : { impact }),
      ...(each.site === undefined ? {} : { site: each.site }),
      inside: rowsOf(each, { now, since }),
    })
  })
  const missing = stage.notBegun.map((name): StartupRow => {
    const row = {
      path: `${stage.path}/${name}`,
      kind: 'planned',
      state: 'not begun',
      at: 0,
      ms: 0,
      inside: [],
    } as const
    return Object.freeze(row)
  })
  return Object.freeze([...begun, ...missing])
}

function plainRow(row: StartupRow): StartupRow {
  const inside = row.inside.map(plainRow)
  const plain = { ...row, at: rounded(row.at), ms: rounded(row.ms), inside }
  return 'error' in row ? { ...plain, error: plainError(row.error) } : plain
}

function branch(rows: readonly StartupRow[], indent: string): string[] {
  return rows.flatMap((row, index) => {
    const last = index === rows.length - 1
    const lines = branch(row.inside, `${indent}${last ? '   ' : '│  '}`)
    return [`${indent}${last ? '└─ ' : '├─ '}${rowText(row)}`, ...lines]
  })
}

function rowText({ path, state, at, ms, timeout, attempts, impact, site }: StartupRow): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (state === 'not begun' || state === 'skipped') return `${name}  ${state}`
  const parts = [`${span(ms)} from ${span(at)}`]
  if (state !== 'done') parts.unshift(state)
  if (attempts !== undefined) parts.push(`${attempts} attempts`)
  if (state === 'done') return `${name}  ${parts.join(', ')}`
  if (timeout !== undefined) parts.push(`of ${span(timeout)}`)
  if (impact !== undefined) parts.push(impact)
  if (site !== undefined) parts.push(`declared at ${site.file}:${site.line}`)
  return `${name}  ${parts.join(', ')}`
}
