import { IdleList } from './idle-list.ts'
import type { Settings } from './options.ts'
import { Slot, type SlotState } from './slot.ts'

/** By which share a connection lives shorter than `maxLifetime` at most, so that not all end at once. */
const JITTER = 0.025

/** The connections of a pool and the state of each: what is counted here is what there is. It has no effects. */
export class Stock<T> {
  readonly idle = new IdleList<T>()
  readonly slots = new Set<Slot<T>>()
  leased = 0
  checking = 0
  ending = 0
  /** What was opened for an older one is not lent again. */
  generation = 0
  readonly #settings: Settings<T>
  #serial = 0

  constructor(settings: Settings<T>) {
    this.#settings = settings
  }

  /** A connection that was opened for that generation is there. */
  add(value: T, generation: number, now: number): Slot<T> {
    const lifetime = this.#settings.maxLifetime * (1 - JITTER * Math.random())
    this.#serial += 1
    const slot = new Slot(this.#serial, value, generation, now, now + lifetime)
    this.slots.add(slot)
    return slot
  }

  /** Its state is another from now on. */
  move(slot: Slot<T>, state: SlotState): void {
    this.#leave(slot)
    slot.state = state
    if (state === 'lent') this.leased += 1
    else if (state === 'idle') this.idle.add(slot)
    else if (state === 'checking') this.checking += 1
    else if (state === 'ending') this.ending += 1
  }

  /** It has ended. */
  remove(slot: Slot<T>): void {
    this.slots.delete(slot)
    this.ending -= 1
  }

  /** Why it is not to be lent again, if it is not. */
  reasonToEnd(slot: Slot<T>, now: number): string | undefined {
    if (slot.generation !== this.generation) return 'cleared'
    if (now >= slot.expiresAt) return 'lifetime'
    return slot.uses >= this.#settings.maxUses ? 'uses' : undefined
  }

  /** Whether it must be checked before it is lent. */
  isDoubtful(slot: Slot<T>, now: number): boolean {
    const { validate, validateAfter } = this.#settings
    return validate !== undefined && now - Math.max(slot.usedAt, slot.goodAt) >= validateAfter
  }

  #leave(slot: Slot<T>): void {
    if (slot.state === 'idle') this.idle.remove(slot)
    else if (slot.state === 'checking') this.checking -= 1
    else if (slot.state === 'lent') {
      this.leased -= 1
      slot.lease = undefined
      slot.isOverdue = false
    }
  }
}
