import type { AsyncLocalStorage } from 'node:async_hooks'
import { builtin } from '../lifecycle/builtin.ts'
import type { LifecycleEvent } from '../lifecycle/contract.ts'
import { Deadline } from '../lifecycle/deadline.ts'
import { publish } from '../lifecycle/events.ts'
import { type Readiness, readinessOf } from '../lifecycle/readiness.ts'
import type { Scope } from '../lifecycle/scope.ts'
import { closeScope } from '../lifecycle/scope-kind.ts'
import { checkAdmission } from './admission.ts'
import type { Budgets } from './budgets.ts'
import { alone, type Host } from './host.ts'
import { Stage, type StageFacts, type StageState } from './stage.ts'
import { failureError, type StartupError, timeoutError } from './startup-error.ts'
import { rowsOf, StartupReport } from './startup-report.ts'

/** What is asked of a part of a start when it begins. */
export interface StageRequest extends Pick<StageFacts, 'name' | 'optional' | 'impact' | 'plan'> {
  readonly kind: 'phase' | 'step'
  readonly timeout: number
  readonly critical: boolean | undefined
}

/** The inside of one start: its tree of phases and steps, their deadlines, and what their failure means. */
export class Start {
  readonly scope: Scope
  readonly budgets: Budgets
  readonly host: Host
  readonly root: Stage
  /** Why it failed, from then on. */
  failure: StartupError | undefined = undefined
  #over = false
  readonly #endings = new Set<Promise<unknown>>()
  #critical: Deadline | undefined = undefined
  readonly #here: AsyncLocalStorage<Stage>
  readonly #readiness: Readiness | undefined

  constructor(scope: Scope, budgets: Budgets, plan: readonly string[], host: Host = alone) {
    this.scope = scope
    this.host = host
    const { clock, path, name } = scope
    this.budgets = budgets
    const deadline = host.bounded ? new Deadline(budgets.total, { name: 'total', clock }) : undefined
    const facts = { critical: false, optional: false, impact: undefined, parent: undefined }
    this.root = new Stage({ ...facts, kind: 'start', name, path, deadline, since: clock.now(), plan })
    this.#here = new (builtin('node:async_hooks').AsyncLocalStorage)()
    // A start inside a service that runs says nothing about the whole.
    this.#readiness = scope.parent === undefined ? readinessOf(scope) : undefined
    this.#readiness?.begin()
    this.#announce(this.root)
  }

  /** What is being done right now, by whoever asks: the innermost phase or step around the call. */
  get around(): Stage {
    return this.#here.getStore() ?? this.root
  }

  /** Calls `fn` so that what it begins is inside `stage`, also after it has waited. */
  inside<T>(stage: Stage, fn: () => T): T {
    return this.#here.run(stage, fn)
  }

  /** Refuses a phase or step that cannot begin here and now. */
  check(kind: 'phase' | 'step', name: string): void {
    const { scope, failure } = this
    checkAdmission(kind, name, { scope, failure, around: this.around, over: this.#over })
  }

  /** Begins a phase or a step. It has been admitted. */
  begin({ kind, name, timeout, critical, ...facts }: StageRequest): Stage {
    const parent = this.around
    const { clock } = this.scope
    const isCritical = critical ?? parent.facts.critical
    const above = this.#bound(parent.facts.deadline, isCritical)
    const deadline = new Deadline(timeout, above === undefined ? { name, clock } : { name, clock, parent: above })
    const path = `${parent.path}/${name}`
    const since = clock.now()
    const stage = new Stage({ ...facts, kind, name, path, parent, deadline, since, critical: isCritical })
    parent.inside.push(stage)
    if (stage.isOptional) this.#readiness?.pending.delete(path)
    else this.#readiness?.pending.add(path)
    this.#announce(stage)
    this.#tell('startup.began', stage, { timeout: deadline.left })
    return stage
  }

  /** What bounds something critical: the critical path too, which begins with the first of it. */
  #bound(above: Deadline | undefined, isCritical: boolean): Deadline | undefined {
    if (!isCritical) return above
    const { clock } = this.scope
    const { deadline: total } = this.root.facts
    const options = { name: 'critical path', clock }
    this.#critical ??= new Deadline(
      this.budgets.criticalPath,
      total === undefined ? options : { ...options, parent: total },
    )
    return above !== undefined && above.at <= this.#critical.at ? above : this.#critical
  }

  /** A phase or step is over. */
  end(stage: Stage, state: StageState, error?: unknown): void {
    const now = this.scope.clock.now()
    stage.end(state, now)
    if (error !== undefined) stage.error = error
    for (const name of stage.notBegun) this.#readiness?.pending.delete(`${stage.path}/${name}`)
    if (state === 'degraded') this.#readiness?.degraded.set(stage.path, stage.facts.impact)
    // What has failed is still missing.
    if (state === 'done' || state === 'skipped') this.#readiness?.pending.delete(stage.path)
    // An error that a later attempt has made good is none.
    const failed = stage.error !== undefined && state !== 'done'
    const ms = stage.ms(now)
    this.#tell('startup.ended', stage, failed ? { ms, error: stage.error } : { ms })
    this.#startIfOver()
    this.#rest()
  }

  /** The time of a phase, a step or the whole is over: the innermost that still run are the culprits. */
  expire(stage: Stage): void {
    const { clock } = this.scope
    // Timers may fire a fraction of a millisecond early.
    const now = Math.max(clock.now(), stage.facts.deadline?.at ?? 0)
    const isOverdue = ({ facts }: Stage): boolean => facts.deadline !== undefined && facts.deadline.at <= now
    const culprits = new Set([...stage.innermost(), ...this.root.innermost().filter(isOverdue)])
    const errors = new Map<Stage, StartupError>()
    for (const culprit of culprits) errors.set(culprit, timeoutError(culprit, this.root, now))
    const [first] = errors.values()
    if (first === undefined) return
    for (const [culprit, error] of errors) {
      for (const each of culprit.upwards()) {
        // What is above the one whose time is over may have time left.
        if (each === culprit || isOverdue(each)) each.giveUp?.(error, 'timed out')
      }
    }
    const guilty = [...culprits, stage].find((each) => !each.isOptional)
    if (guilty !== undefined) this.fail(errors.get(guilty) ?? first, guilty)
  }

  /** Nothing is left that could wake what still runs. Says whether anything does. */
  stall(): boolean {
    const stuck = this.root.innermost().filter((stage) => stage !== this.root)
    const cause = new Error('the event loop is empty, so nothing can finish it any more')
    const errors = stuck.map((stage) => failureError(stage, this.root, this.scope.clock.now(), cause))
    for (const [at, stage] of stuck.entries()) stage.giveUp?.(errors[at] as StartupError, 'failed')
    const guilty = stuck.findIndex((stage) => !stage.isOptional)
    if (guilty !== -1) this.fail(errors[guilty] as StartupError, stuck[guilty] as Stage)
    return stuck.length > 0
  }

  /** The whole start has failed: what it has opened is closed again. */
  fail(error: StartupError, culprit: Stage): void {
    if (this.failure !== undefined) return
    this.failure = error
    this.root.error = error
    for (const stage of culprit.upwards()) stage.giveUp?.(error, 'failed')
    if (this.root.running) this.root.end('failed', this.scope.clock.now())
    this.#rest()
    const { scope } = this
    const { path = scope.path, message } = error
    if (scope.onFatal !== undefined) scope.onFatal(error, path)
    else closeScope(scope, { reason: `the start failed: ${message}` }, Number.POSITIVE_INFINITY, false)
  }

  /** Has the total bound the whole, also where nothing of it is under way. Returns the undo. */
  bind(): () => void {
    const { root, host, scope } = this
    const { deadline } = root.facts
    if (deadline === undefined) return () => {}
    const unguard = host.guard(deadline, root.path, 'total')
    const timer = scope.clock.setTimeout(() => this.expire(root), deadline.left)
    if (!host.ref) timer.unref()
    return () => {
      scope.clock.clearTimeout(timer)
      unguard()
    }
  }

  /** Something that came too late is being ended. */
  ending(late: Promise<unknown>): void {
    this.#endings.add(late)
    late.then(() => this.#endings.delete(late))
  }

  /** Resolves when everything has ended that came too late by now. */
  async endings(): Promise<void> {
    await Promise.all(this.#endings)
  }

  /** Nothing more is to come: the start is over when what is required and has begun is done. */
  finish(): void {
    this.#over = true
    this.#startIfOver()
  }

  get report(): StartupReport {
    const { root, failure, scope } = this
    const now = scope.clock.now()
    const { since } = root.facts
    return new StartupReport({
      path: root.path,
      state: failure !== undefined ? 'failed' : this.#state,
      ms: root.ms(now),
      rows: rowsOf(root, { now, since }),
    })
  }

  get #state(): 'starting' | 'started' | 'degraded' | 'stopped' {
    if (this.root.running) return this.scope.state === 'open' ? 'starting' : 'stopped'
    return [...this.root.all()].some(({ state }) => state === 'degraded') ? 'degraded' : 'started'
  }

  #startIfOver(): void {
    const { root, scope } = this
    if (!this.#over || !root.running || this.failure !== undefined || scope.state !== 'open') return
    if (root.inside.some((stage) => stage.running && !stage.isOptional)) return
    for (const name of root.notBegun) this.#readiness?.pending.delete(`${root.path}/${name}`)
    root.end('done', scope.clock.now())
    this.#readiness?.start()
  }

  /** Knowing what is inside what costs something on some versions of Node: only as long as something can begin. */
  #rest(): void {
    const all = [...this.root.all()]
    if (!all.some(({ running }) => running)) this.#here.disable()
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
