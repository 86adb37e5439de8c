import { EndswellError } from '../../lifecycle/errors.ts'
import type { CacheDropReason } from './farewells.ts'
import { ENDED, USED } from './rings.ts'
import type { Slots } from './slots.ts'

/** A value that is gone, and of which nobody was told yet. */
export type Gone<K, V> = readonly [key: K, value: V, reason: CacheDropReason]

/** Says whose turn it is to go: first what has ended, oldest end first, then what isn't used or came first. */
export class Eviction<K, V> {
  readonly #slots: Slots<K, V>
  readonly #max: number
  readonly #spareRunning: boolean

  /** @param spareRunning whether only what has ended may go. */
  constructor(slots: Slots<K, V>, max: number, spareRunning: boolean) {
    this.#slots = slots
    this.#max = max
    this.#spareRunning = spareRunning
  }

  /** The slot of whoever goes next, if anybody may, but not `keep`. */
  next(keep?: number): number | undefined {
    const ended = this.#firstOf(ENDED, keep)
    return ended !== undefined || this.#spareRunning ? ended : this.#firstOf(USED, keep)
  }

  #firstOf(ring: number, keep: number | undefined): number | undefined {
    const { rings } = this.#slots
    const first = rings.after(ring)
    const slot = first === keep ? rings.after(first) : first
    return slot === ring ? undefined : slot
  }

  /**
   * Takes out what must go, expired or not, for a new entry to have room, or for that in the slot `keep` to weigh so much.
   * Where too few may go, none does, and the answer is undefined.
   */
  makeRoom(weight: number, keep: number | undefined): Gone<K, V>[] | undefined {
    const slots = this.#slots
    const most = (slots.weights?.most ?? 0) - weight + (keep === undefined ? 0 : slots.weightOf(keep))
    const mostEntries = this.#max - (keep === undefined ? 1 : 0)
    if (this.#spareRunning && !this.#canShrink(most, mostEntries, keep)) return undefined
    const gone: Gone<K, V>[] = []
    while (slots.weight > most || slots.index.size > mostEntries) {
      const due = slots.expiry?.due()
      const isDue = due !== undefined && due !== keep
      const slot = isDue ? due : this.next(keep)
      if (slot === undefined) break
      gone.push([slots.keys[slot] as K, slots.values[slot] as V, isDue ? 'expire' : 'evict'])
      slots.empty(slot)
    }
    return gone
  }

  #canShrink(most: number, mostEntries: number, keep: number | undefined): boolean {
    const slots = this.#slots
    const kept = keep !== undefined && slots.isEnded(keep) ? slots.weightOf(keep) : 0
    if (slots.weight - slots.endedWeight + kept > most) return false
    return slots.index.size <= mostEntries || slots.rings.after(ENDED) !== ENDED
  }
}

/** What is thrown where nothing may go. */
export function fullError(path: string): EndswellError {
  const message = `${path} is full of entries that have not ended. Mark what has, raise max, or allow evictRunning.`
  return new EndswellError('ERR_QUEUE_FULL', message, { path })
}
