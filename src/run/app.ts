import type { Clock, ClockTimer } from '../lifecycle/clock.ts'
import type { Report } from '../lifecycle/contract.ts'
import { type Lifecycle, scopeOf } from '../lifecycle/lifecycle.ts'
import { coordinator, type Participant } from './coordinator.ts'
import { announceDrain } from './drain.ts'
import { exitStatus } from './exit-status.ts'
import { flush } from './flush.ts'
import type { Plan } from './options.ts'
import { type Screen, showError, showProgress, showReport } from './show.ts'
import type { StopSignal } from './signals.ts'

/** A second signal of the same name within so many ms is the same key press: npm passes on what the terminal sent. */
const SAME_PRESS = 100

/**
 * One run of a program: `starting` until its main function returns, then `running` until something stops it; then it
 * drains, closes its lifecycle, flushes, and leaves the coordinator, which ends the process.
 */
export class App implements Participant {
  readonly signals: readonly StopSignal[]
  readonly exits: boolean
  /** Resolves with the report when all is over. Never rejects. */
  readonly over: Promise<Report>
  #phase: 'starting' | 'running' | 'stopping' | 'over' = 'starting'
  readonly #life: Lifecycle
  readonly #plan: Plan
  readonly #clock: Clock
  readonly #screen: Screen = process.stderr
  readonly #resolve: (report: Report) => void
  #failed = false
  #chosen: number | undefined = undefined
  #drained: { timer: ClockTimer; end: () => void } | undefined = undefined
  #last: { signal: StopSignal; at: number } | undefined = undefined

  constructor(life: Lifecycle, plan: Plan) {
    const { promise, resolve } = Promise.withResolvers<Report>()
    this.over = promise
    this.#resolve = resolve
    this.#life = life
    this.#plan = plan
    this.#clock = plan.clock
    this.signals = plan.signals
    this.exits = plan.exit
    coordinator().join(this)
    scopeOf(life).onFatal = (error, path) => this.#fatal(error, path)
    life.signal.addEventListener('abort', () => this.#stop('life.close() was called', 0), { once: true })
  }

  /** The main function has returned, or thrown. */
  started(outcome: { error: unknown } | undefined): void {
    if (this.#phase !== 'starting') {
      if (outcome !== undefined && !isConsequence(outcome.error))
        showError(this.#screen, `${this.#life.path} failed while it was stopping:`, outcome.error)
      return
    }
    if (outcome !== undefined) {
      this.#failed = true
      showError(this.#screen, `${this.#life.path} failed to start:`, outcome.error)
      this.#stop('the start failed', 0)
    } else if (this.#plan.until === 'main') this.#stop('main has returned', 0)
    else this.#phase = 'running'
  }

  signalled(signal: StopSignal, nth: number): boolean {
    const now = this.#clock.now()
    const again = this.#last?.signal === signal && now - this.#last.at < SAME_PRESS
    this.#last = { signal, at: now }
    if (nth === 1) this.#stop(`${signal} came`, this.#phase === 'running' ? this.#plan.budget.drainDelay : 0)
    else if (!again && this.#plan.secondSignal === 'exit') return true
    else if (!again && this.#plan.secondSignal === 'hurry') this.#hurry()
    return false
  }

  failed(error: unknown): void {
    showError(this.#screen, `${this.#life.path}: an error was not caught:`, error)
    let decision: ReturnType<Plan['onError']> = 'shutdown'
    try {
      decision = this.#plan.onError(error)
    } catch (thrown) {
      showError(this.#screen, `${this.#life.path}: onError threw:`, thrown)
    }
    if (decision === 'continue') return
    this.#failed = true
    if (typeof decision === 'number') this.#chosen = decision
    this.#stop('an error was not caught', 0)
  }

  idle(): void {
    if (this.#phase === 'running') this.#stop('the event loop is empty', 0)
    else if (this.#phase === 'starting')
      this.started({ error: new Error('The event loop is empty, so the start can never end.') })
  }

  open(): readonly string[] {
    return this.#plan.report ? this.#life.snapshot().resources.map(({ path }) => path) : []
  }

  #fatal(error: unknown, path: string): void {
    this.#failed = true
    showError(this.#screen, `${path} failed, and it is fatal:`, error)
    this.#stop(`${path} failed`, 0)
  }

  /** Forces what is still open, and waits for nothing but that. */
  #hurry(): void {
    this.#drained?.end()
    void this.#life.close({ force: true })
  }

  async #stop(reason: string, drainDelay: number): Promise<void> {
    if (this.#phase === 'stopping' || this.#phase === 'over') return
    this.#phase = 'stopping'
    if (drainDelay > 0) await this.#drain(drainDelay)
    const { report: shown, log, flushTimeout, statuses } = this.#plan
    const hide = shown ? showProgress(this.#screen, this.#clock, () => this.#life.snapshot()) : undefined
    const report = await this.#life.close({ reason })
    hide?.()
    this.#phase = 'over'
    const end = exitStatus({ report, failed: this.#failed, chosen: this.#chosen }, statuses)
    if (shown) showReport(this.#screen, report, end.status)
    await flush(log, flushTimeout, this.#clock)
    this.#resolve(report)
    coordinator().leave(this, end)
  }

  /** Goes on serving for a while, so that who sends the requests can learn of the stop first. */
  async #drain(delay: number): Promise<void> {
    announceDrain(scopeOf(this.#life))
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#clock.setTimeout(resolve, delay)
    const end = (): void => {
      this.#clock.clearTimeout(timer)
      resolve()
    }
    this.#drained = { timer, end }
    await promise
  }
}

/** Whether an error only says that the start was interrupted. */
function isConsequence(error: unknown): boolean {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown }
  return name === 'AbortError' || code === 'ERR_CLOSED' || code === 'ERR_ABANDONED'
}
