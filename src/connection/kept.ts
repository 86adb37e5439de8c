import { checkFunction, checkObject, checkOptions, checkTimeout, LONGEST_TIMEOUT } from '../lifecycle/check.ts'
import type { Outcome } from '../lifecycle/contract.ts'
import { coded } from '../lifecycle/errors.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { isHeard, publish } from '../lifecycle/events.ts'
import { customInspect } from '../lifecycle/inspect.ts'
import { type Lifecycle, scopeOf } from '../lifecycle/lifecycle.ts'
import { PLAIN, splitPlace } from '../lifecycle/place.ts'
import { causeOf } from '../lifecycle/supervision/life-end.ts'
import { homeIn } from '../lifecycle/supervision/supervise.ts'
import { backoffOf, type Definition } from '../lifecycle/supervision/supervise-policy.ts'
import type { SupervisedMember } from '../lifecycle/supervision/supervised-member.ts'
import { Supervisor } from '../lifecycle/supervision/supervisor.ts'
import { open } from './keeping/connecting.ts'
import { hold } from './keeping/hold.ts'
import type { KeepOptions } from './keeping/keep-options.ts'
import type { KeptEnd, KeptState, KeptStats } from './keeping/kept-words.ts'
import { isFinal } from './keeping/misuse.ts'
import { type Link, type StartSubscription, Subscriptions } from './keeping/subscriptions.ts'

const worstLast: readonly Outcome[] = ['closed', 'forced', 'failed', 'abandoned']

/** A connection that is there, and since when. */
interface Held<T> extends Link<T> {
  readonly since: number
}

/** A connection that is kept alive, as `keepConnected` returns it. Disposing of it closes it. */
export class Kept<T> implements AsyncDisposable {
  readonly #options: KeepOptions<T>
  readonly #home: Lifecycle
  readonly #subscriptions: Subscriptions<T>
  readonly #supervisor: Supervisor
  readonly #counts = { connects: 0, losses: 0, missed: 0, failedStarts: 0 }
  #held: Held<T> | undefined = undefined
  #isTrying = false
  /** Why the present connection is being replaced, where somebody asked for that. */
  #reason: string | undefined = undefined
  #end: Promise<KeptEnd> | undefined = undefined

  /** Begins to connect. Prefer `keepConnected`, which checks what it is given. */
  constructor(life: Lifecycle, options: KeepOptions<T>) {
    const { name = 'connection', grace, fatal = false, intensity = { max: Number.POSITIVE_INFINITY } } = options
    const { backoff = {}, stableAfter, giveUpWhen, maxSubscriptions = 10_000 } = options
    this.#options = options
    const [place] = splitPlace(options)
    this.#home = homeIn(life, name, grace === undefined ? place : { ...place, grace })
    const { path } = this.#home
    const failed = (where: string, error: unknown): void => {
      this.#counts.failedStarts += 1
      this.#publish({ type: 'resource.error', path: where, error })
    }
    this.#subscriptions = new Subscriptions({ path, max: maxSubscriptions, backoff: backoffOf(backoff), failed })
    const definition: Definition = {
      start: (scope, ready) => this.#live(scope, ready),
      readyWhen: 'told',
      // Its own time is up sooner.
      readyTimeout: LONGEST_TIMEOUT,
      backoff,
      giveUpWhen: (end) => isFinal(causeOf(end)) || (giveUpWhen?.(causeOf(end)) ?? false),
      ...(stableAfter === undefined ? {} : { stable: stableAfter }),
    }
    const members = [[this.#home, definition]] as const
    this.#supervisor = new Supervisor(this.#home, { members, strategy: 'one_for_one', options: { intensity, fatal } })
    this.#member.ended.then(({ state, cause }) => {
      this.#subscriptions.clear()
      this.#tell(state === 'failed' ? 'failed' : 'closed', cause)
    })
  }

  /** Names from the root, such as `/orders/feed`. Its third attempt is `/orders/feed/3`. */
  get path(): string {
    return this.#home.path
  }

  /** Where it stands. */
  get state(): KeptState {
    const { state, isLeaving } = this.#member
    if (state === 'failed') return 'failed'
    if (isLeaving) return 'closed'
    if (this.#held !== undefined) return 'connected'
    return this.#isTrying ? 'connecting' : 'waiting'
  }

  /** The connection, or `undefined` as long as there is none. */
  get current(): T | undefined {
    return this.#held?.value
  }

  /** The keys of its subscriptions, in the order in which they were made. */
  get subscriptions(): readonly unknown[] {
    return this.#subscriptions.keys
  }

  /**
   * Resolves to the connection: the present one, or the next. Rejects when there will be none: with an `EndswellError`
   * (`ERR_GAVE_UP`, its `cause` what the last attempt ended with), or a ReferenceError (`ERR_CLOSED`). Dropped, it is no
   * unhandled rejection.
   */
  ready(): Promise<T> {
    const next = this.#next(this.#supervisor.ready(this.#member))
    next.catch(() => {})
    return next
  }

  /**
   * Ends the present connection and makes another one, without a wait; a wait under way is over. Resolves to the new one,
   * and rejects as `ready` does. For a token that has run out, or a network that is back.
   */
  reconnect(reason = 'reconnect() was called'): Promise<T> {
    if (this.#isTrying || this.#held !== undefined) this.#reason = reason
    const next = this.#next(this.#supervisor.restart(this.#member))
    next.catch(() => {})
    return next
  }

  /**
   * Wants something on every connection: `start` is called now, if there is one, and on each to come. What it registers in
   * its scope ends with the subscription, or the connection. Where it throws, it is tried again after a while, and the
   * error is published as `resource.error`. A key that is there already is ended first, and replaced.
   *
   * @returns the undo, which resolves when the subscription has ended.
   * @throws EndswellError (`ERR_QUEUE_FULL`) where there are `maxSubscriptions`; ReferenceError (`ERR_CLOSED`) where there
   * will be no connection; TypeError for a bad argument.
   */
  subscribe(key: unknown, start: StartSubscription<T>): () => Promise<void> {
    checkFunction('start', start)
    if (this.#member.isLeaving)
      throw coded(new ReferenceError(`${this.path} is closed and takes no more subscriptions.`), 'ERR_CLOSED')
    return this.#subscriptions.add(key, start)
  }

  /** Ends the subscription under a key. Resolves when that has ended, to whether there was one. */
  unsubscribe(key: unknown): Promise<boolean> {
    return this.#subscriptions.remove(key)
  }

  /** How it stands: frozen plain data. */
  stats(): KeptStats {
    const held = this.#held === undefined ? 0 : scopeOf(this.#home).clock.now() - this.#held.since
    const { incarnation: attempts } = this.#member
    const { size: subscriptions } = this.#subscriptions
    return Object.freeze({ state: this.state, attempts, ...this.#counts, subscriptions, held })
  }

  /**
   * Ends the connection for good, in `timeout` ms (default: 5 000) and the second that forcing takes. A second call gives
   * the same promise, and can only shorten that. Never rejects; throws a TypeError or RangeError for a bad option.
   */
  close(options: { timeout?: number } = PLAIN): Promise<KeptEnd> {
    checkObject('options', options)
    checkOptions('close', options, ['timeout'])
    const { timeout = 5_000 } = options
    checkTimeout('options.timeout', timeout)
    const closing = this.#home.close({ timeout, reason: 'close() was called' })
    this.#end ??= closing.then(({ counts }) => {
      const outcome = worstLast.findLast((each) => counts[each] > 0) ?? 'closed'
      const { connects, losses } = this.#counts
      return Object.freeze({ connects, losses, outcome })
    })
    return this.#end
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  [customInspect](): string {
    return `Kept ${this.path}: ${this.state}, attempt ${this.#member.incarnation}`
  }

  get #member(): SupervisedMember {
    return this.#supervisor.members[0] as SupervisedMember
  }

  async #next(turn: Promise<void>): Promise<T> {
    await turn
    // It may be lost again before whoever waits is told.
    while (this.#held === undefined) await this.#supervisor.ready(this.#member)
    return this.#held.value
  }

  /** One attempt, and the connection that it brings. */
  async #live(scope: Lifecycle, ready: () => void): Promise<unknown> {
    this.#isTrying = true
    this.#tell('connecting')
    let cause: unknown
    try {
      const { connect, connectTimeout: timeout = 15_000, kind, close, force } = this.#options
      const ending = { ...(kind && { kind }), ...(close && { close }), ...(force && { force }) }
      const value = await open(scope, { connect, timeout, ending })
      cause = await this.#hold({ value, scope, since: scopeOf(scope).clock.now() }, ready)
      return cause
    } catch (error) {
      cause = error
      throw error
    } finally {
      this.#isTrying = false
      const reason = this.#reason
      this.#reason = undefined
      if (!this.#home.disposed) this.#tell('waiting', cause, reason === undefined ? {} : { reason })
    }
  }

  #hold(held: Held<T>, ready: () => void): Promise<unknown> {
    this.#held = held
    this.#isTrying = false
    this.#counts.connects += 1
    const over = hold(held, this.#options, (loss) => {
      this.#held = undefined
      this.#subscriptions.lose()
      if (loss !== 'asked') this.#counts.losses += 1
      if (loss === 'missed') this.#counts.missed += 1
    })
    // It may have been over already, and whoever is told of it may end it.
    if (this.#held === held) ready()
    if (this.#held === held) this.#tell('connected')
    if (this.#held === held) this.#subscriptions.begin(held)
    return over
  }

  #tell(state: KeptState, cause?: unknown, more: Partial<LifecycleEvent> = {}): void {
    const incarnation = this.#supervisor?.members[0]?.incarnation ?? 1
    this.#publish({
      type: 'connection.changed',
      state,
      incarnation,
      ...(cause === undefined ? {} : { cause }),
      ...more,
    })
  }

  #publish(event: Partial<LifecycleEvent> & Pick<LifecycleEvent, 'type'>): void {
    const audience = this.#supervisor?.audience ?? scopeOf(this.#home)
    if (isHeard(audience, event.type))
      publish(audience, Object.freeze({ path: this.path, kind: 'connection', ...event }))
  }
}
