import { wrongType } from '../../lifecycle/check.ts'
import type { Clock } from '../../lifecycle/clock.ts'
import type { PressureSource } from '../../lifecycle/pressure-source.ts'
import type { Swept } from '../../lifecycle/sweepable.ts'
import { TimeoutError } from '../../lifecycle/timeout-error.ts'
import { withTimeout } from '../../lifecycle/with-timeout.ts'
import type { CleanupRow } from './cleanup-report.ts'
import type { Sweep } from './janitor-options.ts'

/** What a chore is done with. */
interface ChoreContext {
  readonly clock: Clock
  readonly timeout: number
  readonly signal: AbortSignal
  readonly pressure: PressureSource | undefined
}

/** Something that is to be swept in each run. */
export class Chore {
  readonly name: string
  readonly #sweep: Sweep
  /** When the sweep began that has not settled yet. */
  #since: number | undefined = undefined
  #isAwaited = false

  constructor(name: string, sweep: Sweep) {
    this.name = name
    this.#sweep = sweep
  }

  /** Whether a sweep of it goes on for which nobody waits any more. */
  get isGivenUp(): boolean {
    return this.#since !== undefined && !this.#isAwaited
  }

  /** Sweeps, unless an earlier sweep still hangs: two at once would be worse than none. Never rejects. */
  async do({ clock, timeout, signal, pressure: source }: ChoreContext): Promise<CleanupRow> {
    const { name } = this
    const began = clock.now()
    let swept: Required<Swept> = { removed: 0, bytes: 0, failed: 0 }
    let failure: { readonly error?: unknown } = {}
    this.#isAwaited = true
    try {
      if (this.#since !== undefined) throw stillHanging(name, timeout, began - this.#since)
      const result = await withTimeout(
        async (context) => {
          this.#since = began
          try {
            return await this.#sweep({ signal: context.signal, ...(source && { pressure: source.pressure }) })
          } finally {
            this.#since = undefined
          }
        },
        { timeout, signal, clock, name },
      )
      swept = complete(result)
    } catch (error) {
      failure = { error }
    }
    this.#isAwaited = false
    return Object.freeze({ name, ...swept, ms: Math.round(clock.now() - began), ...failure })
  }
}

function stillHanging(name: string, timeout: number, elapsed: number): TimeoutError {
  const hint = 'That sweep still goes on, so no other was begun.'
  return new TimeoutError({ path: name, timeout, elapsed: Math.round(elapsed), limitedBy: undefined, hint })
}

/** What a sweep said, in full. */
function complete(result: unknown = 0): Required<Swept> {
  const said = typeof result === 'object' && result !== null ? result : { removed: result }
  const { removed, bytes = 0, failed = 0 } = said as Swept
  if ([removed, bytes, failed].every((count) => Number.isInteger(count) && count >= 0))
    return { removed, bytes, failed }
  throw wrongType('What a sweep returns', 'a whole number from 0, { removed, bytes, failed }, or nothing', result)
}
