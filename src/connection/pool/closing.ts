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
  /** How many calls of `create` that had been given up before have still not settled. What they bring is ended. */
  readonly stuck: number
  /** The leases that were still out at the deadline, oldest first. */
  readonly held: readonly LeaseRow[]
}

/**
 * Closes a pool: what is idle ends at once, what is lent as soon as it is released, and at the deadline what is still
 * out is taken away.
 */
export class Closing<T> {
  readonly #desk: Desk<T>
  readonly #over: (end: PoolEnd) => void
  readonly #alarm: Alarm
  readonly #taken = new Set<Slot<T>>()
  #held: readonly LeaseRow[] = []
  #closed = 0
  #destroyed = 0
  #abandoned = 0
  #isForced = false
  #isOver = false

  /** @param over is told what became of the connections, once. */
  constructor(desk: Desk<T>, over: (end: PoolEnd) => void) {
    this.#desk = desk
    this.#over = over
    // It keeps the process alive: somebody waits.
    this.#alarm = new Alarm(desk.settings.clock, () => this.#giveUp())
    desk.onSettled = (slot, inTime) => this.#settled(slot, inTime)
  }

  begin(): void {
    this.#desk.shut()
    this.#finishIfEmpty()
  }

  /** Time is up: takes away what is still out. It may be called while this begins, by what is being ended. */
  force(): void {
    if (this.#isForced || this.#isOver) return
    this.#isForced = true
    const { stock, settings } = this.#desk
    const now = settings.clock.now()
    this.#held = rowsOf(stock.slots, now)
    for (const slot of [...stock.slots]) {
      if (slot.state === 'ending') continue
      if (slot.state === 'lent') this.#taken.add(slot)
      this.#desk.end(slot, 'closed')
    }
    this.#alarm.set(now + LAST, now)
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

  #giveUp(): void {
    this.#abandoned += this.#left
    this.#finish()
  }

  /** What has neither ended nor been given up. */
  get #left(): number {
    return this.#desk.stock.slots.size + this.#desk.connector.pending
  }

  #finishIfEmpty(): void {
    if (this.#left === 0) this.#finish()
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#alarm.clear()
    this.#desk.abandon()
    this.#over(
      Object.freeze({
        closed: this.#closed,
        destroyed: this.#destroyed,
        abandoned: this.#abandoned,
        stuck: this.#desk.connector.stuck,
        held: this.#held,
      }),
    )
  }
}
