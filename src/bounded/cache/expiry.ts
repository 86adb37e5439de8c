import { Alarm } from '../../lifecycle/alarm.ts'
import type { Clock } from '../../lifecycle/clock.ts'
import { CoarseTime } from './coarse-time.ts'
import { ExpiryHeap } from './expiry-heap.ts'
import { FIRST_SLOT, NONE, Ring } from './ring.ts'

const NEVER = Number.POSITIVE_INFINITY
/** How many expired entries leave in one turn of the event loop, so that a million of them don't block it. */
const SLICE = 4_096

/** How long entries live. */
interface ExpiryOptions {
  readonly ttl: number
  readonly resolution: number
  readonly clock: Clock
}

/**
 * When each slot expires, which does first, and the one timer that says so. With one ttl for all, the order in which
 * their time begins is that in which it ends, so a ring is enough and nothing is ever searched. Slots with a ttl of their
 * own are in a heap.
 *
 * No moment is given to or taken from the outside: a number with a fraction that crosses a call costs an object.
 */
export class Expiry {
  /** When a slot expires. */
  #moments = new Float64Array(FIRST_SLOT).fill(NEVER)
  readonly #ring = new Ring()
  /** The ttl of a slot that has one of its own, else NaN. There is none as long as no slot has. */
  #own: Float64Array | undefined = undefined
  readonly #heap = new ExpiryHeap((slot) => this.#moments[slot] as number)
  readonly #ttl: number
  readonly #resolution: number
  readonly #time: CoarseTime
  readonly #alarm: Alarm
  readonly #remove: (most: number) => number
  /** The moment for which the alarm is set, less the resolution. */
  #expected = NEVER

  /** @param remove is called when something is due: it removes so many of those that are, and says how many it has. */
  constructor({ ttl, resolution, clock }: ExpiryOptions, end: number, remove: (most: number) => number) {
    this.#ttl = ttl
    this.#resolution = resolution
    this.#time = new CoarseTime(clock)
    this.#alarm = new Alarm(clock, () => this.#ringing(), { ref: false })
    this.#remove = remove
    this.grow(end)
  }

  /** Makes room for slots up to `end`. */
  grow(end: number): void {
    this.#moments = grown(this.#moments, end, NEVER)
    if (this.#own !== undefined) this.#own = grown(this.#own, end, Number.NaN)
    this.#ring.grow(end)
  }

  /** Whether the time of a slot is over. */
  isOver(slot: number): boolean {
    return (this.#moments[slot] as number) <= this.#time.read()
  }

  /** Says which ttl a slot has from now on. Its time doesn't begin by that: one that ran is over. */
  assign(slot: number, ttl: number | undefined): void {
    if (ttl === undefined && this.#own === undefined) return
    this.stop(slot)
    this.#own ??= new Float64Array(this.#moments.length).fill(Number.NaN)
    this.#own[slot] = ttl ?? Number.NaN
  }

  /** The time of a slot begins, or begins anew. */
  start(slot: number): void {
    if (this.#own !== undefined && !Number.isNaN(this.#own[slot]))
      return this.#startOwn(slot, this.#own[slot] as number)
    const moment = this.#time.read() + this.#ttl
    if (this.#moments[slot] === moment) return
    this.#moments[slot] = moment
    this.#ring.add(slot)
    if (moment < this.#expected) this.#expect(moment)
  }

  #startOwn(slot: number, ttl: number): void {
    this.#heap.remove(slot)
    const moment = this.#time.read() + ttl
    this.#moments[slot] = moment
    if (moment === NEVER) return
    this.#heap.add(slot)
    if (moment < this.#expected) this.#expect(moment)
  }

  /** A slot doesn't expire any more. */
  stop(slot: number): void {
    if (this.#own !== undefined) this.#heap.remove(slot)
    this.#ring.remove(slot)
    this.#moments[slot] = NEVER
  }

  /** The slot that expires first, if its time is over; else `NONE`. */
  due(): number {
    const first = this.#own === undefined ? this.#ring.first : this.#first()
    return first !== NONE && this.isOver(first) ? first : NONE
  }

  #first(): number {
    const usual = this.#ring.first
    const special = this.#heap.first
    if (usual === NONE || special === NONE) return usual + special
    return (this.#moments[special] as number) < (this.#moments[usual] as number) ? special : usual
  }

  #expect(moment: number): void {
    this.#expected = moment
    this.#alarm.set(moment + this.#resolution, this.#time.read())
  }

  #ringing(): void {
    this.#expected = NEVER
    this.#time.exact()
    const isMore = this.#remove(SLICE) === SLICE
    const first = this.#first()
    if (first === NONE) return
    if (isMore) this.#alarm.set(0, 0)
    else this.#expect(this.#moments[first] as number)
  }

  /** Forgets all slots, and stops its timers. */
  clear(): void {
    this.#moments = new Float64Array(FIRST_SLOT).fill(NEVER)
    this.#ring.clear()
    this.#own = undefined
    this.#heap.clear()
    this.#alarm.clear()
    this.#time.stop()
    this.#expected = NEVER
  }
}

function grown(array: Float64Array, end: number, value: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(end).fill(value, array.length)
  larger.set(array)
  return larger
}
