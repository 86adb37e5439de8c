import { announce } from '../lifecycle/announce.ts'
import { checkStatus } from '../lifecycle/check.ts'
import { type Clock, soon } from '../lifecycle/clock.ts'
import type { Report } from '../lifecycle/contract.ts'
import { close } from '../lifecycle/ending.ts'
import { wordOf } from '../lifecycle/errors.ts'
import { type Lifecycle, scopeOf } from '../lifecycle/lifecycle.ts'
import { readinessOf } from '../lifecycle/readiness.ts'
import type { Scope } from '../lifecycle/scope.ts'
import type { HealthServer } from '../observe/index.ts'
import type { Host } from '../startup/host.ts'
import type { Start } from '../startup/start.ts'
import { coordinator, type Participant } from './coordinator.ts'
import { type End, endOf, statusOfEnd } from './exit-status.ts'
import { flush } from './flush.ts'
import { onGivenUp } from './gave-up.ts'
import { Guard } from './guard.ts'
import type { Plan } from './options.ts'
import type { Screen } from './screen.ts'
import { openPaths, showError, showProgress, showReport, showStart } from './show.ts'
import type { StopSignal } from './signals.ts'

/**
 * One run of a program: `starting` until its main function returns, then `running` until something stops it; then it
 * drains, closes its lifecycle, flushes, and leaves the coordinator, which ends the process.
 */
export class App implements Participant {
  readonly signals: readonly StopSignal[]
  readonly exits: boolean
  /** Resolves with the report when all is over. Never rejects. */
  readonly over: Promise<Report>
  #phase: 'starting' | 'running' | 'stopping' = 'starting'
  readonly #life: Lifecycle
  readonly #scope: Scope
  readonly #start: Start
  readonly #plan: Plan
  readonly #guard: Guard
  readonly #clock: Clock
  readonly #screen: Screen = process.stderr
  readonly #resolve: (report: Report) => void
  #reason = ''
  #failed = false
  #gaveUp = false
  #chosen: number | undefined = undefined
  #endDrain: (() => void) | undefined = undefined
  #health: HealthServer | undefined = undefined
  #over = false
  #unbind: () => void = () => {}
  readonly #unhear: () => void

  constructor(life: Lifecycle, start: Start, plan: Plan) {
    const { promise, resolve } = Promise.withResolvers<Report>()
    this.over = promise
    this.#resolve = resolve
    this.#life = life
    this.#scope = scopeOf(life)
    this.#start = start
    this.#plan = plan
    this.#guard = new Guard(start, plan)
    this.#clock = plan.clock
    this.signals = plan.signals
    this.exits = plan.exit
    const guard: Host['guard'] = (...what) => this.#guard.over(...what)
    const degraded = (): void => this.#showStart()
    start.embed({ bounded: plan.until !== 'main', ref: !plan.exit, guard, degraded })
    coordinator().join(this)
    this.#scope.onFatal = (error, path) => this.#fatal(error, path)
    this.#unhear = onGivenUp(this.#scope, (error) => this.#givenUp(error))
    life.signal.addEventListener('abort', () => this.#stop('life.close() was called'), { once: true })
  }

  /** Loads what only some runs need. */
  async prepare(): Promise<void> {
    const { watchdog, health } = this.#plan
    if (watchdog) await this.#guard.load()
    if (health === undefined) return
    const { serveHealth } = await import('../observe/index.ts')
    this.#health = await serveHealth(this.#life, health)
    if (this.#over) await this.#health.close()
  }

  /** Runs the main function, if nothing has stopped the run by now. */
  main(fn: () => unknown): unknown {
    if (this.#phase !== 'starting') return undefined
    if (this.#plan.until !== 'main') this.#unbind = this.#start.bound(this.#start.root)
    return fn()
  }

  /** The main function has returned, or thrown. */
  started(outcome: { error: unknown } | undefined): void {
    const { until } = this.#plan
    this.#unbind()
    if (this.#phase !== 'starting') {
      if (outcome === undefined || this.#isConsequence(outcome.error)) return
      this.#failed = true
      this.#show('failed while it was stopping:', outcome.error)
    } else if (outcome !== undefined) {
      this.#failed = true
      this.#show(until === 'main' ? 'failed:' : 'failed to start:', outcome.error)
      this.#stop(until === 'main' ? 'main failed' : 'the start failed')
    } else {
      this.#start.finish()
      if (until === 'main') this.#stop('main has returned')
      else this.#phase = 'running'
      if (this.#start.report.state === 'degraded') this.#showStart()
    }
  }

  signalled(signal: StopSignal, nth: number): boolean {
    const { secondSignal, budget } = this.#plan
    if (nth === 1) this.#stop(`${signal} came`, this.#start.root.state === 'done' ? budget.drainDelay : 0)
    else if (secondSignal === 'hurry') this.#hurry()
    return nth > 1 && secondSignal === 'exit'
  }

  failed(error: unknown): void {
    // A step that nobody awaited: it has been told of.
    if (this.#start.knows(error)) return
    this.#show('an error was not caught:', error)
    if (this.#survives(error)) return
    this.#failed = true
    this.#stop('an error was not caught')
  }

  idle(): void {
    if (this.#phase !== 'stopping' && this.#start.stall()) {
      // What goes on without it may leave the event loop empty again, and only a turn of it brings that event again.
      soon(() => {})
      return
    }
    if (this.#phase === 'starting')
      this.started({ error: new Error('The event loop is empty, so main can never return.') })
    if (this.#phase !== 'running') return
    // What it lived for may have been given up: then this is no success.
    this.#failed ||= this.#gaveUp
    this.#stop('the event loop is empty')
  }

  open(): readonly string[] {
    return this.#plan.report ? openPaths(this.#scope) : []
  }

  /** Asks the application what an error means. Whatever goes wrong with that, it means the end. */
  #survives(error: unknown): boolean {
    const broken = (thrown: unknown): void => this.#show('onError failed:', thrown)
    try {
      const decision: unknown = this.#plan.onError(error)
      if (typeof decision === 'number') {
        checkStatus('The status that onError returned', decision)
        this.#chosen = decision
      }
      // An async one decides nothing, and must not bring the next error about that nothing catches.
      if (decision instanceof Promise) decision.catch(broken)
      return decision === 'continue'
    } catch (thrown) {
      broken(thrown)
      return false
    }
  }

  #fatal(error: unknown, path: string): void {
    this.#failed = true
    if (error !== this.#start.failure) {
      showError(this.#screen, `${path} failed, and it is fatal:`, error)
      return void this.#stop(`${path} failed`)
    }
    this.#show('failed to start:', error)
    this.#showStart()
    this.#stop('the start failed')
  }

  /** Something supervised has ended for good, and takes nothing else with it. Once all stops, the report tells. */
  #givenUp(error: unknown): void {
    if (this.#phase === 'stopping') return
    this.#gaveUp = true
    this.#show('goes on, although', error)
  }

  /** Forces what is still open. Where it drains, the closing ends that. */
  #hurry(): void {
    void close(this.#scope, { force: true, reason: this.#reason })
  }

  async #stop(reason: string, drainDelay = 0): Promise<void> {
    // What comes while it drains ends that: only the first signal lets it go on serving.
    if (this.#phase === 'stopping') return this.#endDrain?.()
    this.#phase = 'stopping'
    this.#reason = reason
    this.#unbind()
    this.#start.stop()
    if (drainDelay > 0) await this.#drain(drainDelay)
    const { report: shown, log, flushTimeout: timeout } = this.#plan
    const unguard = this.#guard.closing(0)
    const closing = close(this.#scope, { reason })
    const hide = shown ? showProgress(this.#screen, this.#clock, this.#scope) : undefined
    const report = await closing
    this.#unhear()
    hide?.()
    unguard()
    this.#guard.flushing()
    if (shown) showReport(this.#screen, report, statusOfEnd(this.#end(report), process.exitCode))
    const late = this.#start.late.over()
    await flush(log, { late, timeout, clock: this.#clock, failed: (error) => this.#show('flushing failed:', error) })
    this.#over = true
    const guarded = this.#guard.end()
    // The exit ends its thread, too.
    await Promise.all([this.#health?.close(), this.exits ? undefined : guarded])
    this.#resolve(report)
    coordinator().leave(this, this.#end(report))
  }

  #end(report: Report): End {
    const overdue = this.#start.failure?.code === 'ERR_STARTUP_TIMEOUT'
    return endOf({ report, failed: this.#failed, overdue, chosen: this.#chosen }, this.#plan.statuses)
  }

  /** Goes on serving for a while, so that who sends the requests can learn of the stop first. */
  async #drain(delay: number): Promise<void> {
    readinessOf(this.#scope).drain(delay)
    announce(this.#scope, true)
    const unguard = this.#guard.closing(delay)
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#clock.setTimeout(resolve, delay)
    this.#endDrain = () => {
      this.#clock.clearTimeout(timer)
      resolve()
    }
    await promise
    unguard()
  }

  #showStart(): void {
    if (this.#plan.report) showStart(this.#screen, this.#start.report)
  }

  #show(what: string, error: unknown): void {
    showError(this.#screen, `${this.#scope.path} ${what}`, error)
  }

  /** Whether an error only says that the start was interrupted, or what has been told. */
  #isConsequence(error: unknown): boolean {
    return [error, wordOf(error, 'cause')].some((each) => {
      if (this.#start.knows(each)) return true
      const code = wordOf(each, 'code')
      return wordOf(each, 'name') === 'AbortError' || code === 'ERR_CLOSED' || code === 'ERR_ABANDONED'
    })
  }
}
