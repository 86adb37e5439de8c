import type { Site } from '../lifecycle/contract.ts'
import type { Deadline } from '../lifecycle/deadline.ts'
import type { BudgetName } from './budgets.ts'

/**
 * Where a part of a start stands: `running`; `done`; `degraded` if it failed and was optional; `skipped`; `failed`;
 * `timed out`; `stopped` because the lifecycle closed; `not begun`.
 */
export type StageState = 'running' | 'done' | 'degraded' | 'skipped' | 'failed' | 'timed out' | 'stopped' | 'not begun'

/** What is known of a part of a start when it begins. */
export interface StageFacts {
  readonly kind: 'start' | 'phase' | 'step'
  readonly name: string
  readonly path: string
  readonly parent: Stage | undefined
  readonly deadline: Deadline
  readonly since: number
  readonly critical: boolean
  readonly optional: boolean
  /** Whether it is tried again when it fails. */
  readonly retried: boolean
  readonly impact: string | undefined
  /** Names of what is to come inside. */
  readonly plan: readonly string[]
}

/** A part of a start: the whole, a phase or a step, with what has begun inside it. */
export class Stage {
  readonly facts: StageFacts
  readonly inside: Stage[] = []
  state: StageState = 'running'
  /** When it was over, in ms of the clock. */
  until: number | undefined = undefined
  /** How often it has been tried, where that is counted. */
  attempts = 1
  error: unknown = undefined
  site: Site | undefined = undefined
  readonly #over = Promise.withResolvers<void>()
  /** Gives it up with an error, and all that is inside. Set while its function runs. */
  giveUp: ((error: Error, state: StageState) => void) | undefined = undefined
  /** Has it stop, since the lifecycle closes. Set while its function runs. */
  stop: ((reason: unknown) => void) | undefined = undefined
  /** Told that it was stopped, or given up with what it is inside of. */
  onStopped: (() => void) | undefined = undefined
  readonly #names = new Set<string>()

  constructor(facts: StageFacts) {
    this.facts = facts
  }

  get path(): string {
    return this.facts.path
  }

  /** Resolves when it is over, however that went. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  /** It is over, as `state` says. */
  end(state: StageState, until: number): void {
    this.state = state
    this.until = until
    this.giveUp = undefined
    this.stop = undefined
    if (state === 'stopped') this.onStopped?.()
    this.onStopped = undefined
    this.#over.resolve()
  }

  get running(): boolean {
    return this.state === 'running'
  }

  /** It, and what it is inside of, from the inside out. */
  *upwards(): Generator<Stage> {
    for (let stage: Stage | undefined = this; stage !== undefined; stage = stage.facts.parent) yield stage
  }

  /** It and everything inside, depth first. */
  *all(): Generator<Stage> {
    yield this
    for (const stage of this.inside) yield* stage.all()
  }

  /** What runs and waits for nothing inside it: the innermost, the longest running first. */
  innermost(): Stage[] {
    const running = this.inside.filter((stage) => stage.running)
    if (running.length === 0) return this.running ? [this] : []
    return running.flatMap((stage) => stage.innermost())
  }

  /** Whether its time is over. */
  isOverdue(now: number): boolean {
    return this.facts.deadline.at <= now
  }

  /** Whether its failure is the affair of something optional, and not of the start. */
  get isOptional(): boolean {
    for (const stage of this.upwards()) if (stage.facts.optional) return true
    return false
  }

  /** Names of its plan that nothing has begun under. */
  get notBegun(): readonly string[] {
    return this.facts.plan.filter((name) => !this.has(name))
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }

  /** Takes in what begins inside. */
  add(stage: Stage): void {
    this.inside.push(stage)
    this.#names.add(stage.facts.name)
  }

  /** Resolves when everything is over that has begun inside, also meanwhile and where nobody waited for it. */
  async insideOver(): Promise<void> {
    for (;;) {
      const running = this.inside.filter((stage) => stage.running)
      if (running.length === 0) return
      await Promise.all(running.map(({ over }) => over))
    }
  }

  /** How long it has taken, in ms. */
  ms(now: number): number {
    return (this.until ?? now) - this.facts.since
  }

  /** Which budget decides when it must be over, and of which part of the start that is. */
  get limit(): Limit {
    const decides = this.facts.deadline.limitedBy
    for (const stage of this.upwards()) {
      const { kind, deadline } = stage.facts
      if (deadline !== decides) continue
      return { budget: kind === 'start' ? 'total' : kind, timeout: decides.timeout, owner: stage }
    }
    return { budget: 'criticalPath', timeout: decides.timeout, owner: undefined }
  }
}

/** The budget that runs out first for a part of a start. */
export interface Limit {
  readonly budget: BudgetName
  /** How many ms it has in all. */
  readonly timeout: number
  /** Whose it is; nobody's for the critical path, which many share. */
  readonly owner: Stage | undefined
}
