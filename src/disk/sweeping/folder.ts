import type { Dir, Dirent, Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { sep } from 'node:path'
import { builtin } from '../../lifecycle/builtin.ts'

const slash = Buffer.from(sep)

/** How many entries are read, and looked at, in a row. */
const BATCH = 256

/** What is found in a folder: its name in the bytes that it really has. */
export type Named = Dirent<Buffer>

/** A folder was not the one any more that it had been. */
export class Swapped extends Error {
  override readonly name = 'Swapped'

  constructor() {
    super('the folder is another one now, or a link')
  }
}

/**
 * A folder at or below a root, whose entries are reached in such a way that no link is ever followed, whatever others do
 * meanwhile.
 *
 * Where the system shows open files as folders (`/proc/self/fd` on Linux), the folder is held open, and its entries are
 * reached through what is held: that its name, or one above it, leads elsewhere by now does not matter. Elsewhere its
 * real path and its identity are compared right before each deletion, which leaves a moment of two system calls.
 */
export class Folder {
  /** Relative to the root, joined by `/`; empty for the root. */
  readonly path: string
  /** How many levels it lies below the root. */
  readonly depth: number
  readonly #parent: Folder | undefined
  /** Its absolute path. */
  readonly #real: Buffer
  readonly #byHandle: boolean
  /** Which folder it was when it was first opened. */
  #identity: { readonly dev: number; readonly ino: number } | undefined
  readonly #name: Buffer
  /** Asking for it costs as much as some of what is asked of it. */
  readonly #fs = builtin('node:fs')
  #users = 0
  #opening: Promise<void> | undefined = undefined
  #handle: FileHandle | undefined = undefined
  /** What the names of its entries are put after, and its separator. */
  #base: Buffer

  private constructor(parent: Folder | undefined, name: Buffer, real: Buffer, byHandle: boolean) {
    this.#parent = parent
    this.#name = name
    this.#real = real
    this.#byHandle = byHandle
    this.#base = Buffer.concat([real, slash])
    this.path = parent === undefined ? '' : pathIn(parent, name)
    this.depth = parent === undefined ? 0 : parent.depth + 1
  }

  /** The folder at a real path: a root. */
  static root(real: string, byHandle: boolean): Folder {
    return new Folder(undefined, Buffer.alloc(0), Buffer.from(real), byHandle)
  }

  /** The folder of that name in this one. */
  child(name: Buffer): Folder {
    return new Folder(this, name, Buffer.concat([this.#real, slash, name]), this.#byHandle)
  }

  /** The device that it lies on. It must have been opened. */
  get dev(): number {
    return this.#identity?.dev ?? Number.NaN
  }

  /** Opens it, unless it is open. Each `open` takes a `close`. It fails where there is a link, or another folder than before. */
  async open(): Promise<void> {
    this.#users += 1
    this.#opening ??= this.#enter()
    try {
      await this.#opening
    } catch (error) {
      this.#users -= 1
      await this.#letGo().catch(() => {})
      throw error
    }
  }

  /** Nobody may use it any more who has opened it. */
  async close(): Promise<void> {
    this.#users -= 1
    if (this.#users === 0) await this.#letGo()
  }

  /** Its entries, as they come, `.` and `..` left out. While some are worked at, the next are read. */
  async *entries(): AsyncGenerator<readonly Named[]> {
    const options = { encoding: 'buffer' as BufferEncoding, bufferSize: BATCH }
    const dir = await this.#fs.promises.opendir(this.#base.subarray(0, -1), options)
    let next = readBatch(dir)
    try {
      for (let batch = await next; batch.length > 0; batch = await next) {
        next = readBatch(dir)
        // Whoever is given these may not come back for those.
        next.catch(() => {})
        yield batch
      }
    } finally {
      await Promise.allSettled([next])
      await dir.close()
    }
  }

  /** What an entry is; of a link, what the link itself is. */
  lstat(name: Buffer): Promise<Stats> {
    const path = this.#at(name)
    // This is done for every entry, and costs a third less so than by the promises of that module.
    return new Promise((resolve, reject) => {
      this.#fs.lstat(path, (error, stats) => (error === null ? resolve(stats) : reject(error)))
    })
  }

  /** Removes an entry that is no folder. */
  async unlink(name: Buffer): Promise<void> {
    if (this.#handle === undefined) await this.#makeSure()
    const path = this.#at(name)
    await new Promise<void>((resolve, reject) => {
      this.#fs.unlink(path, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  /** Removes a folder in it that is empty. */
  async rmdir(name: Buffer): Promise<void> {
    await this.#makeSure()
    await this.#fs.promises.rmdir(this.#at(name))
  }

  /** Gives it the age back that it had before something in it was removed; never a younger one, however that is rounded. */
  async setTimes({ atimeMs, mtimeMs }: Stats): Promise<void> {
    await this.#makeSure()
    const [atime, mtime] = [atimeMs / 1_000, (Math.floor(mtimeMs) - 1) / 1_000]
    if (this.#handle !== undefined) await this.#handle.utimes(atime, mtime)
    else await this.#fs.promises.lutimes(this.#real, atime, mtime)
  }

  /** Where it really is now, if it is held open. */
  whereabouts(): Promise<string> {
    return this.#fs.promises.readlink(this.#base.subarray(0, -1).toString('latin1'))
  }

  #at(name: Buffer): Buffer {
    return Buffer.concat([this.#base, name])
  }

  async #enter(): Promise<void> {
    await this.#parent?.open()
    try {
      await this.#recognize(await this.#look())
    } finally {
      await this.#parent?.close()
    }
  }

  /** What stands at its name, which is opened if that is the way. */
  async #look(): Promise<Stats> {
    const path = this.#parent === undefined ? this.#real : this.#parent.#at(this.#name)
    if (!this.#byHandle) {
      if (this.#parent !== undefined) await this.#parent.#makeSure()
      return this.#fs.promises.lstat(path)
    }
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = this.#fs.constants
    this.#handle = await this.#fs.promises.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    this.#base = Buffer.from(`/proc/${process.pid}/fd/${this.#handle.fd}/`)
    return this.#handle.stat()
  }

  /** It must be a folder, and always the same. */
  async #recognize(stats: Stats): Promise<void> {
    const { dev, ino } = stats
    this.#identity ??= { dev, ino }
    if (stats.isDirectory() && this.#identity.dev === dev && this.#identity.ino === ino) return
    throw new Swapped()
  }

  /** What its number stood for, something else may be held by soon. */
  async #letGo(): Promise<void> {
    const handle = this.#handle
    this.#opening = undefined
    this.#handle = undefined
    this.#base = Buffer.concat([this.#real, slash])
    await handle?.close()
  }

  /** What is held open needs no second look. */
  async #makeSure(): Promise<void> {
    if (this.#handle !== undefined) return
    const stats = await this.#fs.promises.lstat(this.#real)
    const real = await this.#fs.promises.realpath(this.#real, { encoding: 'buffer' })
    const isSame = stats.isDirectory() && stats.dev === this.#identity?.dev && stats.ino === this.#identity.ino
    if (!isSame || !real.equals(this.#real)) throw new Swapped()
  }
}

async function readBatch(dir: Dir): Promise<readonly Named[]> {
  const batch: Named[] = []
  while (batch.length < BATCH) {
    const entry = await dir.read()
    if (entry === null) break
    batch.push(entry as unknown as Named)
  }
  return batch
}

/** The path of an entry, relative to the root. */
export function pathIn(folder: Folder, name: Buffer): string {
  return folder.path === '' ? name.toString() : `${folder.path}/${name.toString()}`
}
