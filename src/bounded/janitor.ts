import { Alarm } from '../lifecycle/alarm.ts'
import { outOfRange } from '../lifecycle/check.ts'
import { closedError } from '../lifecycle/closed-error.ts'
import { coded } from '../lifecycle/errors.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { customInspect } from '../lifecycle/inspect.ts'
import type { Kind } from '../lifecycle/kind.ts'
import { guarded } from '../lifecycle/outcry.ts'
import { type CloseOptions, Ending } from '../lifecycle/own-ending.ts'
import { defineOwnKind, ownKind } from '../lifecycle/own-kind.ts'
import type { Pressure } from '../lifecycle/pressure-source.ts'
import type { Sweepable } from '../lifecycle/sweepable.ts'
import { Voice } from '../lifecycle/voice.ts'
import { Chore } from './cleaning/chore.ts'
import { type CleanupReport, type CleanupRow, reportLine, reportOf } from './cleaning/cleanup-report.ts'
import {
  checkSweep,
  type JanitorOptions,
  type JanitorSettings,
  janitorSettings,
  type Sweep,
} from './cleaning/janitor-options.ts'
import { JanitorCounts, type JanitorEnd, type JanitorStats } from './cleaning/janitor-stats.ts'

let voiceOf: (janitor: Janitor) => Voice

/**
 * Sweeps all that it is given, one after another, every ten minutes, and at once when memory is short. A sweep that throws
 * or hangs does not stop the others, no run overlaps another, and each says what it has done.
 *
 * @example
 * ```ts
 * const janitor = life.use(new Janitor({ log: console.log }), { name: 'janitor' })
 * janitor.add('jobs', jobs)
 * janitor.add('uploads', ({ signal }) => removeOldUploads(signal))
 * ```
 */
export class Janitor implements AsyncDisposable {
  readonly #settings: JanitorSettings
  readonly #voice: Voice
  readonly #chores = new Map<string, Chore>()
  readonly #counts = new JanitorCounts()
  readonly #alarm: Alarm
  readonly #ending: Ending<JanitorEnd>
  readonly #controller = new AbortController()
  readonly #unsubscribe: (() => void) | undefined
  #isRunning = false
  /** The run that begins when the present one is over. */
  #queued: { readonly reason: string; readonly result: PromiseWithResolvers<CleanupReport> } | undefined = undefined
  #isPressed = false
  #began = Number.NEGATIVE_INFINITY
  /** When it runs next, unless memory presses. */
  #next = 0

  static {
    voiceOf = (janitor) => janitor.#voice
  }

  /**
   * @throws TypeError or RangeError for an unknown or bad option, or a bad `PERIODIC_CLEANUP_INTERVAL` where `interval` is
   * not given.
   */
  constructor(options: JanitorOptions = {}) {
    this.#settings = janitorSettings(options)
    this.#voice = new Voice(kind.name, options.name)
    const { clock, immediate, pressure } = this.#settings
    this.#alarm = new Alarm(clock, () => this.#ring(), { ref: false })
    this.#ending = new Ending(clock, () => this.#giveUp())
    this.#unsubscribe = pressure?.subscribe((now) => this.#press(now))
    this.#plan(immediate ? 0 : undefined)
    if (pressure !== undefined) this.#press(pressure.pressure)
  }

  get [ownKind](): Kind {
    return kind
  }

  /** Its path: `/janitor` as long as it stands alone. */
  get path(): string {
    return this.#voice.path
  }

  /**
   * Has something swept in each run, after what was added before. Returns the undo.
   *
   * @param sweep a function, or something with the method `sweep`: most of what has a limit in this library.
   * @throws TypeError or RangeError for a bad name or sweep; RangeError (`ERR_DUPLICATE_NAME`) where that name is taken;
   * ReferenceError (`ERR_CLOSED`) when it is closed.
   */
  add(name: string, sweep: Sweepable | Sweep): () => void {
    if (this.#ending.hasBegun) throw closedError(this.path)
    const chore = new Chore(name, checkSweep(name, sweep))
    if (this.#chores.has(name)) {
      const error = outOfRange('name', 'a name that no other sweep has', name, 'Undo that one first.')
      throw coded(error, 'ERR_DUPLICATE_NAME')
    }
    this.#chores.set(name, chore)
    return () => {
      if (this.#chores.get(name) === chore) this.#chores.delete(name)
    }
  }

  /**
   * Runs all sweeps now. While a run is under way, one more follows it, the same for all who ask meanwhile: what they
   * want to be gone may be where that run has already been.
   *
   * @param reason a word for the report. Default: `asked`.
   * @returns what that run has done. It rejects with `ERR_CLOSED` where the janitor closes before it begins, and never
   * because of a sweep.
   */
  run(reason = 'asked'): Promise<CleanupReport> {
    if (this.#ending.hasBegun) return Promise.reject(closedError(this.path))
    if (!this.#isRunning) return this.#run(reason)
    this.#queued ??= { reason, result: Promise.withResolvers() }
    return this.#queued.result.promise
  }

  /** What it did, and how the last run went. */
  stats(): JanitorStats {
    return Object.freeze({ sweeps: this.#chores.size, ...this.#counts.all, hanging: this.#hanging })
  }

  /** Calls `listener` with `cleanup.ended`, and `resource.error` for what a sweep threw. Returns its undo. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    return this.#voice.subscribe(listener)
  }

  /**
   * Begins no run any more, and lets the one under way go on until the deadline; then the signal of its sweep aborts, and
   * the rest are left out. Never rejects.
   */
  close(options: CloseOptions = {}): Promise<JanitorEnd> {
    return this.#ending.by(options, () => {
      guarded(this.#voice, () => this.#unsubscribe?.())
      this.#alarm.clear()
      // Who looks at it is told; who does not has closed it, and knows.
      this.#queued?.result.promise.catch(() => {})
      this.#queued?.result.reject(closedError(this.path))
      this.#queued = undefined
      if (!this.#isRunning) this.#over()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  [customInspect](): string {
    return `Janitor(${this.path}: ${describe(this)})`
  }

  get #hanging(): readonly string[] {
    const busy = [...this.#chores.values()].filter(({ isGivenUp }) => isGivenUp)
    return Object.freeze(busy.map(({ name }) => name))
  }

  async #run(reason: string): Promise<CleanupReport> {
    const { clock, log } = this.#settings
    this.#isRunning = true
    this.#began = clock.now()
    const before = process.memoryUsage().heapUsed
    const rows = await this.#sweepAll()
    const memory = { before, after: process.memoryUsage().heapUsed }
    const report = reportOf(rows, { reason, ms: Math.round(clock.now() - this.#began), memory })
    this.#counts.add(report)
    if (this.#voice.isHeard('cleanup.ended'))
      this.#voice.tell('cleanup.ended', { reason, ms: report.ms, cause: report })
    if (log !== undefined) guarded(this.#voice, () => log(reportLine(report)))
    this.#goOn()
    return report
  }

  async #sweepAll(): Promise<CleanupRow[]> {
    const { clock, sweepTimeout: timeout, pressure } = this.#settings
    const { signal } = this.#controller
    const rows: CleanupRow[] = []
    for (const chore of [...this.#chores.values()]) {
      if (signal.aborted) break
      if (this.#chores.get(chore.name) !== chore) continue
      const row = await chore.do({ clock, timeout, signal, pressure })
      rows.push(row)
      if ('error' in row && this.#voice.isHeard('resource.error'))
        this.#voice.tell('resource.error', { item: chore.name, error: row.error })
    }
    return rows
  }

  /** A run is over, now that all have been told: what they asked for meanwhile follows it. */
  #goOn(): void {
    this.#isRunning = false
    if (this.#ending.hasBegun) return this.#over()
    this.#plan()
    const queued = this.#queued
    this.#queued = undefined
    if (queued !== undefined) queued.result.resolve(this.#run(queued.reason))
  }

  #plan(wait?: number): void {
    const { clock, interval, jitter } = this.#settings
    const now = clock.now()
    this.#next = now + (wait ?? interval * (1 - jitter * Math.random()))
    this.#arm(now)
  }

  #arm(now: number): void {
    const pressed = this.#isPressed ? this.#began + this.#settings.minPressed : Number.POSITIVE_INFINITY
    this.#alarm.set(Math.min(this.#next, pressed), now)
  }

  #ring(): void {
    if (this.#isRunning) return
    const now = this.#settings.clock.now()
    if (this.#isPressed && now >= this.#began + this.#settings.minPressed) void this.#run('pressure')
    else if (now >= this.#next) void this.#run('interval')
    else this.#arm(now)
  }

  #press({ level }: Pressure): void {
    this.#isPressed = level === 'high' || level === 'critical'
    if (this.#isPressed && !this.#isRunning) this.#arm(this.#settings.clock.now())
  }

  /** Nobody waits for the sweep any more, so that the run is over. */
  #giveUp(): void {
    this.#controller.abort(closedError(this.path))
  }

  #over(): void {
    const { runs, removed, bytes } = this.#counts.all
    this.#voice.over()
    this.#ending.over({ runs, removed, bytes, hanging: this.#hanging })
  }
}

function describe(janitor: Janitor): string {
  const { sweeps, runs, removed } = janitor.stats()
  return `${sweeps} sweeps, ${runs} runs, ${removed} removed`
}

const kind = defineOwnKind<Janitor>({
  name: 'janitor',
  voiceOf: (janitor) => voiceOf(janitor),
  describe,
  note: (janitor) => {
    const { hanging } = janitor.stats()
    return hanging.length === 0 ? undefined : `goes on: ${hanging.join(', ')}`
  },
  goesOn: (janitor) => janitor.stats().hanging.length > 0,
})
