import type { Outcome } from '../../src/lifecycle/contract.ts'
import type { Kind } from '../../src/lifecycle/kind.ts'
import { TestContext } from '../fixtures/context.ts'

/** How a resource ended. */
export interface Ended {
  readonly outcome: Outcome
  readonly note: string | undefined
  readonly error: unknown
}

/** A resource that is registered, and goes down the two rungs as a lifecycle has it. */
export class Held<T> {
  readonly #kind: Kind<T>
  readonly #value: T
  readonly #context: TestContext
  readonly #undo: (() => void) | undefined
  readonly #force = Promise.withResolvers<Outcome>()
  /** Whether it left by itself, or because it closed. */
  left = false
  settled = false

  constructor(kind: Kind<T>, value: T, options: ConstructorParameters<typeof TestContext>[0] = {}) {
    this.#kind = kind
    this.#value = value
    this.#context = new TestContext(options)
    this.#undo = kind.onGone?.(value, () => {
      this.left = true
    })
  }

  /** The first rung. Settles with the outcome of the last that was needed. */
  async close(): Promise<Ended> {
    let error: unknown
    const closed = (async (): Promise<Outcome> => {
      try {
        await this.#kind.close(this.#value, this.#context)
        return this.#context.signal.aborted ? 'forced' : 'closed'
      } catch (thrown) {
        error = thrown
        return 'failed'
      }
    })()
    const outcome = await Promise.race([closed, this.#force.promise])
    this.settled = true
    this.forget()
    return { outcome, error, note: this.#context.notes.at(-1) }
  }

  /** The second rung. */
  async force(): Promise<void> {
    this.#context.graceOver()
    await this.#kind.force?.(this.#value, this.#context)
    this.#force.resolve(this.#kind.isGone?.(this.#value) === false ? 'abandoned' : 'forced')
  }

  forget(): void {
    this.#undo?.()
  }
}
