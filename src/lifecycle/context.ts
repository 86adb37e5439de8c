import type { Clock } from './clock.ts'
import type { CloseContext } from './kind.ts'

/** What a kind is told while it ends one resource. The signal is made only when somebody reads it. */
export class Context implements CloseContext {
  readonly clock: Clock
  readonly reason: string
  /** The moment from which on everything is forced: what a scope inside must keep to. */
  readonly deadline: number
  /** Whether somebody wants to know how long each thing took. */
  readonly timed: boolean
  grace = 0
  text: string | undefined = undefined
  #controller: AbortController | undefined = undefined
  #aborted = false

  constructor({ clock, reason, deadline, timed }: Pick<Context, 'clock' | 'reason' | 'deadline' | 'timed'>) {
    this.clock = clock
    this.reason = reason
    this.deadline = deadline
    this.timed = timed
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted) this.#controller.abort()
    return this.#controller.signal
  }

  note(text: string): void {
    this.text = text
  }

  abort(): void {
    this.#aborted = true
    this.#controller?.abort()
  }
}
