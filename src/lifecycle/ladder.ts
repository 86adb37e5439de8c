import { isObject } from './check.ts'
import type { Clock, ClockTimer } from './clock.ts'
import { Context } from './context.ts'
import type { Outcome } from './contract.ts'
import { begin } from './core-kinds.ts'
import { type Descending, ENDING, type Entry } from './entry.ts'
import { EndswellError } from './errors.ts'

/** What a ladder needs of the closing or the release that it belongs to. */
export interface LadderHost {
  readonly clock: Clock
  readonly reason: string
  /** The moment from which on everything is forced. */
  readonly deadline: number
  /** Whether somebody wants to know how long each thing took. */
  readonly timed: boolean
  /** How many ms the entry's first rung may take; Infinity where it bounds itself. */
  graceOf(entry: Entry): number
  /** How many ms its second rung may take; Infinity where it bounds itself. */
  windowOf(entry: Entry): number
  pathOf(entry: Entry): string
  /** A disposer is called now. */
  enter(): void
  /** It has returned. */
  exit(): void
  /** The first rung is over and the second begins. */
  forcing(entry: Entry): void
  /** Called once, when the outcome is known. */
  ended(ladder: Ladder): void
  /** Something threw after it had been given up. */
  late(entry: Entry, error: unknown): void
}

/**
 * One resource's way down: `close` within its grace, then `force` within its window, then it is abandoned.
 * Its timer is cleared the moment it is not needed.
 */
export class Ladder implements Descending {
  readonly entry: Entry
  readonly context: Context
  startedAt: number
  outcome: Outcome | undefined = undefined
  error: unknown = undefined
  joined = false
  readonly #host: LadderHost
  #begun = false
  #forcing = false
  #failed = false
  #timer: ClockTimer | undefined = undefined

  constructor(entry: Entry, host: LadderHost) {
    this.entry = entry
    this.#host = host
    this.startedAt = host.clock.now()
    this.context = new Context(host)
    entry.state = ENDING
    entry.detailed().ladder = this
  }

  /** The first rung. */
  close(): void {
    const grace = this.#host.graceOf(this.entry)
    this.context.grace = Math.min(grace, Math.max(0, this.#host.deadline - this.startedAt))
    const waits = this.#begin()
    if (waits && this.outcome === undefined && !this.#forcing) this.#wait(grace, () => this.#graceOver())
  }

  /** Takes over a closing that has begun elsewhere. */
  resume(pending: unknown, startedAt: number): void {
    this.#begun = true
    this.startedAt = startedAt
    this.#follow(pending)
  }

  /** The second rung, whatever is left of the grace. A resource that can only close gets the window to do so. */
  force(): void {
    if (this.outcome === undefined && !this.#forcing) this.#secondRung()
  }

  #graceOver(): void {
    if (this.entry.kind.force === undefined) this.#timeOver()
    else this.#secondRung()
  }

  /** Nothing is left to try; but it may have gone without anybody telling. */
  #timeOver(): void {
    const { kind, value } = this.entry
    try {
      if (kind.isGone?.(value) !== true) return this.#abandon()
    } catch (error) {
      return this.#abandon(error)
    }
    this.#end(this.#failed ? 'failed' : this.#wayOut)
  }

  /** How it ended, if it has ended by now. */
  get #wayOut(): Outcome {
    return this.#forcing && this.entry.kind.force !== undefined ? 'forced' : 'closed'
  }

  #secondRung(): void {
    this.#forcing = true
    this.#clear()
    this.context.abort()
    const { kind, value } = this.entry
    if (kind.force !== undefined) {
      this.#host.forcing(this.entry)
      try {
        this.#followForce(kind.force(value, this.context))
      } catch (error) {
        this.#forceFailed(error)
      }
    } else if (!this.#begun) this.#begin()
    if (this.outcome === undefined) this.#wait(this.#host.windowOf(this.entry), () => this.#timeOver())
  }

  /** Says whether there is something to wait for. */
  #begin(): boolean {
    this.#begun = true
    let pending: unknown
    this.#host.enter()
    try {
      pending = begin(this.entry, this.context)
    } catch (error) {
      this.#host.exit()
      this.#closeFailed(error)
      return false
    }
    this.#host.exit()
    this.#follow(pending)
    // Awaiting it may take longer than a turn. The standard forbids to look for a `then`.
    return isObject(pending)
  }

  async #follow(pending: unknown): Promise<void> {
    try {
      await pending
    } catch (error) {
      if (this.outcome === undefined) this.#closeFailed(error)
      else this.#host.late(this.entry, error)
      return
    }
    if (this.outcome === undefined) this.#end(this.#wayOut)
  }

  /** A closing that threw has perhaps ended nothing: where there is a second rung, it is taken. */
  #closeFailed(error: unknown): void {
    // What forcing breaks off may well throw: that is no failure.
    if (this.#forcing && this.entry.kind.force !== undefined) return this.#host.late(this.entry, error)
    this.#failed = true
    this.error = error
    if (this.entry.kind.force === undefined) this.#end('failed')
    else this.#secondRung()
  }

  async #followForce(pending: unknown): Promise<void> {
    const { kind, value } = this.entry
    try {
      await pending
      if (this.outcome !== undefined || kind.isGone?.(value) === false) return
    } catch (error) {
      if (this.outcome === undefined) this.#forceFailed(error)
      else this.#host.late(this.entry, error)
      return
    }
    this.#end(this.#failed ? 'failed' : 'forced')
  }

  #forceFailed(error: unknown): void {
    if (this.#failed) this.#host.late(this.entry, error)
    this.#abandon(error)
  }

  #abandon(cause?: unknown): void {
    if (this.#failed) return this.#end('failed')
    this.error = abandonedError(this.entry, this.#host.pathOf(this.entry), cause)
    this.#end('abandoned')
  }

  #end(outcome: Outcome): void {
    this.#clear()
    this.outcome = outcome
    this.#host.ended(this)
  }

  #wait(ms: number, over: () => void): void {
    if (ms !== Number.POSITIVE_INFINITY) this.#timer = this.#host.clock.setTimeout(over, ms)
  }

  #clear(): void {
    if (this.#timer !== undefined) this.#host.clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

/** The error of a resource that did not end, whatever was tried. */
export function abandonedError({ kind }: Entry, path: string, cause?: unknown): EndswellError {
  const tried = kind.force === undefined ? 'Its close did not settle' : 'Neither close nor force ended it'
  const message = `${path} (${kind.name}) was abandoned. ${tried} in time.`
  return new EndswellError('ERR_ABANDONED', message, cause === undefined ? { path } : { path, cause })
}
