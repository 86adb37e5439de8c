import { guarded } from '../../lifecycle/outcry.ts'
import { type CloseOptions, Ending } from '../../lifecycle/own-ending.ts'
import { Voice } from '../../lifecycle/voice.ts'
import { withTimeout } from '../../lifecycle/with-timeout.ts'
import { RetryEntry, RetryLine } from './retry-line.ts'
import type { RetryDropReason, RetrySettings, SaveContext } from './retry-options.ts'
import type { RetryEnd, RetryStats } from './retry-stats.ts'
import { Saver } from './saver.ts'
import { Spiller } from './spiller.ts'

/** How many ms the last write of the file gets when the buffer closes. */
const LAST_WRITE = 5_000

/** What a retry buffer does: the line of items, who saves them, and who keeps them on disk. */
export class RetryCore<T> {
  readonly voice: Voice
  readonly line = new RetryLine<T>()
  readonly #settings: RetrySettings<T>
  readonly #saver: Saver<T>
  readonly #spiller: Spiller<T> | undefined
  readonly #ending: Ending<RetryEnd>
  readonly #cut = Promise.withResolvers<void>()
  readonly #dropped: Record<RetryDropReason, number> = { evict: 0, refused: 0, close: 0 }
  #saved = 0
  #failed = 0
  #replaced = 0
  /** Whether the file has been read back, or cannot be. */
  #isReady = false
  #hasWarned = false
  #end: RetryEnd | undefined = undefined

  constructor(settings: RetrySettings<T>) {
    const { clock, name, spill } = settings
    this.#settings = settings
    this.voice = new Voice('retry-buffer', name)
    this.#ending = new Ending(clock, () => this.#cutShort())
    this.#saver = new Saver({
      settings,
      line: this.line,
      saved: (entry, isCurrent) => this.#wasSaved(entry, isCurrent),
      failed: (entry, isCurrent, error, context) => this.#hasFailed(entry, isCurrent, error, context),
    })
    if (spill === undefined) {
      this.#isReady = true
      return
    }
    this.#spiller = new Spiller({
      spill,
      clock,
      line: this.line,
      restored: (entries) => this.#restore(entries),
      failed: (error) => this.#spillFailed(error),
    })
    // Where the file cannot be read, what is added can still be saved.
    this.#spiller.load().catch(() => this.#begin())
  }

  get isOpen(): boolean {
    return !this.#ending.hasBegun
  }

  async ready(): Promise<void> {
    await this.#spiller?.load()
  }

  async flush(): Promise<void> {
    await this.#spiller?.flush()
  }

  add(key: string, item: T): void {
    const known = this.line.get(key)
    const since = known?.since ?? this.#settings.wall()
    const text = this.#spiller?.textOf(key, item, since) ?? ''
    const evicted: RetryEntry<T>[] = []
    if (known !== undefined) {
      known.item = item
      known.text = text
      known.version += 1
      known.attempts = 0
      this.#replaced += 1
    } else {
      evicted.push(...this.#makeRoom(this.#settings.max - 1))
      this.line.append(new RetryEntry(key, item, since, text))
    }
    this.#spiller?.changed()
    if (this.#isReady) this.#saver.ask()
    for (const entry of evicted) this.#announce(entry, 'evict')
  }

  delete(key: string): boolean {
    const entry = this.line.get(key)
    if (entry === undefined) return false
    this.#remove(entry)
    return true
  }

  retry(): void {
    if (this.#isReady) this.#saver.retry()
  }

  stats(): RetryStats {
    const { restored = 0, corrupt = 0, writes = 0, writesFailed = 0 } = this.#spiller?.counts ?? {}
    return Object.freeze({
      size: this.line.size,
      max: this.#settings.max,
      saving: this.#saver.running,
      saved: this.#saved,
      failed: this.#failed,
      replaced: this.#replaced,
      dropped: Object.freeze({ ...this.#dropped }),
      restored,
      corrupt,
      writes,
      writesFailed,
      end: this.#end,
    })
  }

  close(options: CloseOptions): Promise<RetryEnd> {
    return this.#ending.by(options, () => void this.#close())
  }

  async #close(): Promise<void> {
    const before = this.#saved
    // What is in the file may be saved, too; and only what was read can be written again.
    await Promise.race([this.ready().catch(() => {}), this.#cut.promise])
    // First of all it is safe: the last saves may take all the time there is, and more.
    this.flush().catch(() => {})
    await this.#saver.lastRound()
    this.#saver.stop()
    const isOnDisk = await this.#writeLast()
    const left = [...this.line]
    for (const entry of left) this.line.remove(entry)
    const lost = isOnDisk ? 0 : left.length
    this.#end = Object.freeze({ saved: this.#saved - before, spilled: left.length - lost, lost })
    if (!isOnDisk) for (const entry of left) this.#announce(entry, 'close')
    this.voice.over()
    this.#ending.over(this.#end)
  }

  async #writeLast(): Promise<boolean> {
    const spiller = this.#spiller
    if (spiller === undefined) return false
    const { clock } = this.#settings
    let error: unknown
    const flushed = spiller.flush().catch((reason) => {
      error = reason
    })
    try {
      await withTimeout(() => flushed, { timeout: LAST_WRITE, name: 'spill', clock })
    } catch (late) {
      error = late
      this.#spillFailed(late)
    }
    spiller.close()
    return error === undefined
  }

  #cutShort(): void {
    this.#saver.stop()
    this.#cut.resolve()
  }

  #begin(): void {
    this.#isReady = true
    this.#saver.ask()
  }

  /** What comes back from disk is older than all that was added since. */
  #restore(entries: readonly RetryEntry<T>[]): void {
    // Too late for this one: they stay on disk, for the next.
    if (this.voice.isOver) return
    const before = this.line.size
    for (const entry of entries.toReversed()) this.line.prepend(entry)
    const replaced = before + entries.length - this.line.size
    this.#replaced += replaced
    const evicted = this.#makeRoom(this.#settings.max)
    if (replaced > 0 || evicted.length > 0) this.#spiller?.changed()
    this.#begin()
    for (const entry of evicted) this.#announce(entry, 'evict')
  }

  /** Takes the oldest out until no more than `size` are left. */
  #makeRoom(size: number): RetryEntry<T>[] {
    const evicted: RetryEntry<T>[] = []
    while (this.line.size > size) {
      const oldest = this.line.oldest()
      if (oldest === undefined) break
      this.line.remove(oldest)
      evicted.push(oldest)
    }
    return evicted
  }

  #remove(entry: RetryEntry<T>): void {
    this.line.remove(entry)
    this.#spiller?.changed()
  }

  #wasSaved(entry: RetryEntry<T>, isCurrent: boolean): void {
    this.#saved += 1
    if (isCurrent && !entry.isGone) this.#remove(entry)
    if (this.voice.isHeard('save.done')) this.voice.tell('save.done', { item: entry.key })
  }

  #hasFailed(entry: RetryEntry<T>, isCurrent: boolean, error: unknown, context: SaveContext): boolean {
    const { giveUpWhen } = this.#settings
    this.#failed += 1
    if (this.voice.isHeard('save.failed')) this.voice.tell('save.failed', { item: entry.key, error })
    let stays = true
    if (giveUpWhen !== undefined) {
      guarded(this.voice, () => {
        stays = !giveUpWhen(error, context)
      })
    }
    if (stays || !isCurrent || entry.isGone) return true
    this.#remove(entry)
    this.#announce(entry, 'refused')
    return false
  }

  #announce({ key, item }: RetryEntry<T>, reason: RetryDropReason): void {
    const { onDrop } = this.#settings
    this.#dropped[reason] += 1
    if (this.voice.isHeard('item.dropped')) this.voice.tell('item.dropped', { item: key, reason })
    if (onDrop !== undefined) guarded(this.voice, () => onDrop(key, item, reason))
  }

  /** A disk that fails must be known of, also where nobody listens; once is enough. */
  #spillFailed(error: unknown): void {
    if (this.voice.isHeard('resource.error')) return this.voice.tell('resource.error', { error })
    if (this.#hasWarned) return
    this.#hasWarned = true
    process.emitWarning(`${this.voice.path} is not on disk: ${String(error)}`, 'RetryBufferWarning')
  }
}
