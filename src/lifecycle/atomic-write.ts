import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { builtin } from './builtin.ts'
import { checkBoolean, checkObject, checkOptions, wrongType } from './check.ts'
import { checkMode, checkPath } from './check-path.ts'
import { temporaryFor } from './leftovers.ts'
import { syncFolder } from './sync-folder.ts'
import { unlessMissing } from './unless-missing.ts'

/** Options of {@link atomicWrite}. */
export interface AtomicWriteOptions {
  /** The permissions, 0 to 0o7777. Default: those of the file that it replaces; without one, what the umask leaves of 0o666. */
  mode?: number
  /** Whether it is on the disk, and not only with the system, when the promise resolves. Default: true. */
  fsync?: boolean
}

/**
 * Writes a whole file in such a way that, whatever happens meanwhile, its name stands for the old content or for the
 * new one: the data goes to a new file in the same folder, that one to the disk, then it takes the name, and the folder
 * goes to the disk as well. A link is followed, so that it stays one. Of two writes at once the last to finish stays.
 *
 * What fails leaves the old content, and nothing else; only if the folder cannot be brought to the disk, the new one has
 * its name already. What is killed may leave the new file under a name of its own:
 * `removeLeftovers` knows it.
 *
 * @returns a promise that rejects with the error of the file system.
 * @throws TypeError or RangeError for bad arguments: at once, not as a rejection.
 * @example
 * ```ts
 * await atomicWrite('/var/lib/orders/state.json', JSON.stringify(state), { mode: 0o600 })
 * ```
 */
export function atomicWrite(path: string, data: string | Uint8Array, options: AtomicWriteOptions = {}): Promise<void> {
  checkPath('path', path)
  if (typeof data !== 'string' && !(data instanceof Uint8Array)) throw wrongType('data', 'a string or bytes', data)
  checkObject('options', options)
  checkOptions('atomicWrite', options, ['mode', 'fsync'])
  const { mode, fsync = true } = options
  if (mode !== undefined) checkMode('options.mode', mode)
  checkBoolean('options.fsync', fsync)
  return write(path, data, mode, fsync)
}

async function write(path: string, data: string | Uint8Array, mode: number | undefined, fsync: boolean): Promise<void> {
  const { promises } = builtin('node:fs')
  const target = await unlessMissing(promises.realpath(path), path)
  const old = await unlessMissing(promises.stat(target), undefined)
  const wanted = mode ?? (old && old.mode & 0o7777)
  const temporary = temporaryFor(target)
  try {
    const file = await promises.open(temporary, 'wx', wanted)
    try {
      if (old !== undefined) await giveTo(file, old)
      // What was asked for when it was opened, the umask may have cut.
      if (wanted !== undefined) await file.chmod(wanted)
      await file.writeFile(data)
      if (fsync) await file.sync()
    } finally {
      await file.close()
    }
    await promises.rename(temporary, target)
  } catch (error) {
    // What went wrong first is what matters, also where nothing can be removed any more.
    await promises.unlink(temporary).catch(() => {})
    throw error
  }
  if (fsync) await syncFolder(dirname(target))
}

/** Lets a new file belong to the owner of the one that it replaces. */
async function giveTo(file: FileHandle, { uid, gid }: Stats): Promise<void> {
  const own = await file.stat()
  // Only root may give files away; for everybody else it stays his own.
  if (own.uid !== uid || own.gid !== gid) await file.chown(uid, gid).catch(() => {})
}
