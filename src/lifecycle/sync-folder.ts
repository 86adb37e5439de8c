import { builtin } from './builtin.ts'
import { wordOf } from './errors.ts'

/** What folders answer that cannot be synced by us, or by anybody. */
const REFUSALS: readonly unknown[] = ['EACCES', 'EINVAL', 'ENOTSUP', 'EPERM']

/**
 * Brings the names in a folder to the disk: what was renamed in it is so also after a power failure. Some file systems
 * know no such call, and a folder may be writable but not readable: there this does nothing.
 */
export async function syncFolder(folder: string): Promise<void> {
  // Windows has no such call either, and keeps its names by a journal.
  if (process.platform === 'win32') return
  try {
    const handle = await builtin('node:fs').promises.open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (!REFUSALS.includes(wordOf(error, 'code'))) throw error
  }
}
