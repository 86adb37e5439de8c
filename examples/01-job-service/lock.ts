/** Locks the service's database for a while, as a backup does that was started at the wrong hour. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

/** Nobody else can write for that many ms. */
export async function lockDatabase(directory: string, ms: number, signal: AbortSignal): Promise<void> {
  // It waits for whoever is writing just now.
  using database = new DatabaseSync(join(directory, 'jobs.db'), { timeout: 1_000 })
  database.exec('BEGIN IMMEDIATE')
  try {
    await sleep(ms, undefined, { signal })
  } finally {
    database.exec('ROLLBACK')
  }
}
