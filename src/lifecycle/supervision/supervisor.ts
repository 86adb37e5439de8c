import type { Clock } from '../clock.ts'
import { EndswellError } from '../errors.ts'
import type { Audible } from '../events.ts'
import { type Lifecycle, scopeOf } from '../lifecycle.ts'
import { readinessOf } from '../readiness.ts'
import type { Scope } from '../scope.ts'
import { closeScope, failAll } from '../scope-kind.ts'
import { watchClosing } from '../watch-closing.ts'
import { around } from './around.ts'
import { Crew } from './crew.ts'
import { Intensity } from './intensity.ts'
import { Latch, refused } from './latch.ts'
import { causeOf, judge, type LifeEnd, type Verdict } from './life-end.ts'
import { companions, isBegunAgain, type Strategy } from './restart.ts'
import { type Definition, intensityOf, type SupervisionOptions } from './supervise-policy.ts'
import type { SupervisedState, SupervisionEnd } from './supervised.ts'
import { closedError, type MemberHost, SupervisedMember } from './supervised-member.ts'

/** What a supervisor is to do. */
export interface Plan {
  /** What it supervises, in order, each with the lifecycle that its lives are in: the supervisor's own, or inside it. */
  readonly members: readonly (readonly [home: Lifecycle, definition: Definition])[]
  readonly strategy: Strategy
  readonly options: SupervisionOptions
}

/**
 * Decides what comes of each end, and keeps the order. It is told of every change and then looks at what can be done
 * now: first what has to end ends, the last one first; then the wait passes; then what is down begins, the first one
 * first. Everything ends in one way, by the closing of its scope: for `stop()`, for its lifecycle, and when it gives up.
 */
export class Supervisor implements MemberHost {
  readonly members: readonly SupervisedMember[]
  readonly #scope: Scope
  readonly #owner: Scope
  readonly #clock: Clock
  readonly #strategy: Strategy
  readonly #isFatal: boolean
  readonly #intensity: Intensity
  readonly #crews: readonly Crew[]
  /** The outermost whose closing counts. */
  readonly #top: Scope | undefined
  /** What tells that it, or a lifecycle around it, closes. */
  readonly #signals: readonly AbortSignal[]
  readonly #latch = new Latch()
  readonly #over = Promise.withResolvers<SupervisionEnd>()
  #audience: Audible
  #failure: EndswellError | undefined = undefined
  #isLooking = false
  #hasChanged = false

  constructor(home: Lifecycle, { members, strategy, options }: Plan, top?: Scope) {
    const scope = scopeOf(home)
    // Whoever heard that they were opened may have closed them.
    for (const each of [home, ...members.map(([inner]) => inner)]) scopeOf(each).checkOpen()
    this.#scope = scope
    this.#owner = scope.parent ?? scope
    this.#audience = this.#owner
    this.#clock = scope.clock
    this.#strategy = strategy
    this.#isFatal = options.fatal ?? false
    const { max, period } = intensityOf(options.intensity)
    this.#intensity = new Intensity(max, period)
    this.members = members.map(([inner, definition]) => new SupervisedMember(inner, definition, this))
    for (const { path } of this.members) readinessOf(scope).degraded.delete(path)
    const apart = this.members.map((member) => [member])
    const crews = strategy === 'one_for_one' ? apart : [this.members]
    this.#crews = crews.map((crew) => new Crew(crew, scope.clock))
    this.#top = top
    this.#signals = around(scope, top).map(({ signal }) => signal)
    for (const signal of this.#signals) signal.addEventListener('abort', this.#retire)
    watchClosing(scope, () => this.#finish())
    this.#look()
  }

  /** Who hears of it: its lifecycle, also when its own scope has left that; but not one that has forgotten it. */
  get audience(): Audible {
    if (this.#scope.state !== 'closed') this.#audience = this.#scope.parent ?? this.#scope
    return this.#audience
  }

  get path(): string {
    return this.#scope.path
  }

  /** Where all of it stands. */
  get state(): SupervisedState {
    const { state } = this.#scope
    if (state === 'closed') return this.members.some((member) => member.state === 'failed') ? 'failed' : 'stopped'
    if (state === 'closing') return 'stopping'
    if (this.members.some((member) => member.state === 'backing-off')) return 'backing-off'
    return this.#isSettled ? 'ready' : 'starting'
  }

  /** Resolves when every member is ready, or has ended for good. */
  get allReady(): Promise<void> {
    const isLate = this.#scope.state !== 'open' || (!this.#isSettled && this.isClosing)
    return isLate ? refused(this.#refusal(this.path)) : this.#latch.passed
  }

  /** Resolves when everything has ended. */
  get ended(): Promise<SupervisionEnd> {
    return this.#over.promise
  }

  get #isSettled(): boolean {
    return this.members.every(({ isSettled }) => isSettled)
  }

  /** Whether it, or a lifecycle around it, closes: then nothing begins any more. */
  get isClosing(): boolean {
    return around(this.#scope, this.#top).some(({ state }) => state !== 'open')
  }

  /** Resolves when a member is ready. */
  ready(member: SupervisedMember): Promise<void> {
    const isLate = !member.isSettled && this.isClosing
    return isLate ? refused(this.#refusal(member.path)) : member.ready
  }

  /** Ends it all for good. */
  stop(): Promise<SupervisionEnd> {
    closeScope(this.#scope, { reason: 'stop() was called' }, Number.POSITIVE_INFINITY, false)
    return this.ended
  }

  /** Ends the lives of a member and its companions, and begins the next ones at once. */
  restart(member: SupervisedMember): Promise<void> {
    if (member.isLeaving) return member.ready
    if (this.isClosing) return refused(this.#refusal(member.path))
    this.#again(member)
    return member.ready
  }

  onChange(): void {
    this.#look()
  }

  onEnd(member: SupervisedMember, end: LifeEnd<unknown>): void {
    if (this.isClosing) return member.leave(CLOSING)
    const { incarnation } = member
    let verdict: Verdict
    try {
      verdict = judge(member.definition, end)
    } catch (error) {
      return this.#giveUp(member, 'its policy threw when it was asked about an end', error)
    }
    // Whoever was asked may have decided by hand.
    if (member.isDecided || member.incarnation !== incarnation) return this.#look()
    if (verdict === 'final') return this.#giveUp(member, 'another life would only end alike', causeOf(end))
    if (!isBegunAgain(member.definition.restart ?? 'permanent', verdict === 'normal'))
      return member.leave('its life is over')
    const now = this.#clock.now()
    if (!this.#intensity.allows(now)) return this.#giveUp(member, this.#tooMany(member, end), causeOf(end))
    if (member.isStable(now)) member.backoff.reset()
    member.restarts += 1
    this.#again(member, member.backoff.next())
  }

  onAbandoned(member: SupervisedMember, error: unknown): void {
    this.#giveUp(member, `what its life ${member.incarnation} held could not be ended, and may still run`, error)
  }

  #tooMany(member: SupervisedMember, end: LifeEnd<unknown>): string {
    const isInstant = 'value' in end && member.age(this.#clock.now()) < 1
    const hint = isInstant ? '. Its start returned at once, but the promise of start is the life' : ''
    return `it would be begun again ${this.#intensity}${hint}`
  }

  #again(member: SupervisedMember, wait?: number): void {
    const crew = this.#crews.find(({ members }) => members.includes(member)) as Crew
    crew.hold(wait)
    member.condemn('again')
    for (const other of companions(this.#strategy, this.members, member)) {
      other.condemn(other.definition.restart === 'temporary' ? 'nothing' : 'again')
    }
    this.#look()
  }

  #giveUp(member: SupervisedMember, why: string, cause: unknown): void {
    const { path } = member
    const failure = new EndswellError('ERR_GAVE_UP', `${path} gave up: ${why}.`, { path, cause })
    member.fail(failure)
    // What is being ended for good anyway takes nobody with it.
    if (member.isLeaving || this.isClosing) return
    this.#failure = failure
    closeScope(this.#scope, { reason: failure.message }, Number.POSITIVE_INFINITY, false)
    if (this.#isFatal) failAll(this.#owner, failure, path)
    else readinessOf(this.#owner).giveUp(this.#owner, path, failure.message)
  }

  /** A lifecycle around it closes, or its own scope: nobody waits any more, and what is down stays down. */
  readonly #retire = (): void => {
    if (!this.isClosing) return // It was forgotten, or moved away.
    for (const crew of this.#crews) crew.hold(undefined)
    for (const member of this.members) member.refuse(this.#refusal(member.path))
    this.#latch.refuse(this.#refusal(this.path))
    this.#look()
  }

  /** Why nobody needs to wait for one of that path. */
  #refusal(path: string): Error {
    return this.#failure ?? closedError(path, CLOSING)
  }

  #finish(): void {
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#retire)
    const failed = this.members.find(({ state }) => state === 'failed')
    this.#over.resolve(Object.freeze({ state: failed === undefined ? 'stopped' : 'failed', cause: failed?.cause }))
  }

  /** Does what can be done now. Whatever that changes is looked at afterwards, and not in between. */
  #look(): void {
    this.#hasChanged = true
    if (this.#isLooking) return
    this.#isLooking = true
    while (this.#hasChanged) {
      this.#hasChanged = false
      for (const crew of this.#crews) this.#advance(crew)
    }
    this.#isLooking = false
    if (!this.#isSettled) this.#latch.shut()
    else if (!this.isClosing) this.#latch.open()
    if (this.members.every(({ isLeaving }) => isLeaving))
      closeScope(this.#scope, { reason: 'all in it has ended' }, Number.POSITIVE_INFINITY, false)
  }

  #advance(crew: Crew): void {
    if (crew.isEnding()) return
    if (this.isClosing) for (const member of crew.down.toReversed()) member.leave(CLOSING)
    else if (!crew.isWaiting(() => this.#look())) this.#begin(crew)
  }

  #begin({ down }: Crew): void {
    for (const member of down) {
      if (this.#hasChanged) return
      if (this.#mayBegin(member)) member.begin()
      else member.wait()
    }
  }

  /** At first each waits for those before it; later on only where they belong together. */
  #mayBegin(member: SupervisedMember): boolean {
    if (this.#strategy === 'one_for_one' && member.incarnation > 0) return true
    return this.members.slice(0, this.members.indexOf(member)).every(({ isSettled }) => isSettled)
  }
}

const CLOSING = 'its lifecycle is closing'
