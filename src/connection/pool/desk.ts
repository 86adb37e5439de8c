import { closedError } from '../../lifecycle/closed-error.ts'
import type { Site } from '../../lifecycle/contract.ts'
import { TimeoutError } from '../../lifecycle/timeout-error.ts'
import type { Voice } from '../../lifecycle/voice.ts'
import { Connector } from './connector.ts'
import { Hooks } from './hooks.ts'
import { type Lease, PoolLease } from './lease.ts'
import { LeaseWatch } from './lease-watch.ts'
import { Notices } from './notices.ts'
import type { Settings } from './options.ts'
import { connectError, fullError, Patience } from './refusals.ts'
import type { Slot } from './slot.ts'
import { Counts } from './stats.ts'
import { Stock } from './stock.ts'
import { Upkeep } from './upkeep.ts'
import { Waiter, Waiters } from './waiters.ts'

/**
 * Lends connections and takes them back. Those who wait are served in the order of their coming, and there are never
 * more connections than there may be: one that is being opened or ended has its place too.
 */
export class Desk<T> {
  readonly settings: Settings<T>
  readonly stock: Stock<T>
  readonly counts = new Counts()
  readonly waiters: Waiters<Lease<T>>
  readonly connector: Connector<T>
  readonly upkeep: Upkeep<T>
  readonly watch: LeaseWatch<T>
  isClosing = false
  /** Called when a connection has ended, or a call of `create` has settled: whoever closes the pool waits for these. */
  onSettled: ((slot?: Slot<T>, inTime?: boolean) => void) | undefined = undefined
  readonly #voice: Voice
  readonly #notices: Notices
  readonly #hooks: Hooks<T>
  #clearedBy: unknown = undefined

  constructor(settings: Settings<T>, voice: Voice) {
    this.settings = settings
    this.#voice = voice
    this.stock = new Stock(settings)
    this.#notices = new Notices(voice)
    this.#hooks = new Hooks(settings, this, this.#notices)
    this.waiters = new Waiters(settings.clock, new Patience(this))
    this.connector = new Connector(settings, this)
    this.upkeep = new Upkeep(settings, this)
    this.watch = new LeaseWatch(settings, this, this.#notices)
  }

  get path(): string {
    return this.#voice.path
  }

  /** How many connections there are, or will be soon, beyond those that are kept open although nobody needs them. */
  get spare(): number {
    return this.stock.slots.size - this.stock.ending + this.connector.connecting - this.settings.min
  }

  acquire(timeout: number, signal: AbortSignal | undefined): Promise<Lease<T>> {
    const now = this.settings.clock.now()
    const slot = this.waiters.size === 0 ? this.#fresh(now) : undefined
    // Only now: what was ended on the way to a fresh one may have closed the pool, or aborted the signal.
    if (this.isClosing) return Promise.reject(closedError(this.path))
    if (signal?.aborted) return Promise.reject(signal.reason)
    const site = this.watch.site()
    if (slot !== undefined) return Promise.resolve(this.#lend(slot, now, site))
    if (this.waiters.size >= this.settings.maxWaiting) {
      this.counts.refused += 1
      return Promise.reject(fullError(this))
    }
    const waiter = new Waiter<Lease<T>>(now, timeout, site)
    this.waiters.add(waiter, now, signal)
    this.pump(now)
    return waiter.promise
  }

  takeBack(slot: Slot<T>): void {
    // It may have ended by itself meanwhile, or been taken away when the pool closed.
    if (slot.state !== 'lent') return
    const now = this.settings.clock.now()
    slot.uses += 1
    slot.usedAt = now
    this.#place(slot, now)
  }

  discard(slot: Slot<T>, cause: unknown): void {
    if (slot.state === 'lent') this.#replace(slot, 'destroyed', cause)
  }

  /** Gives those who wait what is free, and checks and opens what else is needed. */
  pump(now = this.settings.clock.now()): void {
    if (this.isClosing) return
    const { stock, connector } = this
    for (let slot = this.#next(now); slot !== undefined; slot = this.#next(now)) this.#place(slot, now)
    while (stock.idle.newest !== undefined && this.#unserved > 0) this.check(stock.idle.newest)
    while (connector.room > 0 && stock.slots.size + connector.connecting < this.settings.max) {
      if (this.#unserved <= 0 && this.spare >= 0) return
      connector.begin(stock.generation)
    }
  }

  /** Has an idle connection checked, which is then free again or ended. */
  check(slot: Slot<T>): void {
    this.stock.move(slot, 'checking')
    this.#hooks.validate(slot).then(
      (good) => this.#judge(slot, good, undefined),
      (error) => this.#judge(slot, false, error),
    )
  }

  #judge(slot: Slot<T>, good: boolean, error: unknown): void {
    if (slot.state !== 'checking') return
    if (good) {
      const now = this.settings.clock.now()
      slot.goodAt = now
      return this.#place(slot, now)
    }
    this.counts.invalid += 1
    this.#notices.failed('validate', error, slot)
    this.#replace(slot, 'invalid', error)
  }

  arrived(value: T, generation: number, ms: number, late: boolean): void {
    const now = this.settings.clock.now()
    const slot = this.stock.add(value, generation, now)
    this.counts.opened += 1
    this.#notices.opened(slot, ms)
    this.#hooks.watch(slot, () => this.#gone(slot))
    if (slot.state === 'ending') return
    // What comes late has lost its place, and may find another one there.
    const { size } = this.stock.slots
    if (late && size + this.connector.connecting > this.settings.max) this.end(slot, 'late')
    else this.#place(slot, now)
    this.pump(now)
  }

  failed(error: unknown): void {
    this.counts.failed += 1
    this.#notices.failed('create', error)
    this.waiters.shift()?.reject(connectError(this, error))
  }

  settled(): void {
    this.onSettled?.()
  }

  lost(slot: Slot<T>): void {
    this.counts.lost += 1
    this.#replace(slot, 'lost')
  }

  /** What is open now is not lent again: what is idle ends now, the rest as soon as it is back, or there at all. */
  clear(cause: unknown): void {
    this.stock.generation += 1
    this.#clearedBy = cause
    for (const slot of this.stock.idle) this.end(slot, 'cleared', cause)
    this.pump()
  }

  /** Refuses everything from now on, and ends what nobody uses. */
  shut(): void {
    this.isClosing = true
    this.connector.stop()
    this.upkeep.stop()
    this.waiters.refuse(() => closedError(this.path))
    for (const slot of this.stock.idle) this.end(slot, 'closed')
  }

  /** Leaves to itself what has not ended. */
  abandon(): void {
    this.onSettled = undefined
    this.watch.stop()
    this.#hooks.abandon()
  }

  /** Ends a connection, whatever its state. Its place is free when that is over. */
  end(slot: Slot<T>, reason: string, cause?: unknown): void {
    if (slot.state === 'ending') return
    this.stock.move(slot, 'ending')
    this.#hooks.unwatch(slot)
    const since = this.settings.clock.now()
    const ended = (inTime: boolean): void => {
      this.stock.remove(slot)
      this.counts.closed += 1
      this.#notices.closed(slot, reason, this.settings.clock.now() - since, cause)
      this.onSettled?.(slot, inTime)
      this.pump()
    }
    this.#hooks.destroy(slot).then(
      () => ended(true),
      (error) => {
        this.counts.destroyFailed += 1
        this.#notices.failed('destroy', error, slot)
        ended(!(error instanceof TimeoutError))
      },
    )
  }

  /** Ends one. Where there is room, another takes its place without waiting for that. */
  #replace(slot: Slot<T>, reason: string, cause?: unknown): void {
    this.end(slot, reason, cause)
    this.pump()
  }

  #gone(slot: Slot<T>): void {
    if (slot.uses === 0 && slot.state !== 'lent') this.connector.setBack(slot.usedAt)
    this.#replace(slot, 'gone')
  }

  /** Those who wait and for whom nothing is being opened or checked. */
  get #unserved(): number {
    return this.waiters.size - this.stock.checking - this.connector.connecting
  }

  /** The idle connection that was used last, if it can be lent as it is. */
  #fresh(now: number): Slot<T> | undefined {
    const { idle } = this.stock
    for (let slot = idle.newest; slot !== undefined; slot = idle.newest) {
      if (now < slot.expiresAt) return this.stock.isDoubtful(slot, now) ? undefined : slot
      this.end(slot, 'lifetime')
    }
    return undefined
  }

  #next(now: number): Slot<T> | undefined {
    return this.waiters.size > 0 ? this.#fresh(now) : undefined
  }

  /** Whoever has waited longest gets it. If nobody waits it is idle; it is ended where it is not to be lent again. */
  #place(slot: Slot<T>, now: number): void {
    const reason = this.isClosing ? 'closed' : this.stock.reasonToEnd(slot, now)
    if (reason !== undefined) return this.#replace(slot, reason, reason === 'cleared' ? this.#clearedBy : undefined)
    const waiter = this.waiters.shift()
    if (waiter !== undefined) return waiter.resolve(this.#lend(slot, now, waiter.site))
    this.stock.move(slot, 'idle')
    this.upkeep.began(slot, now)
  }

  #lend(slot: Slot<T>, now: number, site: Site | undefined): Lease<T> {
    const lease = new PoolLease(this, slot)
    this.stock.move(slot, 'lent')
    slot.lentAt = now
    slot.site = site
    slot.lease = lease
    this.counts.acquired += 1
    this.watch.began(now)
    return lease
  }
}
