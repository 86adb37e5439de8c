import type { Outcome, Report, Row } from './contract.ts'
import { customInspect, inspect } from './inspect.ts'

/** The report of one closing. Plain data, frozen, that also prints as a tree and serialises as JSON. */
export class ClosingReport implements Report {
  readonly path: string
  readonly reason: string
  readonly complete: boolean
  readonly ms: number
  readonly counts: Readonly<Record<Outcome, number>>
  readonly rows: readonly Row[]

  constructor(report: Report) {
    this.path = report.path
    this.reason = report.reason
    this.complete = report.complete
    this.ms = report.ms
    this.counts = Object.isFrozen(report.counts) ? report.counts : Object.freeze({ ...report.counts })
    this.rows = Object.freeze(report.rows)
    Object.freeze(this)
  }

  /** The report as lines to read: a summary, then a tree with the slowest first in each branch. */
  toString(): string {
    return [summary(this), ...branch(treeOf(this), '')].join('\n')
  }

  /** Plain data for `JSON.stringify`, in which errors keep name, message, code and stack. */
  toJSON(): Report {
    const rows = this.rows.map((row) => {
      const plain = { ...row, ms: rounded(row.ms) }
      return 'error' in row ? { ...plain, error: plainError(row.error) } : plain
    })
    return { ...this, ms: rounded(this.ms), rows }
  }

  [customInspect](): string {
    return this.toString()
  }
}

/** To the microsecond: further digits are noise. */
export function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}

/** One line: what ended, how long it took, how many ended in which way, and why. */
function summary({ path, reason, complete, ms, counts }: Report): string {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const ways = Object.entries(counts).filter(([, count]) => count > 0)
  const parts = ways.map(([outcome, count]) => `${count} ${outcome}`).join(', ')
  const verb = complete ? 'ended' : 'is ending'
  return `${path} ${verb}: ${all} ${all === 1 ? 'resource' : 'resources'}${parts && ` (${parts})`} in ${span(ms)}, because ${reason}`
}

/** A length of time for people: `0.4 ms`, `73 ms`, `2.5 s`. */
export function span(ms: number): string {
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(1))} s`
}

interface Tree {
  rows: Row[]
  readonly branches: Map<string, Tree>
}

function treeOf({ path, rows }: Report): Tree {
  const root: Tree = { rows: [], branches: new Map() }
  for (const row of rows) {
    const names = row.path.slice(path.length).split('/').filter(Boolean)
    let tree = root
    for (const name of names) {
      const inside = tree.branches.get(name) ?? { rows: [], branches: new Map() }
      tree.branches.set(name, inside)
      tree = inside
    }
    tree.rows.push(row)
  }
  return root
}

function branch(tree: Tree, indent: string): string[] {
  const names = [...tree.branches]
  return names.flatMap(([name, inside], at) => {
    const last = at === names.length - 1
    const rows = inside.rows.length === 0 ? [name] : inside.rows.map((row) => `${name}  ${rowText(row)}`)
    const lines = rows.map((row) => `${indent}${last ? '└─ ' : '├─ '}${row}`)
    return [...lines, ...branch(inside, `${indent}${last ? '   ' : '│  '}`)]
  })
}

function rowText(row: Row): string {
  const parts = [`${row.outcome} (${row.kind}) in ${span(row.ms)}`]
  if (row.note !== undefined) parts.push(row.note)
  if (row.outcome === 'failed') parts.push(errorText(row.error))
  if (row.outcome !== 'closed' && row.site !== undefined) parts.push(`made at ${row.site.file}:${row.site.line}`)
  return parts.join(', ')
}

function errorText(error: unknown): string {
  const plain = plainError(error)
  return typeof plain === 'string' ? plain : `${plain.name}: ${plain.message}`
}

/** An error as data that serialises. */
interface PlainError {
  readonly name: string
  readonly message: string
  readonly code?: string | number
  readonly stack?: string
}

/** What was thrown, as data that serialises, whatever it is: what is odd about it is shown, and nothing throws. */
export function plainError(error: unknown): PlainError | string {
  try {
    if (error instanceof Error) {
      const { name, message, code, stack } = error as Error & { code?: unknown }
      return {
        name: textOf(name),
        message: textOf(message),
        ...(code === undefined ? {} : { code: typeof code === 'number' ? code : textOf(code) }),
        ...(stack === undefined ? {} : { stack: textOf(stack) }),
      }
    }
  } catch {
    // A proxy, or a getter that throws: then it is shown as any other value.
  }
  return textOf(error)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value, { depth: 2 })
}
