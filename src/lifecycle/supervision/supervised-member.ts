import { Backoff } from '../backoff.ts'
import { coded, type EndswellError, wordOf } from '../errors.ts'
import type { LifecycleEvent } from '../event.ts'
import { type Audible, isHeard, publish } from '../events.ts'
import { type Lifecycle, scopeOf } from '../lifecycle.ts'
import type { Scope } from '../scope.ts'
import { closeScope } from '../scope-kind.ts'
import { watchClosing } from '../watch-closing.ts'
import { Incarnation, type LifeHost } from './incarnation.ts'
import { Latch, refused } from './latch.ts'
import { causeOf, type LifeEnd } from './life-end.ts'
import { backoffOf, type Definition } from './supervise-policy.ts'
import type { SupervisedState, SupervisionEnd } from './supervised.ts'

/** How many ms a life must have been ready for the waits to begin anew, where nobody says. */
const STABLE = 10_000

/** Whoever decides about a member. */
export interface MemberHost {
  /** Who hears of it. */
  readonly audience: Audible
  /** A life has ended, and nobody had asked for that. */
  onEnd(member: SupervisedMember, end: LifeEnd<unknown>): void
  /** Something in a life could not be ended. */
  onAbandoned(member: SupervisedMember, error: unknown): void
  /** Something has changed that may let others go on. */
  onChange(): void
}

/** One member of a supervision: where it stands, its present life, and the scope that its lives are in. */
export class SupervisedMember implements LifeHost {
  readonly definition: Definition
  readonly backoff: Backoff
  readonly ended: Promise<SupervisionEnd>
  readonly #latch = new Latch()
  readonly #home: Lifecycle
  readonly #scope: Scope
  readonly #host: MemberHost
  readonly #over = Promise.withResolvers<SupervisionEnd>()
  #life: Incarnation | undefined = undefined
  #state: SupervisedState = 'starting'
  /** What is to follow this life, as far as that is decided. */
  #next: 'again' | 'nothing' | undefined = undefined
  /** Whether its life did not end by itself. */
  #wasAsked = false
  #isLeaving = false
  /** Whether `cause` is what this life ended with, and not the one before. */
  #hasEnded = false
  #failure: EndswellError | undefined = undefined
  incarnation = 0
  restarts = 0
  cause: unknown = undefined

  constructor(home: Lifecycle, definition: Definition, host: MemberHost) {
    this.definition = definition
    this.backoff = new Backoff(backoffOf(definition.backoff))
    this.ended = this.#over.promise
    this.#home = home
    this.#scope = scopeOf(home)
    this.#host = host
    watchClosing(
      this.#scope,
      () => this.#onLeft(),
      () => this.#onLeaving(),
    )
  }

  get path(): string {
    return this.#scope.path
  }

  get state(): SupervisedState {
    return this.#state
  }

  /** Resolves when it is ready, and rejects at once where it will not be. */
  get ready(): Promise<void> {
    return this.#isLeaving ? refused(this.#refusal) : this.#latch.passed
  }

  /** Whether those behind it may begin: it is ready, or has ended for good. */
  get isSettled(): boolean {
    return this.#state === 'ready' || this.#state === 'stopped' || this.#state === 'failed'
  }

  /** Whether it has no life, and is to have another. */
  get isDown(): boolean {
    return this.#life === undefined && !this.#isLeaving
  }

  /** Whether its life is over, or to be ended, and it is known what follows. */
  get isStopping(): boolean {
    return this.#life !== undefined && this.#next !== undefined
  }

  /** Whether it is known what follows its present life. */
  get isDecided(): boolean {
    return this.#next !== undefined || this.#isLeaving
  }

  /** Whether there will be no other life. */
  get isLeaving(): boolean {
    return this.#isLeaving
  }

  /** Whether it has been ready for long enough for its waits to begin anew. */
  isStable(now: number): boolean {
    const { readySince } = this.#life ?? {}
    return readySince !== undefined && now - readySince >= (this.definition.stable ?? STABLE)
  }

  /** How many ms ago its present life has begun. */
  age(now: number): number {
    return now - (this.#life?.since ?? now)
  }

  /** Begins the next life. */
  begin(): void {
    this.incarnation += 1
    this.#next = undefined
    this.#hasEnded = false
    const life = new Incarnation(this.#home, this.incarnation, this)
    // Whoever heard of its scope may have ended it all.
    if (this.#isLeaving) return
    this.#life = life
    this.#state = 'starting'
    this.#tell()
    if (this.#next === undefined) life.begin(this.definition)
  }

  /** Has this life be followed by another, or by nothing. `stop` ends it then, if it lives. */
  condemn(next: 'again' | 'nothing'): void {
    if (this.#isLeaving || this.#life === undefined) return
    this.#next = next
    this.#change('stopping')
  }

  /** Ends the life that was condemned. */
  stop(reason: string): void {
    if (this.#next === 'nothing') this.leave(reason)
    else this.#life?.stop(reason)
  }

  /** Waits for its next life: `timeout` ms, or for others. */
  wait(timeout?: number): void {
    if (this.incarnation > 0 && this.isDown) this.#change('backing-off', timeout === undefined ? {} : { timeout })
  }

  /** Ends it for good. */
  leave(reason: string): void {
    closeScope(this.#scope, { reason }, Number.POSITIVE_INFINITY, false)
  }

  /** Notes that it is the one that the supervision has given up for. */
  fail(failure: EndswellError): void {
    this.#failure ??= failure
    this.cause = failure.cause
    this.#hasEnded = true
  }

  /** Sends away whoever waits for it to be ready. */
  refuse(error: unknown): void {
    this.#latch.refuse(error)
  }

  onReady(): void {
    if (this.isDecided) return
    this.#change('ready')
    this.#host.onChange()
  }

  onOver(end: LifeEnd<unknown> | undefined): void {
    this.cause = end === undefined ? undefined : causeOf(end)
    this.#hasEnded = true
    this.#wasAsked = end === undefined
    this.#change('stopping')
    if (end === undefined || this.isDecided) return this.#host.onChange()
    this.#host.onEnd(this, end)
  }

  onClosed(end: LifeEnd<unknown> = {}, abandoned: unknown = undefined): void {
    if (this.#life === undefined) return
    if (this.#failure === undefined) this.cause = this.#wasAsked && isWish(end) ? undefined : causeOf(end)
    if (abandoned !== undefined) this.#host.onAbandoned(this, abandoned)
    // Somebody has closed its scope, and only now it is known how that ended.
    else if (!this.isDecided) this.#host.onEnd(this, end)
    this.#life = undefined
    this.#host.onChange()
  }

  /** The closing of its scope has begun. */
  #onLeaving(): void {
    this.#isLeaving = true
    this.#latch.shut()
    this.#latch.refuse(this.#refusal)
    if (this.#life !== undefined) this.#change('stopping')
    this.#host.onChange()
  }

  /** Everything in its scope has ended. */
  #onLeft(): void {
    this.#life = undefined
    const state = this.#failure === undefined ? 'stopped' : 'failed'
    this.#change(state, this.#failure === undefined ? {} : { error: this.#failure })
    this.#over.resolve(Object.freeze({ state, cause: this.cause }))
    this.#host.onChange()
  }

  get #refusal(): Error {
    return this.#failure ?? closedError(this.path, 'it is stopped')
  }

  #change(state: SupervisedState, more: Partial<LifecycleEvent> = {}): void {
    if (state === this.#state) return
    this.#state = state
    if (state === 'ready') this.#latch.open()
    else this.#latch.shut()
    this.#tell(more)
  }

  #tell(more: Partial<LifecycleEvent> = {}): void {
    const { audience } = this.#host
    if (!isHeard(audience, 'supervised.changed')) return
    const state = this.#state
    const about = { path: this.path, kind: 'supervised', state, incarnation: this.incarnation }
    const cause = this.#hasEnded && this.cause !== undefined ? { cause: this.cause } : {}
    publish(audience, Object.freeze({ type: 'supervised.changed', ...about, ...cause, ...more }))
  }
}

/** Whether an end only says that the life heeded its signal. */
function isWish({ error }: LifeEnd<unknown>): boolean {
  return wordOf(error, 'name') === 'AbortError' || wordOf(error, 'code') === 'ERR_CLOSED'
}

/** Says that what is waited for will not come. */
export function closedError(path: string, why: string): ReferenceError {
  return coded(new ReferenceError(`${path} will not be ready: ${why}.`), 'ERR_CLOSED')
}
