import { checkFunction, wrongType } from './check.ts'
import type { Clock, ClockTimer } from './clock.ts'
import { TimeoutError } from './timeout-error.ts'

/** Options of {@link Deadline.run}. */
export interface WaitOptions<T> {
  /** Ends the wait: the promise rejects with its reason at once, and the work's own signal aborts with the same. */
  signal?: AbortSignal
  /**
   * Takes a value that comes when nobody waits for it any more, to end it. Default: such a value is dropped. What this
   * function throws, or its promise rejects with, is a rejection that nobody handled, as the process knows them.
   */
  onLate?: (value: T) => unknown
}

/** Refuses a signal or a function that is none. */
export function checkWait({ signal, onLate }: WaitOptions<never>): void {
  if (signal !== undefined && !isSignal(signal)) throw wrongType('options.signal', 'an AbortSignal', signal)
  if (onLate !== undefined) checkFunction('options.onLate', onLate)
}

function isSignal(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value
}

/** What a wait asks of its deadline. */
interface Moment {
  readonly path: string
  readonly clock: Clock
  readonly timeout: number
  readonly since: number
  readonly at: number
  readonly limitedBy: { readonly path: string }
}

/**
 * Runs `fn` until its deadline, which is `left` ms from now, and mirrors it. Where no time is left, or nobody waits, `fn`
 * is not called.
 */
export function waitFor<D extends Moment, T>(
  deadline: D,
  fn: (context: { readonly signal: AbortSignal; readonly deadline: D }) => T,
  { signal, onLate }: WaitOptions<Awaited<T>>,
  left: number,
): Promise<Awaited<T>> {
  if (signal?.aborted) return Promise.reject(signal.reason)
  if (left <= 0) return Promise.reject(timeIsUp(deadline))
  return new Promise((resolve, reject) => {
    // A timer counts whole milliseconds, and must not be early where the deadline lies between two; but what is only
    // the rounding of a sum is no millisecond.
    new Wait<D, Awaited<T>>(deadline, onLate, resolve, reject).start(fn, signal, Math.ceil(left - 0.001))
  })
}

/**
 * Work that is being waited for: its context, and what must be undone however the wait ends. It costs one promise and
 * one timer. The controller is made when the work asks for its signal, the error when time is up.
 */
class Wait<D extends Moment, T> {
  readonly deadline: D
  readonly #onLate: ((value: T) => unknown) | undefined
  readonly #resolve: (value: T) => void
  readonly #reject: (reason: unknown) => void
  #controller: AbortController | undefined = undefined
  /** There is one as long as somebody waits. */
  #timer: ClockTimer | undefined = undefined
  /** Takes the listener off the outer signal. */
  #unlink: (() => void) | undefined = undefined

  constructor(
    deadline: D,
    onLate: ((value: T) => unknown) | undefined,
    resolve: (value: T) => void,
    reject: (reason: unknown) => void,
  ) {
    this.deadline = deadline
    this.#onLate = onLate
    this.#resolve = resolve
    this.#reject = reject
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  start(fn: (context: this) => unknown, outer: AbortSignal | undefined, delay: number): void {
    this.#timer = this.deadline.clock.setTimeout(() => this.#stop(timeIsUp(this.deadline)), delay)
    if (outer !== undefined) this.#link(outer)
    let result: T | PromiseLike<T>
    try {
      result = fn(this) as T | PromiseLike<T>
    } catch (error) {
      return this.#fail(error)
    }
    // By `then` and not by `await`, whose frame would weigh a fifth of a whole wait.
    Promise.resolve(result).then(
      (value) => (this.#end() ? this.#resolve(value) : this.#onLate?.(value)),
      (error) => this.#fail(error),
    )
  }

  #link(outer: AbortSignal): void {
    const stop = (): void => this.#stop(outer.reason)
    outer.addEventListener('abort', stop)
    this.#unlink = () => outer.removeEventListener('abort', stop)
  }

  /** Ends the wait, and tells the work before whoever waits. */
  #stop(reason: unknown): void {
    if (!this.#end()) return
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
    this.#reject(reason)
  }

  /** What fails when nobody waits any more is nobody's affair. */
  #fail(error: unknown): void {
    if (this.#end()) this.#reject(error)
  }

  /** Undoes the timer and the listener. Says whether somebody was still waiting. */
  #end(): boolean {
    if (this.#timer === undefined) return false
    this.deadline.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#unlink?.()
    this.#unlink = undefined
    return true
  }
}

function timeIsUp(deadline: Moment): TimeoutError {
  const { path, timeout, since, at, clock, limitedBy } = deadline
  return new TimeoutError({
    path,
    timeout,
    // A timer may fire a fraction of a millisecond early by the clock.
    elapsed: Math.round(Math.max(at, clock.now()) - since),
    limitedBy: limitedBy === deadline ? undefined : limitedBy.path,
  })
}
