/**
 * Removes what is not needed any more: jobs that ended from memory, their logs from disk. Shows a janitor, which runs all
 * sweeps one after another, and a sweeper, which knows by name and age what it may delete, and nothing else.
 */
import { join } from 'node:path'
import type { Lifecycle } from 'endswell'
import { Janitor, type JobRegistry } from 'endswell/bounded'
import { RetentionSweeper } from 'endswell/disk'
import type { Facts } from './jobs.ts'

/** How many ms a log is kept after it was last written to; a week, where disks are larger. */
const RETAIN = 5_000
/** How many ms pass between two runs; ten minutes, where jobs are longer. */
const INTERVAL = 1_000

/** Begins to clean up now and then. */
export function startCleaning(life: Lifecycle, directory: string, registry: JobRegistry<Facts>): Janitor {
  const logs = life.use(
    new RetentionSweeper({
      root: join(directory, 'logs'),
      rules: [{ match: 'job_*.log', kind: 'file', maxAge: RETAIN }],
    }),
    { name: 'logs' },
  )
  // Opened last, it closes first: nothing is swept that is closed already.
  const janitor = life.use(new Janitor({ interval: INTERVAL }), { name: 'janitor' })
  janitor.add('jobs', registry)
  janitor.add('logs', logs)
  return janitor
}
