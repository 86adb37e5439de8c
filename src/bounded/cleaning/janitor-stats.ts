import type { CleanupReport } from './cleanup-report.ts'

/** What a {@link Janitor} has done, as its `stats()` say. */
export interface JanitorStats {
  /** How many sweeps it has to do in each run. */
  readonly sweeps: number
  /** How many runs are over. */
  readonly runs: number
  /** How many items were removed so far. */
  readonly removed: number
  /** How many bytes that has freed, as far as the sweeps said. */
  readonly bytes: number
  /** How many items should have gone and did not: each attempt counts. */
  readonly failed: number
  /** How many sweeps have thrown or taken too long. */
  readonly errors: number
  /** The names of those that were given up and still go on. */
  readonly hanging: readonly string[]
  /** The last run, if there was one. */
  readonly last: CleanupReport | undefined
}

/** What has become of a janitor's work when it has closed. */
export interface JanitorEnd {
  /** How many runs it has done. */
  readonly runs: number
  /** How many items were removed. */
  readonly removed: number
  /** How many bytes that has freed. */
  readonly bytes: number
  /** The names of the sweeps that go on all the same. */
  readonly hanging: readonly string[]
}

/** What a janitor counts. */
export class JanitorCounts {
  all: Omit<JanitorStats, 'sweeps' | 'hanging'> = {
    runs: 0,
    removed: 0,
    bytes: 0,
    failed: 0,
    errors: 0,
    last: undefined,
  }

  add(last: CleanupReport): void {
    const { runs, removed, bytes, failed, errors } = this.all
    this.all = {
      runs: runs + 1,
      removed: removed + last.removed,
      bytes: bytes + last.bytes,
      failed: failed + last.failed,
      errors: errors + last.rows.filter((row) => 'error' in row).length,
      last,
    }
  }
}
