import type { Expiry } from './expiry.ts'
import { ENDED, FIRST_SLOT, FREE, Rings, USED } from './rings.ts'
import type { Weights } from './weights.ts'

/**
 * The places of a cache's entries, which are filled again and again: entries come and go without an object being made for
 * them. There are as many as were ever needed at a time. What a cache doesn't ask for, it doesn't carry: weights, moments
 * and ends are kept where they are given to it.
 */
export class Slots<K, V> {
  /** The slot of each key. */
  readonly index = new Map<K, number>()
  readonly keys: (K | undefined)[] = []
  readonly values: (V | undefined)[] = []
  readonly rings = new Rings()
  weights: Weights | undefined = undefined
  expiry: Expiry | undefined = undefined
  /** Which entries have ended. */
  ended: Uint8Array | undefined = undefined
  /** What those weigh that have ended, or how many there are. */
  endedWeight = 0
  /** The number after that of the last slot. */
  end = FIRST_SLOT

  /** A slot that holds nothing. There must be fewer entries than `max`. */
  free(max: number): number {
    if (this.rings.after(FREE) === FREE) this.#grow(max)
    return this.rings.after(FREE)
  }

  /** There are twice as many slots, but no more than `max`. */
  #grow(max: number): void {
    const from = this.end
    const end = Math.min(FIRST_SLOT + max, Math.max(16, 2 * from))
    this.end = end
    this.keys.length = end
    this.values.length = end
    this.rings.grow(end)
    this.weights?.grow(end)
    this.expiry?.grow(end)
    if (this.ended !== undefined) {
      const ended = new Uint8Array(end)
      ended.set(this.ended)
      this.ended = ended
    }
    for (let slot = from; slot < end; slot += 1) this.rings.move(slot, FREE)
  }

  /** Takes all entries out, and gives back the room that they had. */
  clear(): void {
    this.index.clear()
    this.keys.length = 0
    this.values.length = 0
    this.rings.clear()
    this.weights?.clear()
    this.expiry?.clear()
    if (this.ended !== undefined) this.ended = new Uint8Array(0)
    this.endedWeight = 0
    this.end = FIRST_SLOT
  }

  /** Puts an entry into a slot, as the newest. Whoever was in it is not in the index any more. */
  fill(slot: number, key: K, value: V): void {
    this.keys[slot] = key
    this.values[slot] = value
    this.index.set(key, slot)
    if (this.ended !== undefined) this.#mark(slot, 0)
    this.rings.move(slot, USED)
  }

  /** An entry is the newest again, and has not ended. */
  renew(slot: number): void {
    if (this.ended !== undefined) this.#mark(slot, 0)
    this.rings.move(slot, USED)
  }

  /** An entry has ended: it goes before all that have not, and after those that ended before. */
  conclude(slot: number): void {
    this.#mark(slot, 1)
    this.rings.move(slot, ENDED)
  }

  isEnded(slot: number): boolean {
    return this.ended !== undefined && this.ended[slot] === 1
  }

  #mark(slot: number, ended: 0 | 1): void {
    if (this.ended === undefined || this.ended[slot] === ended) return
    this.ended[slot] = ended
    this.endedWeight += ended === 1 ? this.weightOf(slot) : -this.weightOf(slot)
  }

  /** What an entry weighs, where entries are weighed; else each counts as one. */
  weightOf(slot: number): number {
    return this.weights === undefined ? 1 : this.weights.of(slot)
  }

  /** What all entries weigh, or how many there are. */
  get weight(): number {
    return this.weights === undefined ? this.index.size : this.weights.total
  }

  /** Takes an entry out. Its slot is free. */
  empty(slot: number): void {
    this.index.delete(this.keys[slot] as K)
    this.keys[slot] = undefined
    this.values[slot] = undefined
    if (this.ended !== undefined) this.#mark(slot, 0)
    this.weights?.set(slot, 0)
    this.expiry?.stop(slot)
    this.rings.move(slot, FREE)
  }
}
