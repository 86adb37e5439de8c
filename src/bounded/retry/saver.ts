import { Alarm } from '../../lifecycle/alarm.ts'
import { Backoff } from '../../lifecycle/backoff.ts'
import { Deadline } from '../../lifecycle/deadline.ts'
import type { RetryEntry, RetryLine } from './retry-line.ts'
import type { RetrySettings, SaveContext } from './retry-options.ts'

/** What a saver saves, and who is told how it went. */
interface SaverParts<T> {
  readonly settings: RetrySettings<T>
  readonly line: RetryLine<T>
  /** An attempt went well. `isCurrent` unless another item has taken the place of that one meanwhile. */
  saved(entry: RetryEntry<T>, isCurrent: boolean): void
  /** An attempt failed. Answers whether the item is to stay. */
  failed(entry: RetryEntry<T>, isCurrent: boolean, error: unknown, context: SaveContext): boolean
}

/**
 * Saves what is in the line, one item after another. As soon as an attempt fails, all wait: it is rarely the item's fault.
 * Then a single one is tried, each time the next in turn, until one goes well.
 */
export class Saver<T> {
  readonly #parts: SaverParts<T>
  readonly #backoff: Backoff
  readonly #alarm: Alarm
  readonly #stop = new AbortController()
  #isWaiting = false
  #isAsked = false
  /** Those that are still to be tried, in the last round. */
  #lastRound: Set<RetryEntry<T>> | undefined = undefined
  readonly #ended = Promise.withResolvers<void>()

  constructor(parts: SaverParts<T>) {
    this.#parts = parts
    this.#backoff = new Backoff(parts.settings.backoff)
    this.#alarm = new Alarm(parts.settings.clock, () => this.retry())
  }

  /** How many are being saved. */
  get running(): number {
    return this.#parts.line.saving.size
  }

  /** There may be something to save. It begins after the present turn, so that nobody's save runs inside an `add`. */
  ask(): void {
    if (this.#isAsked || this.#isWaiting) return
    this.#isAsked = true
    queueMicrotask(() => {
      this.#isAsked = false
      this.#fill()
    })
  }

  /** Waits no longer. */
  retry(): void {
    this.#alarm.clear()
    this.#isWaiting = false
    this.ask()
  }

  /** Tries once more each that is not being saved already. Resolves when all of that is over. */
  lastRound(): Promise<void> {
    this.#alarm.clear()
    this.#isWaiting = false
    const { line } = this.#parts
    this.#lastRound = new Set([...line].filter((entry) => line.saving.get(entry.key) !== entry))
    if (this.#stop.signal.aborted) this.#lastRound.clear()
    this.#fill()
    return this.#ended.promise
  }

  /** Ends all that is under way, and begins nothing more. */
  stop(): void {
    this.#alarm.clear()
    this.#lastRound?.clear()
    this.#stop.abort()
  }

  #fill(): void {
    if (this.#isWaiting) return
    while (this.running < this.#width()) {
      const entry = this.#take()
      if (entry === undefined) break
      this.#save(entry)
    }
    if (this.#lastRound?.size === 0 && this.running === 0) this.#ended.resolve()
  }

  #width(): number {
    const isTrying = this.#backoff.failures > 0 && this.#lastRound === undefined
    return isTrying ? 1 : this.#parts.settings.concurrency
  }

  #take(): RetryEntry<T> | undefined {
    const { line } = this.#parts
    if (this.#lastRound === undefined) return this.#stop.signal.aborted ? undefined : line.upNext()
    for (const entry of this.#lastRound) {
      if (line.saving.has(entry.key)) continue
      this.#lastRound.delete(entry)
      if (!entry.isGone) return entry
    }
    return undefined
  }

  #save(entry: RetryEntry<T>): void {
    const { save, saveTimeout, clock } = this.#parts.settings
    const { item, key, since, version } = entry
    const attempt = entry.attempts + 1
    let context: SaveContext | undefined
    entry.attempts = attempt
    this.#parts.line.saving.set(key, entry)
    const attempted = new Deadline(saveTimeout, { name: 'save', clock }).run(
      (wait) => {
        context = { key, attempt, since, signal: wait.signal }
        return save(item, context)
      },
      // What comes through when nobody waits for it any more has come through.
      { signal: this.#stop.signal, onLate: () => this.#parts.saved(entry, entry.version === version) },
    )
    attempted.then(
      () => this.#went(entry, version),
      (error) => this.#failed(entry, version, error, context ?? { key, attempt, since, signal: this.#stop.signal }),
    )
  }

  #went(entry: RetryEntry<T>, version: number): void {
    this.#settled(entry)
    this.#backoff.reset()
    this.#isWaiting = false
    this.#alarm.clear()
    this.#parts.saved(entry, entry.version === version)
    this.#fill()
  }

  #failed(entry: RetryEntry<T>, version: number, error: unknown, context: SaveContext): void {
    this.#settled(entry)
    // What we cut short is no failure of its own.
    const stays = this.#stop.signal.aborted || this.#parts.failed(entry, entry.version === version, error, context)
    if (stays && this.#lastRound === undefined) this.#wait(entry)
    this.#fill()
  }

  #settled(entry: RetryEntry<T>): void {
    this.#parts.line.saving.delete(entry.key)
  }

  #wait(entry: RetryEntry<T>): void {
    this.#parts.line.passOn(entry)
    // Of several that fail at once the first decides how long.
    if (this.#isWaiting) return
    const { clock } = this.#parts.settings
    const now = clock.now()
    this.#isWaiting = true
    this.#alarm.set(now + this.#backoff.next(), now)
  }
}
