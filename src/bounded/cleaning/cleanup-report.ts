/** What one sweep of a run has done. */
export interface CleanupRow {
  /** As it was given to `add`. */
  readonly name: string
  /** How many items it removed. */
  readonly removed: number
  /** How many bytes that has freed, as far as it said. */
  readonly bytes: number
  /** How many items should have gone and did not, as far as it said. */
  readonly failed: number
  /** How many ms it took. */
  readonly ms: number
  /** What it threw; a `TimeoutError` when it took too long, or when it still hangs from an earlier run. */
  readonly error?: unknown
}

/** What one run of a {@link Janitor} has done. Frozen. */
export interface CleanupReport {
  /** Why it ran: `interval`, `pressure`, or the word that was given to `run`. */
  readonly reason: string
  /** How many ms it took. */
  readonly ms: number
  /** How many items were removed in all. */
  readonly removed: number
  /** How many bytes that has freed, as far as the sweeps said. */
  readonly bytes: number
  /** How many items should have gone and did not. */
  readonly failed: number
  /** One for each sweep, in order. */
  readonly rows: readonly CleanupRow[]
  /** The bytes of heap that were used, garbage included: they show a trend, and not what this run has freed. */
  readonly memory: { readonly before: number; readonly after: number }
}

/** The sum of some rows. */
export function reportOf(
  rows: readonly CleanupRow[],
  { reason, ms, memory }: Pick<CleanupReport, 'reason' | 'ms' | 'memory'>,
): CleanupReport {
  const sum = (key: 'removed' | 'bytes' | 'failed'): number => rows.reduce((total, row) => total + row[key], 0)
  const totals = { removed: sum('removed'), bytes: sum('bytes'), failed: sum('failed') }
  return Object.freeze({ reason, ms, ...totals, rows: Object.freeze(rows), memory: Object.freeze(memory) })
}

/** A run in one line, such as `cleaned 12 of jobs, 3 of logs, 4.5 MB freed, in 31 ms; heap 512 → 488 MB`. */
export function reportLine({ ms, bytes, failed, rows, memory }: CleanupReport): string {
  const cleaned = rows.filter(({ removed }) => removed > 0).map(({ name, removed }) => `${removed} of ${name}`)
  const parts = [`cleaned ${cleaned.join(', ') || 'nothing'}`]
  if (bytes > 0) parts.push(`${inMegabytes(bytes, 1)} MB freed`)
  if (failed > 0) parts.push(`${failed} not`)
  parts.push(`in ${ms} ms`)
  const heap = `heap ${inMegabytes(memory.before, 0)} → ${inMegabytes(memory.after, 0)} MB`
  const errors = rows.filter((row) => 'error' in row).map(({ name, error }) => `${name} failed: ${messageOf(error)}`)
  return [parts.join(', '), heap, ...errors].join('; ')
}

function inMegabytes(bytes: number, digits: number): string {
  return (bytes / 1_000_000).toFixed(digits)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
