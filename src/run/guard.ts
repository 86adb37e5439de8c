import { LONGEST_TIMEOUT } from '../lifecycle/check.ts'
import { Deadline } from '../lifecycle/deadline.ts'
import { say } from '../lifecycle/say.ts'
import type { Scope } from '../lifecycle/scope.ts'
import type { Host } from '../startup/host.ts'
import type { Start } from '../startup/start.ts'
import type { Watchdog } from '../watchdog/index.ts'
import type { Plan } from './options.ts'
import { openPaths } from './show.ts'

/** How many ms what is forced at the deadline of a closing gets. */
const FORCING = 1_000

/** Watches, from outside the event loop, over the deadlines of one run: of its start, and of its closing. */
export class Guard {
  readonly #start: Start
  readonly #scope: Scope
  readonly #plan: Plan
  #watchdog: Watchdog | undefined = undefined
  #closing = false

  constructor(start: Start, plan: Plan) {
    this.#start = start
    this.#scope = start.scope
    this.#plan = plan
  }

  /** Loads the watchdog, if it is wanted: who does not run a program need not load it. */
  async load(): Promise<void> {
    const { Watchdog } = await import('../watchdog/index.ts')
    const lastWords = (): void => this.#lastWords()
    this.#watchdog = new Watchdog({ status: this.#plan.statuses.blocked, lastWords })
    if (this.#closing) this.closing()
  }

  /** Watches over a deadline of the start, until the returned function is called. */
  readonly over: Host['guard'] = (deadline, path, budget) => this.#watchdog?.guard(deadline, path, budget) ?? (() => {})

  /** Watches over the closing, for as long as the process lives. */
  closing(): void {
    this.#closing = true
    const { clock, budget } = this.#plan
    const deadline = new Deadline(Math.min(budget.timeout + FORCING, LONGEST_TIMEOUT), { name: 'closing', clock })
    this.#watchdog?.guard(deadline, this.#scope.path)
  }

  /** Called in the midst of what blocks: in which part of the start that is, and what is lost with the process. */
  #lastWords(): void {
    if (!this.#plan.report) return
    const { path, facts, running } = this.#start.around
    const impact = facts.impact === undefined ? '' : ` Impact: ${facts.impact}`
    // What a step has left behind, such as a timer, may still be called from inside it.
    if (running && facts.kind !== 'start') say(`endswell: this is in the ${facts.kind} ${path}.${impact}\n`)
    const open = openPaths(this.#scope)
    if (open.length > 0) say(`endswell: the process ends while these are open: ${open.join(', ')}\n`)
  }

  async end(): Promise<void> {
    await this.#watchdog?.close()
  }
}
