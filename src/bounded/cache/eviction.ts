import { EndswellError } from '../../lifecycle/errors.ts'
import type { Farewells, Gone } from './farewells.ts'
import { NONE, type Ring } from './ring.ts'
import type { Slots } from './slots.ts'

/** Says whose turn it is to go: first what has ended, oldest end first, then what isn't used or came first. */
export class Eviction<K, V> {
  readonly #slots: Slots<K, V>
  readonly #max: number
  readonly #spareRunning: boolean
  readonly #farewells: Farewells<K, V>

  /** @param spareRunning whether only what has ended may go. */
  constructor(slots: Slots<K, V>, max: number, spareRunning: boolean, farewells: Farewells<K, V>) {
    this.#slots = slots
    this.#max = max
    this.#spareRunning = spareRunning
    this.#farewells = farewells
  }

  /** The slot of whoever goes next, if anybody may, but not `keep`; else `NONE`. */
  next(keep: number = NONE): number {
    const { ended, used } = this.#slots
    const first = ended === undefined ? NONE : firstOf(ended, keep)
    return first !== NONE || this.#spareRunning ? first : firstOf(used, keep)
  }

  /**
   * Takes out what must go, expired or not, for a new entry to have room, or for that in the slot `keep` to weigh so much.
   * Returns those of whom somebody must be told. Where too few may go, none does, and the answer is undefined.
   */
  makeRoom(weight: number, keep: number = NONE): readonly Gone<K, V>[] | undefined {
    const slots = this.#slots
    const most = (slots.weights?.most ?? 0) - weight + (keep === NONE ? 0 : slots.weightOf(keep))
    const mostEntries = this.#max - (keep === NONE ? 1 : 0)
    if (slots.weight <= most && slots.index.size <= mostEntries) return NOBODY
    if (this.#spareRunning && !this.#canShrink(most, mostEntries, keep)) return undefined
    const { counts, isHeard } = this.#farewells
    const gone: Gone<K, V>[] | undefined = isHeard ? [] : undefined
    while (slots.weight > most || slots.index.size > mostEntries) {
      const due = slots.expiry === undefined ? NONE : slots.expiry.due()
      const isDue = due !== NONE && due !== keep
      const slot = isDue ? due : this.next(keep)
      if (slot === NONE) break
      gone?.push([slots.keys[slot] as K, slots.values[slot] as V, isDue ? 'expire' : 'evict'])
      if (isDue) counts.expire += 1
      else counts.evict += 1
      slots.empty(slot)
    }
    return gone ?? NOBODY
  }

  #canShrink(most: number, mostEntries: number, keep: number): boolean {
    const slots = this.#slots
    const kept = keep !== NONE && slots.isEnded(keep) ? slots.weightOf(keep) : 0
    if (slots.weight - slots.endedWeight + kept > most) return false
    return slots.index.size <= mostEntries || slots.ended?.first !== NONE
  }
}

const NOBODY: readonly never[] = Object.freeze([])

function firstOf(ring: Ring, keep: number): number {
  const { first } = ring
  if (first === NONE || first !== keep) return first
  const second = ring.after(first)
  return second === keep ? NONE : second
}

/** What is thrown where nothing may go. */
export function fullError(path: string): EndswellError {
  const message = `${path} is full of entries that have not ended. Mark what has, raise max, or allow evictRunning.`
  return new EndswellError('ERR_QUEUE_FULL', message, { path })
}
