import { dirname } from 'node:path'
import { atomicWrite } from '../../lifecycle/atomic-write.ts'
import { builtin } from '../../lifecycle/builtin.ts'
import { removeLeftovers } from '../../lifecycle/leftovers.ts'
import { syncFolder } from '../../lifecycle/sync-folder.ts'
import { unlessMissing } from '../../lifecycle/unless-missing.ts'
import { AppendedFile } from './appended-file.ts'
import { expireGenerations, listGenerations, shiftGenerations } from './generations.ts'
import { type Append, type Job, Jobs, type Task } from './jobs.ts'
import type { CheckedRollingFile } from './rolling-options.ts'

/** How many bytes are written in one go, so that not all that waits is copied at once. */
const LARGEST_GROUP = 1_048_576

/** Does the jobs of one file, one after another; appends that wait together are written, and brought to the disk, together. */
export class RollingWriter {
  readonly #options: CheckedRollingFile
  readonly #onError: (error: unknown) => void
  readonly #jobs = new Jobs()
  /** Those under way. */
  #current: readonly Job[] = []
  #currentBytes = 0
  #isRunning = false
  #file: AppendedFile | undefined = undefined
  /** Where the file really is: a link stays one. */
  #real: string
  readonly #sums = { size: 0, appended: 0, bytes: 0, rotations: 0, syncs: 0, failed: 0 }

  constructor(options: CheckedRollingFile, onError: (error: unknown) => void) {
    this.#options = options
    this.#onError = onError
    this.#real = options.path
  }

  /** How many bytes are not in the file yet. */
  get pending(): number {
    return this.#jobs.bytes + this.#currentBytes
  }

  get stats(): Readonly<Record<'size' | 'appended' | 'bytes' | 'rotations' | 'syncs' | 'failed' | 'repaired', number>> {
    return { ...this.#sums, repaired: this.#file?.repaired ?? 0 }
  }

  append(data: string | Uint8Array, bytes: number): Promise<void> {
    return this.#add((promised) => ({ ...promised, data, bytes })) as Promise<void>
  }

  /** Replaces the whole content, or rejects and leaves the old one. */
  replace(content: string | Uint8Array): Promise<void> {
    const { mode, fsync } = this.#options
    return this.#do(async () => {
      await this.#open()
      await this.#file?.close()
      await atomicWrite(this.#real, content, { fsync: fsync !== 'never', ...(mode !== undefined && { mode }) })
      this.#sums.size = Buffer.byteLength(content)
    })
  }

  read(): Promise<string> {
    return this.#do(() => unlessMissing(builtin('node:fs').promises.readFile(this.#options.path, 'utf8'), ''))
  }

  list(): Promise<readonly string[]> {
    return this.#do(async () => {
      await this.#resolve()
      return listGenerations(this.#real)
    })
  }

  rotate(): Promise<void> {
    return this.#do(async () => {
      if ((await this.#open()) > 0) await this.#rotate()
    })
  }

  /** Brings all that is written by then to the disk. */
  sync(): Promise<void> {
    return this.#do(async () => {
      await this.#file?.sync()
      this.#sums.syncs += 1
    })
  }

  /** Closes the file when all that was asked for is done. */
  end(): Promise<void> {
    return this.#do(async () => {
      try {
        if (this.#options.fsync === 'interval') await this.#file?.sync()
      } finally {
        await this.#file?.close()
      }
    })
  }

  /** Nobody waits any more: what waits is dropped, and what is under way may or may not come to its end. Says how many appends. */
  abandon(reasonOf: (isUnderWay: boolean) => unknown): number {
    let appends = 0
    for (const job of this.#current) {
      if (job.data !== undefined) appends += 1
      job.reject(reasonOf(true))
    }
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      if (job.data !== undefined) appends += 1
      job.reject(reasonOf(false))
    }
    // If the file system ever answers, the file is closed all the same.
    this.end().catch(() => {})
    return appends
  }

  #do<T>(run: () => Promise<T>): Promise<T> {
    return this.#add((promised): Task => ({ ...promised, run })) as Promise<T>
  }

  #add(make: (promised: Pick<Job, 'resolve' | 'reject'>) => Job): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#jobs.push(make({ resolve, reject }))
      if (!this.#isRunning) void this.#run()
    })
  }

  /** It never rejects: whatever goes wrong belongs to the jobs that it happens to. */
  async #run(): Promise<void> {
    this.#isRunning = true
    for (let job = this.#jobs.first; job !== undefined; job = this.#jobs.first) {
      if (job.data !== undefined) await this.#write()
      else await this.#perform(this.#jobs.shift() as Task)
    }
    this.#isRunning = false
  }

  async #perform(task: Task): Promise<void> {
    this.#current = [task]
    try {
      task.resolve(await task.run())
    } catch (error) {
      this.#fail([task], error)
    }
    this.#current = []
  }

  /** One group of appends. */
  async #write(): Promise<void> {
    let group: readonly Append[] = []
    try {
      const { maxSize } = this.#options
      let size = await this.#open()
      const { first } = this.#jobs
      // Nobody waits any more: time was up meanwhile.
      if (first?.data === undefined) return
      if (size > 0 && size + first.bytes > maxSize) size = await this.#rotate()
      group = this.#jobs.takeAppends(Math.min(maxSize - size, LARGEST_GROUP))
      this.#current = group
      this.#currentBytes = group.reduce((sum, { bytes }) => sum + bytes, 0)
      const bytes = Buffer.concat(group.map(({ data }) => (typeof data === 'string' ? Buffer.from(data) : data)))
      const sync = this.#options.fsync === 'always'
      await this.#file?.append(bytes, size, sync)
      if (sync) this.#sums.syncs += 1
      this.#sums.size = size + bytes.length
      this.#sums.appended += group.length
      this.#sums.bytes += bytes.length
      for (const { resolve } of group) resolve()
    } catch (error) {
      // The file could not even be opened: those who wait now learn it, and the next one tries anew.
      if (group.length === 0) group = this.#jobs.takeAppends(Number.POSITIVE_INFINITY)
      this.#sums.failed += group.length
      this.#fail(group, error)
    }
    this.#current = []
    this.#currentBytes = 0
  }

  #fail(jobs: readonly Job[], error: unknown): void {
    for (const { reject } of jobs) reject(error)
    this.#onError(error)
  }

  async #resolve(): Promise<void> {
    const { path } = this.#options
    this.#real = await unlessMissing(builtin('node:fs').promises.realpath(path), path)
  }

  /** The size of the file, which is open then. */
  async #open(): Promise<number> {
    if (this.#file === undefined) {
      const { mode, repair, fsync } = this.#options
      await this.#resolve()
      await removeLeftovers(this.#real)
      await this.#expire()
      this.#file = new AppendedFile({ path: this.#real, mode, repair, fsync: fsync !== 'never' })
    }
    this.#sums.size = await this.#file.open()
    return this.#sums.size
  }

  /** The size is 0 then. */
  async #rotate(): Promise<number> {
    const { fsync, maxFiles } = this.#options
    if (fsync === 'interval') await this.#file?.sync()
    await this.#file?.close()
    await shiftGenerations(this.#real, maxFiles)
    this.#sums.rotations += 1
    await this.#expire()
    // Its new name and the new file go to the disk with that.
    if (fsync !== 'never') await syncFolder(dirname(this.#real))
    return this.#open()
  }

  async #expire(): Promise<void> {
    const { maxAge, wall } = this.#options
    if (maxAge < Number.POSITIVE_INFINITY) await expireGenerations(this.#real, wall() - maxAge)
  }
}
