/**
 * What has yet to be written to the database. Shows a buffer that loses nothing while the database is away: it tries again,
 * later and later, it is bounded, and what is left when the service ends is on disk for the next one.
 */
import { join } from 'node:path'
import type { Lifecycle } from 'endswell'
import { RetryBuffer } from 'endswell/bounded'
import type { Row, Store } from './store.ts'

/** Rows by the job's id, each as it stood last. */
export type Unsaved = RetryBuffer<Row>

/** Opens it, with what the service before this one could not save. */
export async function openUnsaved(life: Lifecycle, store: Store, directory: string): Promise<Unsaved> {
  const unsaved: Unsaved = life.use(
    new RetryBuffer<Row>({
      save: (row) => store.save(row),
      backoff: { first: 50, max: 1_000 },
      spill: join(directory, 'unsaved'),
      onDrop: (id, _row, reason) => console.error(`what became of ${id} is lost: ${reason}`),
    }),
    { name: 'unsaved' },
  )
  await unsaved.ready()
  for (const id of [...unsaved.keys()]) {
    const row = unsaved.get(id)
    // That service was killed in the midst of it.
    if (row?.state === 'active') unsaved.add(id, { ...row, state: 'failed' })
  }
  return unsaved
}
