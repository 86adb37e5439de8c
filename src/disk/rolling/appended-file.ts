import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { builtin } from '../../lifecycle/builtin.ts'
import { syncFolder } from '../../lifecycle/sync-folder.ts'
import { unlessMissing } from '../../lifecycle/unless-missing.ts'

/** How a file is opened. */
interface AppendedFileOptions {
  readonly path: string
  readonly mode: number | undefined
  /** Whether a last line without an end gets one. */
  readonly repair: boolean
  /** Whether a new file's name is brought to the disk. */
  readonly fsync: boolean
}

const LINE_END = 10

/** A file that grows at its end, and holds an append as a whole or not at all, as long as this process can see to it. */
export class AppendedFile {
  readonly #options: AppendedFileOptions
  #handle: FileHandle | undefined = undefined
  /** Which file is open. */
  #identity: Pick<Stats, 'dev' | 'ino'> | undefined = undefined
  #repaired = 0

  constructor(options: AppendedFileOptions) {
    this.#options = options
  }

  /** How many last lines had no end and got one. */
  get repaired(): number {
    return this.#repaired
  }

  /**
   * Opens it, unless it is open. Others may have moved it away or removed it meanwhile, and what is written to such a
   * file nobody would find again: then it is made anew.
   *
   * @returns how many bytes it has.
   */
  async open(): Promise<number> {
    const there = await unlessMissing(builtin('node:fs').promises.stat(this.#options.path), undefined)
    if (this.#handle !== undefined) {
      if (there?.ino === this.#identity?.ino && there?.dev === this.#identity?.dev) return there?.size ?? 0
      await this.close()
    }
    return this.#open(there)
  }

  /** Adds bytes at its end, which must be open and have that size. What fails is taken back. */
  async append(bytes: Uint8Array, size: number, sync: boolean): Promise<void> {
    const handle = this.#handle as FileHandle
    try {
      await handle.appendFile(bytes)
      if (sync) await handle.datasync()
    } catch (error) {
      // Half a record would spoil the next one too. If even that fails, the next opening ends the line.
      await handle.truncate(size).catch(() => {})
      // What went wrong counts, and not whether it could be closed.
      await this.close().catch(() => {})
      throw error
    }
  }

  /** Brings to the disk what has been written. */
  async sync(): Promise<void> {
    await this.#handle?.datasync()
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  async #open(there: Stats | undefined): Promise<number> {
    const { path, mode, fsync } = this.#options
    if (there !== undefined && !there.isFile()) throw notRegular(path)
    const handle = await builtin('node:fs').promises.open(path, 'a+', mode)
    try {
      if (mode !== undefined) await handle.chmod(mode)
      const stats = await handle.stat()
      if (!stats.isFile()) throw notRegular(path)
      const size = await this.#repair(handle, stats.size)
      if (there === undefined && fsync) await syncFolder(dirname(path))
      this.#handle = handle
      this.#identity = stats
      return size
    } catch (error) {
      await handle.close().catch(() => {})
      throw error
    }
  }

  /** Ends a last line that a crash has torn, so that the next one is whole. */
  async #repair(handle: FileHandle, size: number): Promise<number> {
    if (!this.#options.repair || size === 0) return size
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
    if (buffer[0] === LINE_END) return size
    await handle.appendFile('\n')
    this.#repaired += 1
    return size + 1
  }
}

function notRegular(path: string): Error {
  return Object.assign(new Error(`${path} is no regular file.`), { code: 'EINVAL' })
}
