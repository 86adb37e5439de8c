import type { ClockTimer } from '../lifecycle/clock.ts'
import { closedError } from '../lifecycle/closed-error.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { customInspect, inspect } from '../lifecycle/inspect.ts'
import type { Kind } from '../lifecycle/kind.ts'
import { outcry } from '../lifecycle/outcry.ts'
import { type CloseOptions, Ending } from '../lifecycle/own-ending.ts'
import { defineOwnKind, ownKind } from '../lifecycle/own-kind.ts'
import type { Sweepable, SweepContext } from '../lifecycle/sweepable.ts'
import { Voice } from '../lifecycle/voice.ts'
import { checkWait } from '../lifecycle/wait.ts'
import { sweepOnce } from './sweeping/sweep-once.ts'
import type { SweepReport } from './sweeping/sweep-report.ts'
import { type CheckedSweeper, checkSweeper, type RetentionSweeperOptions } from './sweeping/sweeper-options.ts'

/** What {@link RetentionSweeper} has done so far. */
export interface RetentionSweeperStats {
  /** Sweeps that are over. */
  readonly sweeps: number
  /** Those of them that rejected: the root could not be swept. */
  readonly refused: number
  /** Entries that are gone; a folder counts as one. */
  readonly removed: number
  /** Bytes that their files had. */
  readonly bytes: number
  /** Entries that should have gone and could not, each time. */
  readonly failed: number
  /** Entries that were due and left alone, each time. */
  readonly skipped: number
  /** How many ms the last sweep took, 0 before the first. */
  readonly ms: number
}

/** What the closing of a {@link RetentionSweeper} has met with. */
export interface RetentionSweeperEnd {
  /** Whether a sweep was under way, which was stopped. */
  readonly stopped: boolean
  /** Whether that one still hung in the file system when time was up. */
  readonly abandoned: boolean
}

/**
 * Removes files and folders that are too old, too many or too large from a folder, and cannot be led out of it: it
 * follows no link, crosses no device, and touches nothing that no rule is for. It goes by what is in the folder, so what
 * an earlier process has left goes as well.
 *
 * By itself it does nothing: give it to a `Janitor`, call `sweep()`, or set an `interval`.
 *
 * @example
 * ```ts
 * const logs = life.use(new RetentionSweeper({
 *   root: '/var/lib/jobs/logs',
 *   rules: [
 *     { match: 'job_*.log' },
 *     { match: 'job_*', kind: 'dir' },
 *     { match: 'datasets/job_*', kind: 'dir', maxTotalSize: 50e9 },
 *   ],
 *   interval: 600_000,
 * }), { name: 'logs' })
 * ```
 */
export class RetentionSweeper implements Sweepable {
  static readonly #kind: Kind<RetentionSweeper> = defineOwnKind<RetentionSweeper>({
    name: 'sweeper',
    voiceOf: (sweeper) => sweeper.#voice,
    describe: (sweeper) => sweeper.#describe(),
    note: (sweeper) => (sweeper.#hangs ? 'a sweep still hung in the file system' : undefined),
    goesOn: (sweeper) => sweeper.#hangs,
  })
  /** By this a lifecycle knows how to end it. */
  declare readonly [ownKind]: Kind<RetentionSweeper>
  readonly #options: CheckedSweeper
  readonly #voice: Voice
  readonly #ending: Ending<RetentionSweeperEnd>
  readonly #sums = { sweeps: 0, refused: 0, removed: 0, bytes: 0, failed: 0, skipped: 0, ms: 0 }
  /** Where the root led the last time. */
  #real: string | undefined = undefined
  #running: { readonly promise: Promise<SweepReport>; readonly stop: AbortController } | undefined = undefined
  #timer: ClockTimer | undefined = undefined
  #last: SweepReport | undefined = undefined
  /** Whether a sweep was under way when it was closed. */
  #stopped = false
  #hangs = false

  static {
    Object.defineProperty(RetentionSweeper.prototype, ownKind, { value: RetentionSweeper.#kind })
  }

  /** @throws TypeError or RangeError for a bad option, and for a root that nobody means to be swept. */
  constructor(options: RetentionSweeperOptions) {
    this.#options = checkSweeper(options)
    const { name, clock } = this.#options
    this.#voice = new Voice('sweeper', name)
    this.#ending = new Ending(clock, () => this.#over(true))
    this.#await()
  }

  /** Where it is used, such as `/jobs/logs`; by itself, `/` and its name. */
  get path(): string {
    return this.#voice.path
  }

  /** What the last sweep has done, if there was one. */
  get last(): SweepReport | undefined {
    return this.#last
  }

  /**
   * Removes what is due. While a sweep is under way no other begins: then this gives that one. When the `signal` of the
   * call that has begun it aborts, or this is closed, the sweep stops before the next entry, and tells what it has done so
   * far. How hard memory presses does not matter to it.
   *
   * @returns a promise that rejects only if the root cannot be swept at all: it is no folder, has become a link, leads
   * elsewhere, or may not be read. Where there is no root, there is nothing to remove.
   */
  sweep({ signal }: Partial<SweepContext> = {}): Promise<SweepReport> {
    if (signal !== undefined) checkWait({ signal })
    if (this.#ending.hasBegun) return Promise.reject(closedError(this.path))
    this.#running ??= this.#begin(signal)
    return this.#running.promise
  }

  /** What it has done so far. */
  stats(): RetentionSweeperStats {
    return Object.freeze({ ...this.#sums })
  }

  /** Calls `listener` with what happens to it. Returns the undo. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    return this.#voice.subscribe(listener)
  }

  /**
   * Sweeps no more. A sweep under way stops before its next entry; that is waited for `timeout` ms (0 to 2 147 483 647,
   * default 5 000), as it may hang in a file system that does not answer. A further call can only shorten that.
   *
   * @throws TypeError or RangeError for a bad option. The promise never rejects.
   */
  close(options: CloseOptions = {}): Promise<RetentionSweeperEnd> {
    return this.#ending.by(options, () => {
      if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer)
      this.#timer = undefined
      this.#stopped = this.#running !== undefined
      if (this.#running === undefined) return this.#over(false)
      this.#running.stop.abort()
      const done = (): void => this.#over(false)
      this.#running.promise.then(done, done)
    })
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** One line that says what it is. */
  [customInspect](): string {
    return `RetentionSweeper ${this.path} of ${this.#options.root} (${this.#describe()})`
  }

  /** The last sweep has ended, or nobody waits for it any more. */
  #over(abandoned: boolean): void {
    if (this.#voice.isOver) return
    this.#hangs = abandoned
    this.#voice.over()
    this.#ending.over({ stopped: this.#stopped, abandoned })
  }

  #describe(): string {
    const { removed, bytes, sweeps } = this.#sums
    return `${removed} removed, ${bytes} bytes, in ${sweeps} sweeps${this.#running ? ', sweeping' : ''}`
  }

  #begin(outer: AbortSignal | undefined): { readonly promise: Promise<SweepReport>; readonly stop: AbortController } {
    const stop = new AbortController()
    const forward = (): void => stop.abort()
    if (outer?.aborted) stop.abort()
    outer?.addEventListener('abort', forward)
    const promise = this.#run(stop.signal).finally(() => {
      outer?.removeEventListener('abort', forward)
      this.#running = undefined
    })
    return { promise, stop }
  }

  async #run(signal: AbortSignal): Promise<SweepReport> {
    try {
      const { report, real } = await sweepOnce(this.#options, this.#real, signal, {
        onRemoved: (path, reason) => {
          if (this.#voice.isHeard('item.dropped')) this.#voice.tell('item.dropped', { item: path, reason })
        },
        onThrown: (error) => outcry(this.#voice, error),
      })
      this.#real = real
      this.#last = report
      this.#add(report)
      if (this.#voice.isHeard('cleanup.ended')) this.#voice.tell('cleanup.ended', { ms: report.ms, cause: report })
      return report
    } catch (error) {
      this.#sums.sweeps += 1
      this.#sums.refused += 1
      if (this.#voice.isHeard('resource.error')) this.#voice.tell('resource.error', { error })
      throw error
    }
  }

  #add({ removed, bytes, failed, skipped, ms }: SweepReport): void {
    this.#sums.sweeps += 1
    this.#sums.removed += removed
    this.#sums.bytes += bytes
    this.#sums.failed += failed
    this.#sums.skipped += skipped
    this.#sums.ms = ms
  }

  /** What goes wrong where nobody waits for it is told; if nobody hears that either, it is a warning. */
  #complain(error: unknown): void {
    if (this.#voice.isHeard('resource.error')) this.#voice.tell('resource.error', { error })
    else process.emitWarning(`${this.path}: ${inspect(error)}`, 'RetentionWarning')
  }

  /** Sets the timer for the next sweep of its own. It lets the process end. */
  #await(): void {
    const { interval, jitter, clock } = this.#options
    if (interval === undefined || this.#ending.hasBegun) return
    this.#timer = clock.setTimeout(() => void this.#sweepAndAwait(), Math.ceil(interval * (1 - jitter * Math.random())))
    this.#timer.unref()
  }

  async #sweepAndAwait(): Promise<void> {
    try {
      await this.sweep()
    } catch (error) {
      // Its listeners have heard of it already.
      if (!this.#voice.isHeard('resource.error')) this.#complain(error)
    }
    this.#await()
  }
}
