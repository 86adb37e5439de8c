import { LONGEST_TIMEOUT } from '../lifecycle/check.ts'
import { Deadline } from '../lifecycle/deadline.ts'
import { say } from '../lifecycle/say.ts'
import type { Scope } from '../lifecycle/scope.ts'
import type { Host } from '../startup/host.ts'
import type { Start } from '../startup/start.ts'
import type { Watchdog } from '../watchdog/index.ts'
import { coordinator } from './coordinator.ts'
import type { Plan } from './options.ts'

/** How many ms what is forced at the deadline of a closing gets. */
const FORCING = 1_000

/** Watches, from outside the event loop, over the deadlines of one run: of its start, and of its closing. */
export class Guard {
  readonly #start: Start
  readonly #scope: Scope
  readonly #plan: Plan
  #watchdog: Watchdog | undefined = undefined
  #ended = false

  constructor(start: Start, plan: Plan) {
    this.#start = start
    this.#scope = start.scope
    this.#plan = plan
  }

  /** Loads the watchdog, if it is wanted: who does not run a program need not load it. */
  async load(): Promise<void> {
    const { Watchdog } = await import('../watchdog/index.ts')
    // The run may be over by now.
    if (this.#ended) return
    const lastWords = (): void => this.#lastWords()
    this.#watchdog = new Watchdog({ status: this.#plan.statuses.blocked, lastWords })
  }

  /** Watches over a deadline of the start, until the returned function is called. */
  readonly over: Host['guard'] = (deadline, path, budget) => this.#watchdog?.guard(deadline, path, budget) ?? (() => {})

  /**
   * Watches over the closing, which is to begin in `delay` ms, and be over in its time and the second that forcing takes.
   * Returns the undo.
   */
  closing(delay: number): () => void {
    return this.#until(delay + this.#plan.budget.timeout + FORCING, 'closing')
  }

  /** Watches over what is written at last. Returns the undo. */
  flushing(): () => void {
    return this.#until(this.#plan.flushTimeout, 'flushing')
  }

  #until(ms: number, budget: string): () => void {
    const deadline = new Deadline(Math.min(ms, LONGEST_TIMEOUT), { name: budget, clock: this.#plan.clock })
    return this.#watchdog?.guard(deadline, this.#scope.path) ?? (() => {})
  }

  /** Called in the midst of what blocks: in which part of the start that is, and what is lost with the process. */
  #lastWords(): void {
    if (!this.#plan.report) return
    const { path, facts, running } = this.#start.around
    const impact = facts.impact === undefined ? '' : ` Impact: ${facts.impact}`
    // What a step has left behind, such as a timer, may still be called from inside it.
    if (running && facts.kind !== 'start') say(`endswell: this is in the ${facts.kind} ${path}.${impact}\n`)
    const open = coordinator().open()
    if (open.length > 0) say(`endswell: the process ends while these are open: ${open.join(', ')}\n`)
  }

  /** Watches no more, for good. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#watchdog?.close()
  }
}
