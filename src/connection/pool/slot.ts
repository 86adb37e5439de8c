import type { Site } from '../../lifecycle/contract.ts'

/** What becomes of a connection: each is in one of these states, and from `ending` no way leads back. */
export type SlotState = 'new' | 'idle' | 'lent' | 'checking' | 'ending'

/** One connection of a pool, and what is known of it. */
export class Slot<T> {
  /** The number of the connection, from 1. */
  readonly id: number
  readonly value: T
  /** Which generation of the pool it was opened for. */
  readonly generation: number
  /** The moment from which it is too old. */
  readonly expiresAt: number
  state: SlotState = 'new'
  uses = 0
  /** When it was last given back, or opened. */
  usedAt: number
  /** When it was last known to be good. */
  goodAt: number
  /** When it was lent. */
  lentAt = 0
  /** Where it was acquired, if that was kept. */
  site: Site | undefined = undefined
  /** The lease, until the look that has it watched: from then on nothing here holds it. */
  lease: object | undefined = undefined
  isOverdue = false
  /** Takes off what watches for its end. */
  unwatch: (() => void) | undefined = undefined
  /** Its neighbours among the idle ones. */
  older: Slot<T> | undefined = undefined
  newer: Slot<T> | undefined = undefined

  constructor(id: number, value: T, generation: number, openedAt: number, expiresAt: number) {
    this.id = id
    this.value = value
    this.generation = generation
    this.usedAt = openedAt
    this.goodAt = openedAt
    this.expiresAt = expiresAt
  }
}
