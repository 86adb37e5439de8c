import type { AsyncLocalStorage } from 'node:async_hooks'
import { builtin } from '../lifecycle/builtin.ts'
import { LONGEST_TIMEOUT } from '../lifecycle/check.ts'
import { Deadline } from '../lifecycle/deadline.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { publish } from '../lifecycle/events.ts'
import { type Readiness, readinessOf } from '../lifecycle/readiness.ts'
import type { Scope } from '../lifecycle/scope.ts'
import { closeScope } from '../lifecycle/scope-kind.ts'
import { checkAdmission, misplaced } from './admission.ts'
import type { Budgets } from './budgets.ts'
import { culpritsOf, givenUpWith } from './culprits.ts'
import { alone, type Host } from './host.ts'
import { LateEndings } from './late-endings.ts'
import { Stage, type StageFacts, type StageState } from './stage.ts'
import { failureError, StartupError, timeoutError } from './startup-error.ts'
import { reportOf, type StartupReport } from './startup-report.ts'

/** What is asked of a part of a start when it begins. */
export interface StageRequest extends Pick<StageFacts, 'name' | 'optional' | 'retried' | 'impact' | 'plan'> {
  readonly kind: 'phase' | 'step'
  readonly timeout: number
  readonly critical: boolean | undefined
}

/** The inside of one start: its tree of phases and steps, their deadlines, and what their failure means. */
export class Start {
  readonly scope: Scope
  readonly budgets: Budgets
  host: Host = alone
  root: Stage
  readonly late = new LateEndings()
  /** Why it failed, from then on. */
  failure: StartupError | undefined = undefined
  /** Whether nothing more is to come. */
  #over = false
  #running = 0
  #critical: Deadline | undefined = undefined
  readonly #made = new WeakSet<StartupError>()
  readonly #here: AsyncLocalStorage<Stage>
  readonly #readiness: Readiness | undefined
  readonly #onClose = (): void => this.stop()

  /** @throws an Error (`ERR_MISPLACED`) where another one is under way. */
  constructor(scope: Scope, budgets: Budgets, plan: readonly string[]) {
    this.scope = scope
    this.budgets = budgets
    this.root = this.#whole(budgets.total, plan)
    this.#here = new (builtin('node:async_hooks').AsyncLocalStorage)()
    const readiness = readinessOf(scope)
    // A start inside a service, or in one that serves already, says nothing about the whole.
    if (scope.parent === undefined && !readiness.started) {
      throw misplaced(`The start of ${scope.path} is under way: there can't be a second one. Use the first.`)
    }
    this.#readiness = scope.parent === undefined && readiness.begin() ? readiness : undefined
    this.#announce(this.root)
    scope.signal.addEventListener('abort', this.#onClose)
  }

  #whole(total: number, plan: readonly string[]): Stage {
    const { name, path, clock } = this.scope
    const deadline = new Deadline(total, { name: 'total', clock })
    const facts = { critical: false, optional: false, retried: false, impact: undefined, parent: undefined }
    return new Stage({ ...facts, kind: 'start', name, path, deadline, since: clock.now(), plan })
  }

  /** Has it be part of a run. Nothing has begun yet. */
  embed(host: Host): void {
    this.host = host
    if (!host.bounded) this.root = this.#whole(LONGEST_TIMEOUT, this.root.facts.plan)
  }

  /** Where a call is made from: the innermost phase or step around it, which may be over by now. */
  get around(): Stage {
    return this.#here.getStore() ?? this.root
  }

  /** Calls `fn` so that what it begins is inside `stage`, also after it has waited. */
  inside<T>(stage: Stage, fn: () => T): T {
    return this.#here.run(stage, fn)
  }

  /** Refuses a phase or step that cannot begin here and now. */
  check(kind: 'phase' | 'step', name: string): void {
    checkAdmission(kind, name, { scope: this.scope, around: this.around, over: this.#over })
  }

  /** Begins a phase or a step. It has been admitted. */
  begin({ kind, name, timeout, critical, ...facts }: StageRequest): Stage {
    const parent = this.around
    const { clock } = this.scope
    const isCritical = critical ?? parent.facts.critical
    const above = isCritical ? this.#sooner(parent.facts.deadline) : parent.facts.deadline
    const deadline = new Deadline(timeout, { name, parent: above })
    const path = `${parent.path}/${name}`
    const stage = new Stage({ ...facts, kind, name, path, parent, deadline, since: clock.now(), critical: isCritical })
    parent.add(stage)
    this.#running += 1
    if (stage.isOptional) this.#readiness?.pending.delete(path)
    else this.#readiness?.pending.add(path)
    this.#announce(stage)
    this.#tell('startup.began', stage, { timeout: deadline.left })
    return stage
  }

  /** What bounds something critical: what is around it, or the critical path, which begins with the first of it. */
  #sooner(above: Deadline): Deadline {
    const { deadline: parent } = this.root.facts
    this.#critical ??= new Deadline(this.budgets.criticalPath, { name: 'critical path', parent })
    return above.at <= this.#critical.at ? above : this.#critical
  }

  /** Has a phase, a step or the whole run out when its time is over. Returns the undo. */
  bound(stage: Stage): () => void {
    const { host, scope } = this
    const { deadline } = stage.facts
    const unguard = host.guard(deadline, stage.path, stage.limit.budget)
    const timer = scope.clock.setTimeout(() => this.expire(stage), deadline.left)
    if (!host.ref) timer.unref()
    return () => {
      scope.clock.clearTimeout(timer)
      unguard()
    }
  }

  /** A phase or step is over. */
  end(stage: Stage, state: StageState, error?: unknown): void {
    const { now } = this
    stage.end(state, now)
    // What a later attempt has made good is no error.
    stage.error = state === 'done' ? undefined : (error ?? stage.error)
    this.#running -= 1
    const pending = this.#readiness?.pending
    for (const name of stage.notBegun) pending?.delete(`${stage.path}/${name}`)
    // What has failed is still missing.
    if (state === 'done' || state === 'skipped') pending?.delete(stage.path)
    if (state === 'degraded') this.#readiness?.degraded.set(stage.path, stage.facts.impact)
    const ms = stage.ms(now)
    this.#tell('startup.ended', stage, stage.error === undefined ? { ms } : { ms, error: stage.error })
    this.#startIfOver()
    this.#rest()
    if (state === 'degraded' && this.root.state === 'done') this.host.degraded()
  }

  /** The time of a phase, a step or the whole is over. */
  expire(stage: Stage): void {
    // Timers may fire a fraction of a millisecond early.
    const now = Math.max(this.now, stage.facts.deadline.at)
    const verdicts = culpritsOf(stage, this.root, now).map((culprit) => {
      const error = timeoutError(culprit, this.root, now)
      return givenUpWith(culprit, now).map((each) => ({ stage: each, error }))
    })
    this.#giveUp(verdicts.flat(), 'timed out')
  }

  /** Nothing is left that could wake what still runs. Says whether anything does. */
  stall(): boolean {
    const cause = new Error('the event loop is empty, so nothing can finish it any more')
    const stuck = this.root.innermost().filter((stage) => stage !== this.root)
    const verdicts = stuck.map((stage) => ({ stage, error: failureError(stage, this.root, this.now, cause) }))
    this.#giveUp(verdicts, 'failed')
    return stuck.length > 0
  }

  /** A phase or step has thrown. */
  failed(stage: Stage, cause: unknown): void {
    const told = cause instanceof StartupError && this.#made.has(cause)
    this.#giveUp([{ stage, error: told ? cause : failureError(stage, this.root, this.now, cause) }], 'failed')
  }

  #giveUp(verdicts: readonly { stage: Stage; error: StartupError }[], state: 'failed' | 'timed out'): void {
    for (const { stage, error } of verdicts) {
      this.#made.add(error)
      stage.giveUp?.(error, state)
    }
    const guilty = verdicts.find(({ stage }) => !stage.isOptional)
    if (guilty !== undefined) this.#fail(guilty.error, guilty.stage)
  }

  /** The whole start has failed: what it has opened is closed again. */
  #fail(error: StartupError, culprit: Stage): void {
    if (this.failure !== undefined) return
    this.failure = error
    for (const stage of culprit.upwards()) stage.giveUp?.(error, 'failed')
    if (this.root.running) this.root.end('failed', this.now)
    const { scope } = this
    const { path = scope.path, message } = error
    if (scope.onFatal !== undefined) scope.onFatal(error, path)
    else closeScope(scope, { reason: `the start failed: ${message}` }, Number.POSITIVE_INFINITY, false)
    this.#rest()
  }

  /** Whether an error is one of this start's, which have been told of. */
  knows(error: unknown): boolean {
    return error instanceof StartupError && this.#made.has(error)
  }

  /** The lifecycle closes, or is about to: what runs has to stop. That is no failure. */
  stop(): void {
    const reason = new DOMException(`The start of ${this.scope.path} was stopped.`, 'AbortError')
    for (const stage of [...this.root.all()]) {
      if (stage.stop !== undefined) stage.stop(reason)
      else if (stage !== this.root && stage.running) this.end(stage, 'stopped')
    }
    if (this.root.running) this.root.end('stopped', this.now)
    this.#rest()
  }

  /** Nothing more is to come: the start is over when what is required and has begun is done. */
  finish(): void {
    this.#over = true
    this.#startIfOver()
    this.#rest()
  }

  get now(): number {
    return this.scope.clock.now()
  }

  get report(): StartupReport {
    return reportOf(this.root, this.now)
  }

  #startIfOver(): void {
    const { root, scope } = this
    if (!this.#over || !root.running || scope.state !== 'open') return
    if (root.inside.some((stage) => !stage.isOptional && stage.state !== 'done' && stage.state !== 'skipped')) return
    for (const name of root.notBegun) this.#readiness?.pending.delete(`${root.path}/${name}`)
    root.end('done', this.now)
    this.#readiness?.start()
  }

  /** Knowing what is inside what costs something on some versions of Node: only as long as something can begin. */
  #rest(): void {
    if (this.root.running || this.#running > 0) return
    this.#here.disable()
    this.scope.signal.removeEventListener('abort', this.#onClose)
  }

  #announce(stage: Stage): void {
    if (stage.isOptional) return
    for (const name of stage.facts.plan) this.#readiness?.pending.add(`${stage.path}/${name}`)
  }

  #tell(type: 'startup.began' | 'startup.ended', { path, facts }: Stage, more: Partial<LifecycleEvent>): void {
    const { scope } = this
    if (scope.observes(type)) publish(scope, Object.freeze({ type, path, kind: facts.kind, ...more }))
  }
}
