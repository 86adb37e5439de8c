import { Alarm } from '../../lifecycle/alarm.ts'
import type { Settings } from './options.ts'
import type { Slot } from './slot.ts'
import type { Stock } from './stock.ts'

/** What {@link Upkeep} has the pool do. */
interface Kept<T> {
  readonly stock: Stock<T>
  /** How many connections there are beyond those that are kept open anyway. */
  readonly spare: number
  end(slot: Slot<T>, reason: string): void
  check(slot: Slot<T>): void
}

/** Looks after the connections that nobody uses: one timer for all of them, which never holds the process. */
export class Upkeep<T> {
  readonly #settings: Settings<T>
  readonly #pool: Kept<T>
  readonly #alarm: Alarm
  /** How long a connection can fall idle before something is due. */
  readonly #rest: number

  constructor(settings: Settings<T>, pool: Kept<T>) {
    this.#settings = settings
    this.#pool = pool
    this.#rest = Math.min(settings.idleTimeout, settings.keepalive)
    this.#alarm = new Alarm(settings.clock, () => this.look(), { ref: false })
  }

  /** A connection is idle from `now` on. */
  began(slot: Slot<T>, now: number): void {
    this.#alarm.set(Math.min(now + this.#rest, slot.expiresAt), now)
  }

  /** Does what is due. Says how many connections that has ended. */
  look(): number {
    const { idleTimeout, keepalive } = this.#settings
    const now = this.#settings.clock.now()
    let ended = 0
    let next = Number.POSITIVE_INFINITY
    for (const slot of this.#pool.stock.idle) {
      if (now >= slot.expiresAt) {
        this.#pool.end(slot, 'lifetime')
        ended += 1
      } else if (now - slot.usedAt >= idleTimeout && this.#pool.spare > 0) {
        this.#pool.end(slot, 'idle')
        ended += 1
      } else if (now - Math.max(slot.usedAt, slot.goodAt) >= keepalive) {
        this.#pool.check(slot)
      } else {
        next = Math.min(next, slot.expiresAt, Math.max(slot.usedAt, slot.goodAt) + keepalive)
        // One that is kept although it has been idle for long enough is not due at any moment.
        if (slot.usedAt + idleTimeout > now) next = Math.min(next, slot.usedAt + idleTimeout)
      }
    }
    this.#alarm.set(next, now)
    return ended
  }

  /** Ends all that are idle and spare, oldest first. Says how many. */
  shed(): number {
    let ended = 0
    for (const slot of this.#pool.stock.idle) {
      if (this.#pool.spare <= 0) break
      this.#pool.end(slot, 'pressure')
      ended += 1
    }
    return ended
  }

  stop(): void {
    this.#alarm.clear()
  }
}
