import { Alarm } from './alarm.ts'
import { isObject } from './check.ts'
import type { CloseOptions, Outcome, Report } from './contract.ts'
import { call, isStandard } from './core-kinds.ts'
import { Descent, KNOT, retire, settle } from './descent.ts'
import { ENDED, ENDING, type Entry } from './entry.ts'
import { abandonedError, type Ladder } from './ladder.ts'
import { ClosingOrder } from './order.ts'
import { ClosingReport } from './report.ts'
import type { Run, Scope } from './scope.ts'
import { Tally } from './tally.ts'

/** Why a lifecycle closes, where nobody says. */
export const DEFAULT_REASON = 'close() was called'

/**
 * One closing of one lifecycle, from the first disposer, which is called at once, to the report.
 *
 * In reverse order a single loop awaits one disposer after another, turn for turn as the standard's stack does, so
 * what closes at once costs no promise, timer or object. When one hangs, its loop is left behind (its number is out of
 * date when it wakes) and a new one goes on. Whatever has a second rung goes down a {@link Ladder}; in parallel order,
 * and from the deadline on, everything does.
 */
export class Closing implements Run {
  readonly tally: Tally
  done = false
  joined = false
  readonly #scope: Scope
  readonly #descent: Descent
  readonly #order: ClosingOrder
  readonly #alarm: Alarm
  readonly #startedAt: number
  readonly #whenDone: (() => void)[] = []
  #report: Report | undefined = undefined
  #ms: number | undefined = undefined
  #loop = 0
  #calling = false
  #pumping = false
  #hurried = false
  #awaited = false
  /** The standard entry that the loop is at, what it returned, when it began and how long that may take. */
  #current: Entry | undefined = undefined
  #pending: unknown = undefined
  #mark: number
  #limit = Number.POSITIVE_INFINITY

  constructor(scope: Scope, options: CloseOptions & { timeout: number; deadline: number; timed: boolean }) {
    const { reason = DEFAULT_REASON, timeout, force = false, deadline, timed } = options
    this.#scope = scope
    this.#startedAt = this.#mark = scope.clock.now()
    this.#descent = new Descent(scope, reason, Math.min(deadline, this.#startedAt + timeout), timed)
    this.tally = new Tally((entry) => scope.pathOf(entry))
    this.#alarm = new Alarm(scope.clock, () => this.#ring())
    this.#order = new ClosingOrder(scope.entries)
    scope.entries.indexed = false
    scope.closing = this
    scope.shut()
    if (scope.observes('lifecycle.closing')) scope.publish('lifecycle.closing', undefined, { reason })
    if (this.#hurried) return // by somebody who heard of it
    if (force) this.hurry()
    else if (scope.settings.order === 'parallel') this.#pump()
    else this.#serve()
  }

  whenDone(callback: () => void): void {
    if (this.done) callback()
    else this.#whenDone.push(callback)
  }

  /** Somebody else wants this closing too, perhaps with times, perhaps sooner. */
  join({ timeout, force = false }: CloseOptions, deadline: number, timed: boolean): void {
    if (this.done) return
    this.#descent.timed ||= timed
    if (force) this.hurry()
    else this.#tighten(Math.min(deadline, timeout === undefined ? deadline : this.#scope.clock.now() + timeout))
  }

  #tighten(deadline: number): void {
    if (this.#hurried || deadline >= this.#descent.deadline) return
    this.#descent.deadline = deadline
    this.#alarm.set(deadline, this.#scope.clock.now())
  }

  /** Forces everything that is left, at once and in parallel. */
  hurry(): void {
    // A disposer that asks for this must return first: what it returns is part of what is forced.
    if (this.#calling) return queueMicrotask(() => this.hurry())
    if (this.done || this.#hurried) return
    this.#hurried = true
    this.#loop += 1
    this.#alarm.clear()
    for (const entry of [...this.#scope.entries].reverse()) {
      if (entry.state === ENDED) continue
      const ladder = entry.detail?.ladder ?? this.#descent.ladder(entry)
      if (entry === this.#current) (ladder as Ladder).resume(this.#pending, this.#mark)
      ladder.force()
    }
    if (this.#scope.entries.size === 0) this.#finish()
  }

  report(): Report {
    if (this.#report !== undefined) return this.#report
    const { counts } = this.tally
    const about = { path: this.#scope.path, reason: this.#descent.reason, complete: this.done }
    const ms = this.#ms ?? this.#scope.clock.now() - this.#startedAt
    const report = new ClosingReport({ ...about, ms, counts, rows: this.tally.rows() })
    if (this.done) this.#report = report
    return report
  }

  left(entry: Entry): void {
    this.#order.left(entry)
    if (this.#hurried && this.#scope.entries.size === 0) this.#finish()
  }

  async #serve(): Promise<void> {
    const loop = ++this.#loop
    // Whoever is told how one ended may have the rest forced, which ends this loop.
    const next = (): Entry | undefined => (loop === this.#loop ? this.#order.take() : undefined)
    for (let entry = next(); entry !== undefined; entry = next()) {
      if (entry.state === ENDING || !isStandard(entry)) {
        const other = entry
        await new Promise<void>((resolve) => this.#descend(other, resolve))
        continue
      }
      entry.state = ENDING
      this.#current = entry
      this.joined = false
      let pending: unknown
      try {
        pending = this.#call(entry)
      } catch (error) {
        this.#settle(entry, 'failed', error)
        continue
      }
      this.#pending = pending
      if (isObject(pending)) this.#watch(entry)
      try {
        await pending
      } catch (error) {
        if (loop !== this.#loop) {
          // Where a ladder has taken over, it hears the same rejection.
          if (entry.detail?.ladder === undefined) this.#descent.late(entry, error)
          return
        }
        this.#awaited = true
        this.#settle(entry, 'failed', error)
        continue
      }
      if (loop !== this.#loop) return
      this.#awaited = true
      this.#closed(entry)
    }
    if (this.#scope.awaitsOnce && !this.#awaited) await undefined
    if (loop === this.#loop) this.#finish()
  }

  #call(entry: Entry): unknown {
    this.#calling = true
    this.#scope.enter()
    try {
      return call(entry)
    } finally {
      this.#calling = false
      this.#scope.exit()
    }
  }

  #watch(entry: Entry): void {
    const now = this.#scope.clock.now()
    if (!this.#descent.timed) this.#mark = now
    this.#limit = now + this.#descent.graceOf(entry)
    this.#alarm.set(Math.min(this.#limit, this.#descent.deadline), now)
  }

  #closed(entry: Entry): void {
    if (this.#descent.timed || this.#scope.observes('resource.ended')) return this.#settle(entry, 'closed')
    this.#served(entry)
    this.tally.counts.closed += 1
    if (entry.detail === undefined) this.#scope.remove(entry)
    else retire(this.#scope, entry, 'closed', 0, undefined)
  }

  #settle(entry: Entry, outcome: Outcome, error?: unknown, note?: string): void {
    this.#served(entry)
    settle(this.#scope, { entry, outcome, ms: this.#lap(), error, note })
  }

  #served(entry: Entry): void {
    this.#current = this.#pending = undefined
    this.#limit = Number.POSITIVE_INFINITY
    this.#order.done(entry)
  }

  #lap(): number {
    const before = this.#mark
    this.#mark = this.#scope.clock.now()
    return this.#mark - before
  }

  #ring(): void {
    if (this.done || this.#hurried) return
    const now = this.#scope.clock.now()
    const { deadline } = this.#descent
    if (now >= deadline) return this.hurry()
    const entry = this.#current
    if (entry === undefined || now < this.#limit) return this.#alarm.set(Math.min(this.#limit, deadline), now)
    this.#settle(entry, 'abandoned', abandonedError(entry, this.#scope.pathOf(entry)), this.joined ? KNOT : undefined)
    if (!this.#hurried) this.#serve()
  }

  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    for (let entry = this.#order.take(); entry !== undefined; entry = this.#order.take()) {
      this.#descend(entry, () => this.#pump())
    }
    this.#pumping = false
    if (this.#scope.entries.size === 0) this.#finish()
  }

  /** Sends an entry down its ladder, or waits for the one that it is on, and calls back when it has ended. */
  #descend(entry: Entry, next: () => void): void {
    this.#alarm.set(this.#descent.deadline, this.#scope.clock.now())
    this.#awaited = true
    entry.whenEnded(() => {
      this.#mark = this.#scope.clock.now()
      this.#order.done(entry)
      next()
    })
    if (entry.state !== ENDING) this.#descent.ladder(entry).close()
  }

  #finish(): void {
    if (this.done) return
    this.done = true
    this.#current = this.#pending = undefined
    this.#alarm.clear()
    this.#ms = this.#scope.clock.now() - this.#startedAt
    const scope = this.#scope
    // Rows are made now, so that a closing that is over keeps no resource alive.
    if (this.#descent.timed) this.report()
    else this.tally.rows()
    this.#order.clear()
    const { reason } = this.#descent
    if (scope.observes('lifecycle.closed')) scope.publish('lifecycle.closed', undefined, { ms: this.#ms, reason })
    scope.finish()
    for (const callback of this.#whenDone) callback()
  }
}
