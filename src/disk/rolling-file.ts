import { wrongType } from '../lifecycle/check.ts'
import type { ClockTimer } from '../lifecycle/clock.ts'
import { closedError } from '../lifecycle/closed-error.ts'
import { EndswellError } from '../lifecycle/errors.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { customInspect, inspect } from '../lifecycle/inspect.ts'
import type { Kind } from '../lifecycle/kind.ts'
import { type CloseOptions, Ending } from '../lifecycle/own-ending.ts'
import { defineOwnKind, ownKind } from '../lifecycle/own-kind.ts'
import { Voice } from '../lifecycle/voice.ts'
import { type CheckedRollingFile, checkRollingFile, type RollingFileOptions } from './rolling/rolling-options.ts'
import { RollingWriter } from './rolling/rolling-writer.ts'

/** How things stand with a {@link RollingFile}. */
export interface RollingFileStats {
  /** Bytes in the current file, as far as it has been opened. */
  readonly size: number
  /** Bytes that are not in it yet. */
  readonly pending: number
  /** Appends that are in it. */
  readonly appended: number
  /** The bytes of those. */
  readonly bytes: number
  /** Appends that failed. */
  readonly failed: number
  /** How often it has become an older one. */
  readonly rotations: number
  /** How often it was brought to the disk. */
  readonly syncs: number
  /** Last lines without an end that got one. */
  readonly repaired: number
}

/** What the closing of a {@link RollingFile} has come to. */
export interface RollingFileEnd {
  /** Appends that were waiting, and have got into the file. */
  readonly flushed: number
  /** Appends that have rejected: they failed, or time was up; of what was under way then nobody knows. */
  readonly dropped: number
}

/**
 * A file that is appended to, and kept from growing without end: before it would be larger than `maxSize`, it becomes
 * `.1`, that `.2`, and so on. An append that has resolved is in the file, whatever ends the process then, and is never
 * half there. It is for one process: several that wrote to one file would rotate under each other.
 *
 * @example
 * ```ts
 * const log = life.use(new RollingFile({ path: '/var/log/orders.log', maxSize: 50e6 }), { name: 'log' })
 * await log.append(`${JSON.stringify(record)}\n`)
 * ```
 */
export class RollingFile {
  static readonly #kind: Kind<RollingFile> = defineOwnKind<RollingFile>({
    name: 'rolling-file',
    voiceOf: (file) => file.#voice,
    describe: (file) => file.#describe(),
    note: (file) => (file.#dropped === 0 ? undefined : `${file.#dropped} appends did not get into the file`),
    hasLost: (file) => file.#dropped > 0,
  })
  /** By this a lifecycle knows how to end it. */
  declare readonly [ownKind]: Kind<RollingFile>
  readonly #options: CheckedRollingFile
  readonly #voice: Voice
  readonly #writer: RollingWriter
  readonly #ending: Ending<RollingFileEnd>
  #timer: ClockTimer | undefined = undefined
  /** What it had done when it was closed. */
  #before: Pick<RollingFileStats, 'appended' | 'failed'> = { appended: 0, failed: 0 }
  /** In the end. */
  #dropped = 0

  static {
    Object.defineProperty(RollingFile.prototype, ownKind, { value: RollingFile.#kind })
  }

  /**
   * Nothing is opened before it is needed.
   *
   * @throws TypeError or RangeError for a bad option.
   */
  constructor(options: RollingFileOptions) {
    this.#options = checkRollingFile(options)
    this.#voice = new Voice('rolling-file', this.#options.name)
    this.#writer = new RollingWriter(this.#options, (error) => {
      if (this.#voice.isHeard('resource.error')) this.#voice.tell('resource.error', { error })
    })
    this.#ending = new Ending(this.#options.clock, () => this.#giveUp())
  }

  /** Where it is used, such as `/orders/log`; by itself, `/` and its name. */
  get path(): string {
    return this.#voice.path
  }

  /**
   * Adds text, or bytes that must not be changed until then, as they are: the line end is yours. What is appended stays
   * together, in one file and in the order of the calls, also where it is larger than `maxSize`.
   *
   * @returns a promise that resolves when it is in the file, and with `fsync: 'always'` on the disk. It rejects with the
   * error of the file system, and then nothing of it is there; with ERR_QUEUE_FULL when too much waits already, with
   * ERR_CLOSED when this is closed. After a failure the next append tries anew.
   */
  append(data: string | Uint8Array): Promise<void> {
    checkData('data', data)
    return this.#unlessClosed(async () => {
      const bytes = Buffer.byteLength(data)
      const { pending } = this.#writer
      // A single one may be larger, or it could never be appended.
      if (pending > 0 && pending + bytes > this.#options.maxPending) throw this.#tooMuch(pending)
      await this.#writer.append(data, bytes)
      this.#syncLater()
    })
  }

  /**
   * Puts `content` in the place of all that the current file holds, in one step: whatever happens meanwhile, it holds
   * the old or the new. Older files stay.
   */
  replace(content: string | Uint8Array): Promise<void> {
    checkData('content', content)
    return this.#unlessClosed(() => this.#writer.replace(content))
  }

  /** What the current file holds, with all that was appended before; nothing where there is none. */
  read(): Promise<string> {
    return this.#unlessClosed(() => this.#writer.read())
  }

  /** The paths of the files there are: the current one, and the older ones, the newest first. */
  files(): Promise<readonly string[]> {
    return this.#unlessClosed(() => this.#writer.list())
  }

  /** Makes the current file an older one, unless it is empty, when all that was appended before is in it. */
  rotate(): Promise<void> {
    return this.#unlessClosed(() => this.#writer.rotate())
  }

  /** How things stand. */
  stats(): RollingFileStats {
    return Object.freeze({ ...this.#writer.stats, pending: this.#writer.pending })
  }

  /** Calls `listener` with what happens to it. Returns the undo. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    return this.#voice.subscribe(listener)
  }

  /**
   * Takes no more, waits until what was appended is in the file, and closes it. When `timeout` ms (0 to 2 147 483 647,
   * default 5 000) are over, what still waits rejects. A further call can only shorten that.
   *
   * @throws TypeError or RangeError for a bad option. The promise never rejects.
   */
  close(options: CloseOptions = {}): Promise<RollingFileEnd> {
    return this.#ending.by(options, () => {
      if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer)
      this.#timer = undefined
      this.#before = this.#writer.stats
      this.#writer.end().then(
        () => this.#over(0),
        (error: unknown) => {
          if (!this.#voice.isOver) this.#warn(error)
          this.#over(0)
        },
      )
    })
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** One line that says what it is. */
  [customInspect](): string {
    return `RollingFile ${this.path} at ${this.#options.path} (${this.#describe()})`
  }

  #describe(): string {
    const { size } = this.#writer.stats
    const { pending } = this.#writer
    return `${size} of ${this.#options.maxSize} bytes${pending > 0 ? `, ${pending} to be written` : ''}`
  }

  /** Time is up. */
  #giveUp(): void {
    this.#over(this.#writer.abandon((isUnderWay) => this.#abandoned(isUnderWay)))
  }

  /** All is in the file, or nobody waits for it any more: what the file system answers after that changes nothing. */
  #over(abandoned: number): void {
    if (this.#voice.isOver) return
    const { appended, failed } = this.#writer.stats
    this.#dropped = failed - this.#before.failed + abandoned
    this.#voice.over()
    this.#ending.over({ flushed: appended - this.#before.appended, dropped: this.#dropped })
  }

  #unlessClosed<T>(fn: () => Promise<T>): Promise<T> {
    return this.#ending.hasBegun ? Promise.reject(closedError(this.path)) : fn()
  }

  /** With `fsync: 'interval'`: one timer, from the first append that is not on the disk. It lets the process end. */
  #syncLater(): void {
    const { fsync, clock, syncInterval } = this.#options
    if (fsync !== 'interval' || this.#timer !== undefined || this.#ending.hasBegun) return
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined
      this.#writer.sync().catch((error: unknown) => this.#warn(error))
    }, syncInterval)
    this.#timer.unref()
  }

  /** Nobody waits for that: if no listener has heard of it either, it is a warning. */
  #warn(error: unknown): void {
    if (!this.#voice.isHeard('resource.error'))
      process.emitWarning(`${this.path} is not on the disk: ${inspect(error)}`, 'RollingFileWarning')
  }

  #tooMuch(pending: number): EndswellError {
    const message = `${pending} bytes wait to be written to ${this.path} already: wait for what append() returns.`
    return new EndswellError('ERR_QUEUE_FULL', message, { path: this.path })
  }

  #abandoned(isUnderWay: boolean): EndswellError {
    const fate = isUnderWay ? 'may or may not be in the file' : 'is not in the file'
    return new EndswellError('ERR_ABANDONED', `${this.path} was closed before it answered: this ${fate}.`, {
      path: this.path,
    })
  }
}

function checkData(name: string, data: unknown): void {
  if (typeof data !== 'string' && !(data instanceof Uint8Array)) throw wrongType(name, 'a string or bytes', data)
}
