import type { Expiry } from './expiry.ts'
import { FIRST_SLOT, Ring } from './ring.ts'
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
  /** Those that are in use and haven't ended, in the order in which they are to go. */
  readonly used = new Ring()
  /** Those that have ended, oldest end first. */
  ended: Ring | undefined = undefined
  /** What those weigh that have ended, or how many there are. */
  endedWeight = 0
  weights: Weights | undefined = undefined
  expiry: Expiry | undefined = undefined
  /** The number after that of the last slot. */
  end = FIRST_SLOT
  /** Those that hold nothing any more. */
  readonly #empty: number[] = []
  /** From here on none has ever held anything. */
  #fresh = FIRST_SLOT

  /** A slot that holds nothing. There must be fewer entries than `max`. */
  free(max: number): number {
    const slot = this.#empty.pop()
    if (slot !== undefined) return slot
    if (this.#fresh === this.end) this.#grow(max)
    this.#fresh += 1
    return this.#fresh - 1
  }

  /** There are twice as many slots, but no more than `max`. */
  #grow(max: number): void {
    const end = Math.min(FIRST_SLOT + max, Math.max(16, 2 * this.end))
    this.end = end
    this.keys.length = end
    this.values.length = end
    this.used.grow(end)
    this.ended?.grow(end)
    this.weights?.grow(end)
    this.expiry?.grow(end)
  }

  /** Takes all entries out, and gives back the room that they had. */
  clear(): void {
    this.index.clear()
    this.keys.length = 0
    this.values.length = 0
    this.used.clear()
    this.ended?.clear()
    this.endedWeight = 0
    this.weights?.clear()
    this.expiry?.clear()
    this.#empty.length = 0
    this.#fresh = FIRST_SLOT
    this.end = FIRST_SLOT
  }

  /** Puts an entry into a slot that is free, as the newest. */
  fill(slot: number, key: K, value: V): void {
    this.keys[slot] = key
    this.values[slot] = value
    this.index.set(key, slot)
    this.used.add(slot)
  }

  /** An entry is the newest again, and has not ended. */
  renew(slot: number): void {
    this.#restart(slot)
    this.used.add(slot)
  }

  /** An entry has ended: it goes before all that have not, and after those that ended before. */
  conclude(slot: number): void {
    this.endedWeight += this.weightOf(slot)
    this.used.remove(slot)
    this.ended?.add(slot)
  }

  isEnded(slot: number): boolean {
    return this.ended?.has(slot) === true
  }

  #restart(slot: number): void {
    if (!this.isEnded(slot)) return
    this.endedWeight -= this.weightOf(slot)
    this.ended?.remove(slot)
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
    this.#restart(slot)
    this.used.remove(slot)
    this.weights?.set(slot, 0)
    this.expiry?.stop(slot)
    this.#empty.push(slot)
  }
}
