import type { Site } from '../../lifecycle/contract.ts'
import { coded } from '../../lifecycle/errors.ts'
import { customInspect } from '../../lifecycle/inspect.ts'
import type { Slot } from './slot.ts'

/**
 * A connection that is lent to you alone, until you release it. Each `acquire` makes a new one, so that releasing twice
 * can never give away what somebody else has got since.
 *
 * @example
 * ```ts
 * await using lease = await pool.acquire()
 * await lease.value.query('SELECT 1')
 * ```
 */
export interface Lease<T> extends Disposable, AsyncDisposable {
  /** The connection. Reading it after the release throws a ReferenceError (`ERR_CLOSED`). */
  readonly value: T
  /** Whether it was given back. */
  readonly released: boolean
  /** Gives the connection back. A second call does nothing, and is counted as `doubleReleases`. */
  release(): void
  /** Gives it back to be ended, since it is no good any more. `cause` is for the event. Counted as `release` is. */
  destroy(cause?: unknown): void
}

/** A lease that is out. */
export interface LeaseRow {
  /** The number of its connection, from 1. */
  readonly id: number
  /** How long it has been out, in ms. */
  readonly age: number
  /** Where it was acquired, if that was kept. */
  readonly site?: Site
}

/** Who takes back what was lent. */
interface Lender<T> {
  readonly path: string
  readonly counts: { doubleReleases: number }
  takeBack(slot: Slot<T>): void
  discard(slot: Slot<T>, cause: unknown): void
}

/** The lease as a pool makes it. */
export class PoolLease<T> implements Lease<T> {
  readonly #lender: Lender<T>
  /** What is lent, until it is given back. */
  #slot: Slot<T> | undefined

  constructor(lender: Lender<T>, slot: Slot<T>) {
    this.#lender = lender
    this.#slot = slot
  }

  get value(): T {
    if (this.#slot !== undefined) return this.#slot.value
    const text = `A lease of ${this.#lender.path} was used after its release. Acquire another.`
    throw coded(new ReferenceError(text), 'ERR_CLOSED')
  }

  get released(): boolean {
    return this.#slot === undefined
  }

  release(): void {
    if (this.#slot === undefined) this.#lender.counts.doubleReleases += 1
    else this.#giveBack(this.#slot)
  }

  destroy(cause?: unknown): void {
    const slot = this.#slot
    this.#slot = undefined
    if (slot === undefined) this.#lender.counts.doubleReleases += 1
    else this.#lender.discard(slot, cause)
  }

  /** Leaving the block after an early release is no second one. */
  [Symbol.dispose](): void {
    if (this.#slot !== undefined) this.#giveBack(this.#slot)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]()
    return Promise.resolve()
  }

  [customInspect](): string {
    const of = this.#slot === undefined ? 'released' : `connection ${this.#slot.id}`
    return `Lease { ${this.#lender.path}, ${of} }`
  }

  #giveBack(slot: Slot<T>): void {
    this.#slot = undefined
    this.#lender.takeBack(slot)
  }
}
