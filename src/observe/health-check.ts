import { publish } from '../lifecycle/events.ts'
import { inspect } from '../lifecycle/inspect.ts'
import type { Scope } from '../lifecycle/scope.ts'
import { withTimeout } from '../lifecycle/with-timeout.ts'
import type { CheckPlan } from './health-options.ts'

/** How a check went, as plain data. */
export interface CheckResult {
  /** Whether it passed. */
  readonly status: 'ok' | 'failing'
  /** How long it took, in ms. */
  readonly ms: number
  /** Why it fails: a message, never a stack. */
  readonly error?: string
}

/**
 * A check and what it said last. However many ask at once, it runs once; one that has overrun its timeout fails, and
 * isn't run again until it has settled, so that a dead database isn't sent ever more questions.
 */
export class HealthCheck {
  readonly #plan: CheckPlan
  readonly #scope: Scope
  /** The answer that is waited for. */
  #answer: Promise<CheckResult> | undefined = undefined
  /** Whether the function has not settled yet, be it that nobody waits for it any more. */
  #runs = false
  #last: CheckResult | undefined = undefined
  #lastAt = 0

  constructor(plan: CheckPlan, scope: Scope) {
    this.#plan = plan
    this.#scope = scope
  }

  get name(): string {
    return this.#plan.name
  }

  /** How it goes: what it said last, if that is fresh, else what it says now. Never rejects. */
  ask(): CheckResult | Promise<CheckResult> {
    const known = this.#answer ?? this.#known()
    if (known !== undefined) return known
    this.#answer = this.#run()
    return this.#answer
  }

  #known(): CheckResult | undefined {
    const fresh = this.#scope.clock.now() - this.#lastAt < this.#plan.cache
    return this.#runs || fresh ? this.#last : undefined
  }

  async #run(): Promise<CheckResult> {
    const { clock, signal } = this.#scope
    const { name, timeout } = this.#plan
    const since = clock.now()
    const ms = (): number => Math.round(clock.now() - since)
    let result: CheckResult
    try {
      const value = await withTimeout((work) => this.#call(work.signal), { timeout, name, clock, signal })
      if (value === false) throw new Error(`The check '${name}' returned false.`)
      result = { status: 'ok', ms: ms() }
    } catch (error) {
      result = { status: 'failing', ms: ms(), error: messageOf(error) }
      this.#tell(error)
    }
    this.#last = result
    this.#lastAt = clock.now()
    this.#answer = undefined
    return result
  }

  async #call(signal: AbortSignal): Promise<unknown> {
    this.#runs = true
    try {
      return await this.#plan.check(signal)
    } finally {
      this.#runs = false
    }
  }

  /** The probe's answer may not say what failed: so it is published. What the closing has cut short hasn't failed. */
  #tell(error: unknown): void {
    const scope = this.#scope
    if (scope.state !== 'open' || !scope.observes('resource.error')) return
    publish(scope, Object.freeze({ type: 'resource.error', path: `${scope.path}/${this.name}`, kind: 'check', error }))
  }
}

/** What was thrown, in words. Some libraries put a stack into the message: that is cut off. */
function messageOf(error: unknown): string {
  const words = wordsOf(error)
  return words.split(/\n\s+at /, 1)[0] ?? words
}

function wordsOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return typeof error === 'string' ? error : inspect(error)
  try {
    const { message, code, name } = error as Record<'message' | 'code' | 'name', unknown>
    return String(message || code || name || 'It threw an object without a message.')
  } catch {
    return 'It threw an object that cannot be looked at.'
  }
}
