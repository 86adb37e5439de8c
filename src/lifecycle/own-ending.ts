import { Alarm } from './alarm.ts'
import { checkObject, checkOptions, checkTimeout } from './check.ts'
import type { Clock } from './clock.ts'

/** Options of a `close`. */
export interface CloseOptions {
  /** How many ms it may take, 0 to 2 147 483 647; 0 ends it now. Default: 5 000. */
  timeout?: number
}

/** A `close` that begins once and ends once, and whose deadline a later call can only draw nearer. */
export class Ending<End extends object> {
  readonly #clock: Clock
  readonly #alarm: Alarm
  readonly #overdue: () => void
  #result: PromiseWithResolvers<End> | undefined = undefined
  #isOver = false

  /** @param overdue is called at the deadline, unless it is over by then; it may be called again. */
  constructor(clock: Clock, overdue: () => void) {
    this.#clock = clock
    this.#overdue = overdue
    this.#alarm = new Alarm(clock, overdue)
  }

  /** Whether it has been asked for. */
  get hasBegun(): boolean {
    return this.#result !== undefined
  }

  /** Asks for it: `begin` is called the first time. */
  by(options: CloseOptions, begin: () => void): Promise<End> {
    checkObject('options', options)
    checkOptions('close', options, ['timeout'])
    const { timeout = 5_000 } = options
    checkTimeout('options.timeout', timeout)
    if (this.#result !== undefined) return this.#within(timeout, this.#result)
    this.#result = Promise.withResolvers<End>()
    begin()
    return this.#within(timeout, this.#result)
  }

  #within(timeout: number, { promise }: PromiseWithResolvers<End>): Promise<End> {
    const now = this.#clock.now()
    if (!this.#isOver && timeout > 0) this.#alarm.set(now + timeout, now)
    else if (!this.#isOver) this.#overdue()
    return promise
  }

  /** It is over. */
  over(end: End): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#alarm.clear()
    this.#result?.resolve(Object.freeze(end))
  }
}
