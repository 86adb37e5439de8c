import type { Clock, ClockTimer } from '../../lifecycle/clock.ts'
import { TimeoutError } from '../../lifecycle/timeout-error.ts'
import type { SpawnedChild } from './spawned-child.ts'

/**
 * When a child is ready: when a whole line of its standard output or error matches an expression; with its first message
 * over IPC; or when a function's promise fulfils. The signal of that function aborts when nobody waits any more.
 */
export type ReadyWhen = RegExp | 'message' | ((child: SpawnedChild, signal: AbortSignal) => unknown)

/** What a {@link ReadyWatch} waits for, and how long. */
interface Wait {
  readonly when: ReadyWhen | undefined
  /** In ms. */
  readonly timeout: number
  readonly clock: Clock
  readonly onReady: () => void
  /** Called instead, once, with why it will not be ready: time is up, or the function has thrown. */
  readonly onFail: (error: unknown) => void
}

/** Waits until a child is ready, in a limited time. Without a condition it is ready at once. */
export class ReadyWatch {
  readonly #wait: Wait
  #timer: ClockTimer | undefined = undefined
  #unlisten: (() => void) | undefined = undefined
  #controller: AbortController | undefined = undefined

  constructor(wait: Wait) {
    this.#wait = wait
  }

  start(spawned: SpawnedChild): void {
    const { when, timeout, clock, onFail } = this.#wait
    if (when === undefined) return this.#wait.onReady()
    const since = clock.now()
    this.#timer = clock.setTimeout(() => {
      const error = timeIsUp(spawned.path, timeout, clock.now() - since, when)
      if (this.stop(error)) onFail(error)
    }, timeout)
    if (when === 'message') {
      const { child } = spawned
      const onMessage = (): void => this.#ready()
      child.once('message', onMessage)
      this.#unlisten = () => child.off('message', onMessage)
    } else if (typeof when === 'function') {
      this.#controller = new AbortController()
      this.#follow(when, spawned, this.#controller.signal)
    }
  }

  /** Looks at a line of the output. */
  see(line: string): void {
    const { when } = this.#wait
    // Unlike `test`, `search` begins at the start, whatever the expression has been used for.
    if (this.#timer !== undefined && when instanceof RegExp && line.search(when) !== -1) this.#ready()
  }

  /** Ends the wait: nobody wants to know any more. Says whether it was still under way. */
  stop(reason?: unknown): boolean {
    if (this.#timer === undefined) return false
    this.#wait.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#unlisten?.()
    this.#controller?.abort(reason)
    return true
  }

  #ready(): void {
    if (this.#settle()) this.#wait.onReady()
  }

  /** Ends the wait without telling the function, which has answered. */
  #settle(): boolean {
    this.#controller = undefined
    return this.stop()
  }

  async #follow(ask: Exclude<ReadyWhen, RegExp | string>, child: SpawnedChild, signal: AbortSignal): Promise<void> {
    try {
      await ask(child, signal)
    } catch (error) {
      if (this.#settle()) this.#wait.onFail(error)
      return
    }
    this.#ready()
  }
}

function timeIsUp(path: string, timeout: number, elapsed: number, when: ReadyWhen): TimeoutError {
  const missing = when instanceof RegExp ? `no line matched ${when}` : when === 'message' ? 'no message came' : ''
  const hint = `It was not ready${missing && `: ${missing}`}.`
  // A timer may fire a fraction of a millisecond early by the clock.
  return new TimeoutError({
    path,
    timeout,
    elapsed: Math.round(Math.max(timeout, elapsed)),
    limitedBy: undefined,
    hint,
  })
}
