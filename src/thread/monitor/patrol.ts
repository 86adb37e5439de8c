import type { Worker } from 'node:worker_threads'
import type { ClockTimer } from '../../lifecycle/clock.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import { Consequences, type MonitorCounts } from './consequences.ts'
import type { Finding } from './examination.ts'
import type { Next } from './judgement.ts'
import { KnownWorkers } from './known-workers.ts'
import { type LaneReading, Lanes } from './lanes.ts'
import type { MonitorSettings } from './monitor-options.ts'
import { type Identity, type ThreadRow, unregistered, WatchedThread } from './watched-thread.ts'

/** Goes round again and again, looks at each thread, and does what follows from that. */
export class Patrol {
  readonly #scope: Scope
  readonly #settings: MonitorSettings
  readonly #lanes: Lanes
  readonly #unshare: () => void
  readonly #workers = new KnownWorkers()
  /** By their lanes. */
  readonly #threads = new Map<number, WatchedThread>()
  readonly #consequences: Consequences
  #timer: ClockTimer | undefined = undefined
  #lastRound: number

  constructor(scope: Scope, settings: MonitorSettings) {
    this.#scope = scope
    this.#settings = settings
    this.#lanes = Lanes.make(settings.maxThreads, settings.beat)
    this.#unshare = this.#lanes.share()
    this.#consequences = new Consequences(scope, settings, this.#lanes)
    this.#lastRound = scope.clock.now()
    this.#wait()
  }

  get counts(): MonitorCounts {
    return this.#consequences.counts
  }

  watch(worker: Worker, name: string | undefined): void {
    this.#workers.add(worker, name)
  }

  rows(): readonly ThreadRow[] {
    const now = this.#scope.clock.now()
    const rows = [...this.#threads.values()].map((thread) => thread.row(now))
    const registered = new Set(rows.map(({ threadId }) => threadId))
    for (const threadId of this.#workers.threadIds) {
      if (registered.has(threadId) || this.#workers.get(threadId) === undefined) continue
      rows.push(unregistered(threadId, this.#identify(threadId, undefined)))
    }
    return Object.freeze(rows)
  }

  /** Leaves nothing behind. An examination under way ends by itself, and nobody hears of it. */
  end(): void {
    if (this.#timer !== undefined) this.#scope.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#lanes.close()
    this.#unshare()
    this.#workers.close()
    this.#threads.clear()
  }

  #wait(): void {
    this.#timer = this.#scope.clock.setTimeout(() => this.#round(), this.#settings.check)
    this.#timer.unref()
  }

  #round(): void {
    const now = this.#scope.clock.now()
    // Nobody looked for a while, and perhaps nobody ran: whatever happened then proves nothing.
    const wasHeldUp = now - this.#lastRound > 2 * this.#settings.check
    this.#lastRound = now
    if (wasHeldUp) this.#consequences.count('restarts')
    const seen = new Set<number>()
    for (const reading of this.#lanes.read()) {
      const thread = this.#threadOf(reading, now)
      if (this.#workers.hasEnded(thread.threadId) || thread.isGone) continue
      seen.add(thread.at)
      if (wasHeldUp) thread.judgement.begin(now)
      this.#follow(thread, thread.look(reading, now))
    }
    for (const [at, thread] of this.#threads) if (!seen.has(at)) this.#drop(thread)
    this.#workers.sweep()
    this.#wait()
  }

  #threadOf(reading: LaneReading, now: number): WatchedThread {
    const { at, threadId } = reading
    const known = this.#threads.get(at)
    if (known?.threadId === threadId) return known
    if (known !== undefined) this.#drop(known)
    const called = this.#lanes.nameOf(at)
    const identity = (): Identity => this.#identify(threadId, called)
    const workerOf = (): Worker | undefined => this.#workers.get(threadId)
    const thread = new WatchedThread(reading, now, { lanes: this.#lanes, rules: this.#settings, identity, workerOf })
    this.#threads.set(at, thread)
    this.#consequences.count('registered')
    return thread
  }

  /** A bridge calls its threads by their paths. */
  #identify(threadId: number, called: string | undefined): Identity {
    const name = this.#workers.nameOf(threadId) ?? called ?? `thread-${threadId}`
    return { name, path: name.startsWith('/') ? name : `${this.#scope.path}/${name}` }
  }

  /** It has ended. */
  #drop(thread: WatchedThread): void {
    this.#threads.delete(thread.at)
    this.#lanes.free(thread.at, thread.threadId)
    this.#consequences.count('ended')
  }

  #follow(thread: WatchedThread, next: Next): void {
    if (next === 'examine') void this.#examine(thread)
    else if (next === 'changed') this.#consequences.of(thread)
    if (thread.judgement.verdict !== 'unseen') return
    this.#threads.delete(thread.at)
    this.#lanes.free(thread.at, thread.threadId)
    this.#consequences.count('cleaned')
  }

  async #examine(thread: WatchedThread): Promise<void> {
    const { clock } = this.#scope
    let finding: Finding
    try {
      finding = await thread.examine(this.#settings.stack, clock)
    } catch (error) {
      this.#consequences.fail(error)
      finding = await thread.examine(false, clock)
    }
    // It may have ended meanwhile, or the monitor.
    if (this.#threads.get(thread.at) !== thread) return
    if (finding.evidence === undefined) this.#consequences.count('falseStarts')
    thread.frames = finding.frames
    this.#follow(thread, thread.judgement.hear(finding.evidence, thread.tallies(clock.now())))
  }
}
