import { checkFunction, checkObject, checkOptions, checkTimeout, outOfRange } from '../../lifecycle/check.ts'
import type { Clock } from '../../lifecycle/clock.ts'
import { withTimeout } from '../../lifecycle/with-timeout.ts'

/** Options of {@link ThreadMonitor.healthCheck}, in ms. */
export interface HealthCheckOptions {
  /** How often it is asked, 1 to 2 147 483 647. Default: 10 000. */
  interval?: number
  /** How long an answer may take, at most the same. Default: 5 000. */
  timeout?: number
}

/** A health check, in {@link ThreadMonitor.healthChecks}. */
export interface HealthRow {
  /** Its path. */
  readonly path: string
  /** What it is called. */
  readonly name: string
  /** `waiting` until it was first answered. */
  readonly state: 'waiting' | 'passing' | 'failing'
  /** How often it was asked. */
  readonly runs: number
  /** How often it failed, or was not answered in time. */
  readonly failures: number
  /** How often it was not asked, since the last question was not over. */
  readonly skipped: number
  /** How many ms the last answer took; `undefined` where there was none. */
  readonly ms: number | undefined
  /** Why it fails. */
  readonly error: unknown
}

/** A question that is asked again and again, one at a time, each with a time limit. */
export class HealthCheck {
  readonly name: string
  readonly interval: number
  readonly #ask: (signal: AbortSignal) => unknown
  readonly #timeout: number
  readonly #clock: Clock
  #isAsking = false
  #state: HealthRow['state'] = 'waiting'
  #runs = 0
  #failures = 0
  #skipped = 0
  #ms: number | undefined = undefined
  #error: unknown = undefined

  constructor(name: string, ask: (signal: AbortSignal) => unknown, options: HealthCheckOptions, clock: Clock) {
    checkFunction('fn', ask)
    checkObject('options', options)
    checkOptions('healthCheck', options, ['interval', 'timeout'])
    const { interval = 10_000, timeout = 5_000 } = options
    checkTimeout('options.interval', interval)
    checkTimeout('options.timeout', timeout)
    if (interval < 1) throw outOfRange('options.interval', 'at least 1 ms', interval)
    this.name = name
    this.interval = interval
    this.#ask = ask
    this.#timeout = timeout
    this.#clock = clock
  }

  /** Asks once, and rejects with what is wrong. Where a question that was given up is not over yet, it asks none. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#isAsking) {
      this.#skipped += 1
      return
    }
    this.#runs += 1
    const began = this.#clock.now()
    try {
      const options = { timeout: this.#timeout, name: this.name, signal, clock: this.#clock }
      await withTimeout((context) => this.#question(context.signal), options)
      this.#ms = this.#clock.now() - began
      this.#state = 'passing'
      this.#error = undefined
    } catch (error) {
      if (signal.aborted) return
      this.#failures += 1
      this.#ms = undefined
      this.#state = 'failing'
      this.#error = error
      throw error
    }
  }

  row(home: string): HealthRow {
    return Object.freeze({
      path: `${home}/${this.name}`,
      name: this.name,
      state: this.#state,
      runs: this.#runs,
      failures: this.#failures,
      skipped: this.#skipped,
      ms: this.#ms,
      error: this.#error,
    })
  }

  async #question(signal: AbortSignal): Promise<void> {
    this.#isAsking = true
    try {
      await this.#ask(signal)
    } finally {
      this.#isAsking = false
    }
  }
}
