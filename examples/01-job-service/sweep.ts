/** Removes the files of jobs that ended a while ago. Shows work for `life.every`: it stops between two files. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Store } from './store.ts'

/** Removes the files of jobs that ended more than `retain` ms ago. */
export async function sweep(store: Store, directory: string, retain: number, signal: AbortSignal): Promise<void> {
  for (const id of store.stale(Date.now() - retain)) {
    if (signal.aborted) return
    await rm(join(directory, 'files', id), { force: true })
    store.swept(id)
  }
}
