import { Alarm } from '../../lifecycle/alarm.ts'
import type { Site } from '../../lifecycle/contract.ts'
import { Sites } from '../../lifecycle/site.ts'
import type { Notices } from './notices.ts'
import type { Settings } from './options.ts'
import type { Slot } from './slot.ts'

/** How often leases are looked at, in ms. */
const LOOK = 1_000
/** How many of the first leases keep their site. */
const FIRST = 16
/** How many keep it after one of unknown origin was found: so the next of that place is named. */
const ALERT = 1_000

/** One loan of a connection, as what is told of a lease that was collected. */
interface Loan<T> {
  readonly slot: Slot<T>
  readonly use: number
}

/** What {@link LeaseWatch} looks at. */
interface Watched<T> {
  readonly stock: { readonly slots: ReadonlySet<Slot<T>> }
  /** Nobody has the lease of that connection any more. */
  lost(slot: Slot<T>): void
}

/**
 * Finds leases that are held for very long, and those that were dropped without release.
 *
 * Only a lease that is still out when the watch looks, once a second, is watched by the garbage collector: most leases
 * are over long before, and watching each would cost as much as all the rest of an acquire. Until then the pool holds
 * the lease, from then on nobody but its owner does.
 */
export class LeaseWatch<T> {
  readonly #settings: Settings<T>
  readonly #pool: Watched<T>
  readonly #notices: Notices
  readonly #alarm: Alarm
  readonly #sites = new Sites('full')
  #isArmed = false
  #registry: FinalizationRegistry<Loan<T>> | undefined = undefined
  #alert = FIRST
  #sinceSite = 0

  constructor(settings: Settings<T>, pool: Watched<T>, notices: Notices) {
    this.#settings = settings
    this.#pool = pool
    this.#notices = notices
    this.#alarm = new Alarm(settings.clock, () => this.#look(), { ref: false })
  }

  /** The place that asks for a lease, if its turn has come to be kept. */
  site(): Site | undefined {
    const { sites } = this.#settings
    if (sites === 0) return undefined
    if (this.#alert > 0) this.#alert -= 1
    else {
      this.#sinceSite += 1
      if (this.#sinceSite < sites) return undefined
    }
    this.#sinceSite = 0
    return this.#sites.of(true)
  }

  /** A lease is out since `now`. */
  began(now: number): void {
    if (this.#isArmed) return
    this.#isArmed = true
    this.#alarm.set(now + LOOK, now)
  }

  stop(): void {
    this.#isArmed = true
    this.#alarm.clear()
  }

  #look(): void {
    const now = this.#settings.clock.now()
    let out = 0
    for (const slot of this.#pool.stock.slots) {
      if (slot.state !== 'lent') continue
      out += 1
      this.#watch(slot)
      const age = now - slot.lentAt
      if (slot.isOverdue || age < this.#settings.leakThreshold) continue
      slot.isOverdue = true
      this.#suspect(slot)
      this.#notices.overdue(slot, age)
    }
    if (out > 0) this.#alarm.set(now + LOOK, now)
    else this.#isArmed = false
  }

  #watch(slot: Slot<T>): void {
    const { lease } = slot
    if (lease === undefined) return
    this.#registry ??= new FinalizationRegistry((loan) => this.#collected(loan))
    this.#registry.register(lease, { slot, use: slot.uses })
    slot.lease = undefined
  }

  #collected({ slot, use }: Loan<T>): void {
    // It was released before, and its connection may be with somebody else.
    if (slot.state !== 'lent' || slot.uses !== use) return
    this.#suspect(slot)
    this.#notices.lost(slot, this.#settings.clock.now() - slot.lentAt)
    this.#pool.lost(slot)
  }

  #suspect(slot: Slot<T>): void {
    if (slot.site === undefined) this.#alert = ALERT
  }
}
