import { Alarm } from '../../lifecycle/alarm.ts'
import type { Clock } from '../../lifecycle/clock.ts'
import { closedError } from '../../lifecycle/closed-error.ts'
import type { RetryEntry, RetryLine } from './retry-line.ts'
import type { SpillOptions } from './retry-options.ts'
import { SpillFile } from './spill-file.ts'
import { fromText, toLine } from './spill-text.ts'

/** How many ms after a write that failed the next one is tried, at least. */
const PATIENCE = 1_000

/** What is written, and who is told how it went. */
interface SpillerParts<T> {
  readonly spill: Required<SpillOptions<T>>
  readonly clock: Clock
  readonly line: RetryLine<T>
  /** The items that were on disk, oldest first. */
  restored(entries: readonly RetryEntry<T>[]): void
  failed(error: unknown): void
}

/**
 * Keeps the file as the line is: a change is on disk `every` ms later, and many changes are written at once. A whole line is
 * written each time; each item is made into text once.
 */
export class Spiller<T> {
  readonly #parts: SpillerParts<T>
  readonly #file: SpillFile
  readonly #alarm: Alarm
  /** Rings after a failure. It keeps no process alive for a disk that may never work again. */
  readonly #patience: Alarm
  #loading: Promise<void> | undefined = undefined
  /** Counts the changes: the file has those up to `#written`. */
  #changes = 0
  #written = 0
  #writing: { readonly changes: number; readonly done: Promise<void> } | undefined = undefined
  /** Whether the file has been read, and is empty or not there. */
  #isLoaded = false
  #isEmpty = true
  #isClosed = false
  readonly counts = { restored: 0, corrupt: 0, writes: 0, writesFailed: 0 }

  constructor(parts: SpillerParts<T>) {
    this.#parts = parts
    this.#file = new SpillFile(parts.spill.path, parts.spill.mode)
    const write = (): void => void this.flush().catch(() => {})
    this.#alarm = new Alarm(parts.clock, write)
    this.#patience = new Alarm(parts.clock, write, { ref: false })
  }

  /** The text of an item. It throws where the item has none. */
  textOf(key: string, item: T, since: number): string {
    return toLine(this.#parts.spill, key, item, since)
  }

  /** Reads the file, once. Where that fails, the next call tries again. */
  load(): Promise<void> {
    this.#loading ??= this.#load()
    return this.#loading
  }

  /** The line has changed. */
  changed(): void {
    this.#changes += 1
    // Most items are saved before they are written: then there is nothing to write, nor to keep the process alive for.
    if (this.#isLoaded && this.#isEmpty && this.#writing === undefined && this.#parts.line.size === 0) {
      this.#written = this.#changes
      this.#alarm.clear()
    } else this.#set(this.#alarm, this.#parts.spill.every)
  }

  /** Resolves when all that has changed up to now is on disk. What was not when it closed, never will be. */
  async flush(): Promise<void> {
    if (!this.#isClosed) await this.load()
    const changes = this.#changes
    while (!this.#isClosed && this.#written < changes) {
      const writing = this.#writing
      if (writing === undefined) await this.#write()
      else if (writing.changes >= changes) await writing.done
      // One that began before says nothing about what came after: not even when it fails.
      else await writing.done.catch(() => {})
    }
    if (this.#written < changes) throw closedError(this.#parts.spill.path)
  }

  /** Writes nothing more: the line is about to be emptied, and the file is not. */
  close(): void {
    this.#isClosed = true
    this.#alarm.clear()
    this.#patience.clear()
  }

  async #load(): Promise<void> {
    const { spill, restored } = this.#parts
    try {
      const text = await this.#file.read()
      const { entries, corrupt } = fromText(spill, text)
      // What this program cannot read, another may: it is kept before anything is written.
      if (corrupt > 0) await this.#file.keepCopy()
      this.#isEmpty = text === ''
      this.#isLoaded = true
      this.counts.restored = entries.length
      this.counts.corrupt = corrupt
      restored(entries)
    } catch (error) {
      this.#loading = undefined
      this.#parts.failed(error)
      this.#set(this.#patience, Math.max(PATIENCE, spill.every))
      throw error
    }
  }

  #write(): Promise<void> {
    const changes = this.#changes
    const done = this.#replace(changes).finally(() => {
      this.#writing = undefined
    })
    this.#writing = { changes, done }
    return done
  }

  async #replace(changes: number): Promise<void> {
    const { line, spill } = this.#parts
    try {
      const lines = Array.from(line, ({ text }) => `${text}\n`)
      if (lines.length > 0 || !this.#isEmpty) {
        await this.#file.write(lines.join(''))
        this.counts.writes += 1
      }
      this.#isEmpty = lines.length === 0
      this.#written = changes
    } catch (error) {
      this.counts.writesFailed += 1
      this.#parts.failed(error)
      this.#set(this.#patience, Math.max(PATIENCE, spill.every))
      throw error
    }
  }

  #set(alarm: Alarm, delay: number): void {
    if (this.#isClosed) return
    const now = this.#parts.clock.now()
    alarm.set(now + delay, now)
  }
}
