import type { ClockTimer } from '../../lifecycle/clock.ts'
import type { CloseContext, Kind } from '../../lifecycle/kind.ts'
import { closedBefore, unheeded } from './bridge-errors.ts'
import type { Desk } from './desk.ts'
import type { Fleet } from './fleet.ts'

/** How many ms calls have at most that are cancelled when the bridge closes: a second is all that forcing may take. */
const LONGEST_GRACE = 900

/** What has become of the calls at closing. */
export interface Drained {
  /** Calls that have ended by themselves since closing began. */
  readonly drained: number
  /** Calls that were running when the grace was over, and were cancelled. */
  readonly cancelled: number
  /** Calls that were waiting when the grace was over, and were never made. */
  readonly dropped: number
}

/**
 * The calls of a bridge as one resource of it, which closes before the threads do: it refuses new ones and lets the others
 * end; forced, it drops what waits and cancels what runs.
 */
export class Drain {
  /** How the calls of a bridge end. */
  static readonly kind: Kind<Drain> = Object.freeze({
    name: 'calls',
    matches: () => false,
    close: (drain: Drain, context: CloseContext) => drain.close(context),
    force: (drain: Drain, context: CloseContext) => drain.force(context),
  })

  readonly #path: string
  readonly #desk: Desk
  readonly #fleet: Fleet
  readonly #cancelGrace: number
  #before: { readonly ended: number; readonly cancelled: number; readonly unserved: number } | undefined = undefined
  #context: CloseContext | undefined = undefined
  #timer: ClockTimer | undefined = undefined
  readonly #over = Promise.withResolvers<void>()

  constructor(path: string, desk: Desk, fleet: Fleet, cancelGrace: number) {
    this.#path = path
    this.#desk = desk
    this.#fleet = fleet
    this.#cancelGrace = Math.min(cancelGrace, LONGEST_GRACE)
  }

  /** What has become of them so far. */
  get result(): Drained {
    const { ended = 0, cancelled = 0, unserved = 0 } = this.#before ?? {}
    if (this.#before === undefined) return { drained: 0, cancelled, dropped: unserved }
    const { counts } = this.#desk
    return {
      drained: this.#ended - ended,
      cancelled: counts.cancelled - cancelled,
      dropped: counts.unserved - unserved,
    }
  }

  /** Lets all calls end. */
  close(context: CloseContext): Promise<void> | undefined {
    this.#begin(context)
    if (!this.#fleet.hasHope) this.#drop(undefined)
    this.check()
    return this.#desk.isIdle ? undefined : this.#over.promise
  }

  /** Gives up what has not ended. */
  force(context: CloseContext): Promise<void> | undefined {
    this.#begin(context)
    this.#drop(undefined)
    for (const { live } of this.#fleet.seats) {
      for (const call of live?.calls ?? []) this.#desk.cancel(call, closedBefore(this.#path, call))
    }
    this.check()
    if (this.#desk.isIdle) return undefined
    this.#timer = context.clock.setTimeout(() => this.#terminate(), this.#cancelGrace)
    return this.#over.promise
  }

  /** Calls are over, or threads are gone. */
  check(): void {
    if (this.#context === undefined) return
    if (!this.#fleet.hasHope && this.#desk.queue.size > 0) this.#drop(undefined)
    this.#note()
    if (!this.#desk.isIdle) return
    if (this.#timer !== undefined) this.#context.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#over.resolve()
  }

  get #ended(): number {
    const { done, failed, lost, timedOut } = this.#desk.counts
    return done + failed + lost + timedOut
  }

  #begin(context: CloseContext): void {
    this.#context = context
    const { cancelled, unserved } = this.#desk.counts
    this.#before ??= { ended: this.#ended, cancelled, unserved }
  }

  #drop(cause: unknown): void {
    this.#desk.drop((call) => closedBefore(this.#path, call, cause))
  }

  /** Those that do not heed it go with their threads. */
  #terminate(): void {
    this.#timer = undefined
    for (const { live } of this.#fleet.seats) {
      live?.listen()
      const [call] = live?.calls ?? []
      if (call !== undefined) live?.condemned(unheeded(call))
    }
    this.check()
  }

  #note(): void {
    const { drained, cancelled, dropped } = this.result
    if (drained + cancelled + dropped > 0)
      this.#context?.note(`drained ${drained}, cancelled ${cancelled}, dropped ${dropped}`)
  }
}
