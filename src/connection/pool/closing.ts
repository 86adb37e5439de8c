import { Alarm } from '../../lifecycle/alarm.ts'
import type { Desk } from './desk.ts'
import type { LeaseRow } from './lease.ts'
import { rowsOf } from './rows.ts'
import type { Slot } from './slot.ts'

/** How many ms the connections that were taken away at the deadline get to end. */
const LAST = 500

/** What became of the connections of a pool that was closed: a frozen plain object. */
export interface PoolEnd {
  /** How many ended gently: they were idle, or released in time. */
  readonly closed: number
  /** How many were ended although somebody still had them. */
  readonly destroyed: number
  /** How many had not ended when the pool gave up on them, those counted that were still being opened. */
  readonly abandoned: number
  /** The leases that were still out at the deadline, oldest first. */
  readonly held: readonly LeaseRow[]
}

/**
 * Closes a pool: what is idle ends at once, what is lent as soon as it is released, and at the deadline what is still
 * out is taken away.
 */
export class Closing<T> {
  readonly promise: Promise<PoolEnd>
  readonly #desk: Desk<T>
  readonly #alarm: Alarm
  readonly #resolve: (end: PoolEnd) => void
  readonly #taken = new Set<Slot<T>>()
  #at = Number.POSITIVE_INFINITY
  #held: readonly LeaseRow[] = []
  #closed = 0
  #destroyed = 0
  #abandoned = 0
  #isForced = false

  constructor(desk: Desk<T>) {
    this.#desk = desk
    const { promise, resolve } = Promise.withResolvers<PoolEnd>()
    this.promise = promise
    this.#resolve = resolve
    // It keeps the process alive: somebody waits.
    this.#alarm = new Alarm(desk.settings.clock, () => this.#ring())
    desk.onSettled = (slot, inTime) => this.#settled(slot, inTime)
    desk.shut()
  }

  /** It may take so many ms from now, or as long as was said before, whichever is shorter. */
  within(timeout: number): void {
    const now = this.#desk.settings.clock.now()
    if (this.#isForced || now + timeout >= this.#at) return
    this.#at = now + timeout
    if (timeout === 0) this.#force(now)
    else this.#alarm.set(this.#at, now)
    this.#finishIfEmpty()
  }

  #settled(slot: Slot<T> | undefined, inTime = true): void {
    if (slot !== undefined) {
      if (!inTime) this.#abandoned += 1
      else if (this.#taken.has(slot)) this.#destroyed += 1
      else this.#closed += 1
    }
    this.#finishIfEmpty()
  }

  #ring(): void {
    const now = this.#desk.settings.clock.now()
    if (now < this.#at) return this.#alarm.set(this.#at, now)
    if (!this.#isForced) return this.#force(now)
    this.#abandoned += this.#left
    this.#finish()
  }

  #force(now: number): void {
    this.#isForced = true
    this.#held = rowsOf(this.#desk.stock.slots, now)
    for (const slot of [...this.#desk.stock.slots]) {
      if (slot.state === 'ending') continue
      if (slot.state === 'lent') this.#taken.add(slot)
      this.#desk.end(slot, 'closed')
    }
    this.#at = now + LAST
    this.#alarm.clear()
    this.#alarm.set(this.#at, now)
  }

  /** What has neither ended nor been given up. */
  get #left(): number {
    return this.#desk.stock.slots.size + this.#desk.connector.pending
  }

  #finishIfEmpty(): void {
    if (this.#left === 0) this.#finish()
  }

  #finish(): void {
    this.#alarm.clear()
    this.#desk.abandon()
    this.#resolve(
      Object.freeze({
        closed: this.#closed,
        destroyed: this.#destroyed,
        abandoned: this.#abandoned,
        held: this.#held,
      }),
    )
  }
}
