import { outOfRange } from '../../lifecycle/check.ts'
import { openRoot } from './root.ts'
import { Sweep } from './sweep.ts'
import { type SweepReport, SweepTally } from './sweep-report.ts'
import type { CheckedSweeper } from './sweeper-options.ts'

/** Who is told while it goes on. */
interface SweepListener {
  /** Something is gone. */
  onRemoved(path: string, reason: string): void
  /** A function of the user's threw. */
  onThrown(error: unknown): void
}

/**
 * One sweep, from the opening of the root to the report. When `signal` aborts, it stops before the next entry.
 *
 * @param real where the root led the last time.
 * @param byHandle whether to look for open files in `/proc`.
 */
export async function sweepOnce(
  { root, rules, concurrency, followRoot, dryRun, clock, wall }: CheckedSweeper,
  real: string | undefined,
  signal: AbortSignal,
  listener: SweepListener,
  byHandle = true,
): Promise<{ readonly report: SweepReport; readonly real: string | undefined }> {
  const since = clock.now()
  const tally = new SweepTally()
  const now = wall()
  // By what is no date, all would be old.
  if (!Number.isFinite(now)) throw outOfRange('What options.wall() returns', 'a date in ms', now)
  let aborted = false
  const opened = await openRoot({ path: root, followRoot, real, byHandle })
  if (opened !== undefined) {
    const sweep = new Sweep({ rules, concurrency, dryRun, now, signal, tally, ...listener })
    try {
      await sweep.walk(opened.folder)
    } catch (error) {
      if (!signal.aborted) throw error
      aborted = true
    } finally {
      await opened.folder.close()
    }
  }
  const report = tally.report({ aborted, dryRun, ms: clock.now() - since })
  return { report, real: opened?.real ?? real }
}
