import { LONGEST_TIMEOUT } from '../lifecycle/check.ts'
import type { ClockTimer } from '../lifecycle/clock.ts'
import { Deadline } from '../lifecycle/deadline.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { readinessOf } from '../lifecycle/readiness.ts'
import type { Scope } from '../lifecycle/scope.ts'
import type { Message, Outbox } from './outbox.ts'
import { closingWords, servingWords, startingWords } from './status-words.ts'

/**
 * For how many ms systemd is asked to wait on, at most. Not for all that a budget leaves: it is asked again and again, so
 * that systemd notices soon when the process cannot ask any more.
 */
export const EXTENSION = 10_000
/** How often it is asked, in ms. */
export const BEAT = 5_000
/** How many ms are asked for beyond the end of a budget, for what is done about it then. */
const MARGIN = 2_000

/** Something that is over at some time. */
export interface Remaining {
  /** How many ms are left of it. */
  readonly left: number
}

/**
 * Puts into messages for systemd what happens in a topmost lifecycle, from its start to its end.
 *
 * A start or a closing has a budget. As long as that lasts, systemd is asked to wait; when it is over, it is not asked
 * any more, and what hangs all the same is systemd's to end.
 */
export class Narrator {
  readonly #scope: Scope
  readonly #outbox: Outbox
  readonly #closing: number
  /** The steps and phases under way, and until when they may be. */
  readonly #under = new Map<string, Deadline | undefined>()
  #stage: 'starting' | 'serving' | 'stopping' = 'starting'
  #budget: Remaining
  #timer: ClockTimer | undefined = undefined
  /** When the closing began. */
  #closingSince: number | undefined = undefined

  /** @param budgets what the start has, and how many ms pass at most between the closing's begin and the exit. */
  constructor(scope: Scope, outbox: Outbox, { start, closing }: { start: Remaining; closing: number }) {
    this.#scope = scope
    this.#outbox = outbox
    this.#budget = start
    this.#closing = closing
  }

  /** Says how things stand. */
  begin(): void {
    if (this.#scope.state !== 'open') this.#stopping('closing')
    else if (readinessOf(this.#scope).started) this.#serving()
    else this.#beat({}, startingWords([]))
  }

  /** Says what has happened, if it matters to systemd. */
  hear({ type, path, reason, timeout }: LifecycleEvent): void {
    if (type === 'startup.began') this.#step(() => this.#under.set(path, this.#deadline(timeout)))
    else if (type === 'startup.ended') this.#step(() => this.#under.delete(path))
    else if (path !== this.#scope.path) return
    else if (type === 'lifecycle.ready') this.#serving()
    else if (type === 'lifecycle.draining') this.#stopping('draining: it still serves, and will close', timeout)
    else if (type === 'lifecycle.closing') {
      this.#closingSince = this.#scope.clock.now()
      this.#stopping(reason === undefined ? 'closing' : `closing: ${reason}`)
    }
  }

  /** Says nothing more. */
  stop(): void {
    if (this.#timer !== undefined) this.#scope.clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #step(note: () => void): void {
    if (this.#stage !== 'starting') return
    note()
    this.#beat({}, startingWords([...this.#under.keys()]))
  }

  #deadline(timeout: number | undefined): Deadline | undefined {
    return timeout === undefined ? undefined : new Deadline(timeout, { clock: this.#scope.clock })
  }

  /** What the budget leaves. A start has that of its steps too, where they have been given more. */
  get #left(): number {
    const steps = this.#stage === 'starting' ? [...this.#under.values()] : []
    return Math.max(this.#budget.left, ...steps.map((step) => step?.left ?? 0))
  }

  #serving(): void {
    if (this.#stage !== 'starting') return
    this.#stage = 'serving'
    this.stop()
    this.#outbox.tell({ READY: '1', STATUS: servingWords(readinessOf(this.#scope)) })
  }

  #stopping(status: string, before = 0): void {
    const first: Message = this.#stage === 'stopping' ? {} : { STOPPING: '1' }
    this.#stage = 'stopping'
    this.#budget = new Deadline(Math.min(before + this.#closing, LONGEST_TIMEOUT), { clock: this.#scope.clock })
    this.#beat(first, status)
  }

  /** Tells the status, asks systemd to wait as long as the budget lasts, and comes back to ask again. */
  #beat(first: Message, status: string): void {
    this.stop()
    const left = this.#left
    if (left <= 0) return this.#outbox.tell({ ...first, STATUS: status })
    const extension = Math.ceil(Math.min(EXTENSION, left + MARGIN) * 1_000)
    this.#outbox.tell({ ...first, STATUS: status, EXTEND_TIMEOUT_USEC: String(extension) })
    this.#timer = this.#scope.clock.setTimeout(() => this.#beat({}, this.#status(status)), BEAT)
    this.#timer.unref()
  }

  #status(before: string): string {
    if (this.#stage === 'starting') return startingWords([...this.#under.keys()])
    if (this.#closingSince === undefined) return before
    return closingWords(this.#scope, this.#scope.clock.now() - this.#closingSince)
  }
}
