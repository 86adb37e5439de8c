import type { Clock, ClockTimer } from '../../lifecycle/clock.ts'
import type { Place } from '../jobs/line.ts'

/** What a task is given. */
export interface TaskContext {
  /** What it is called. */
  readonly name: string
  /** Aborts when nobody waits for it any more: then it should end soon, for its slot is taken until it has. */
  readonly signal: AbortSignal
}

/** One task from the moment on at which it was added until its work has settled, which may be later than its promise. */
export class Task<T = unknown> implements TaskContext {
  readonly name: string
  readonly priority: number
  readonly timeout: number
  /** When it was added. */
  readonly since: number
  /** When it began to run. */
  begun: number | undefined = undefined
  /** Whether its promise has settled. */
  isOver = false
  /** Where it waits outside. */
  place: Place<Task> | undefined = undefined
  /** Takes it out of the queue. */
  exit: AbortController | undefined = undefined
  /** Runs something as if it were run where the task was added. */
  inContext: (<R>(fn: () => R) => R) | undefined = undefined
  /** Gives its slot back. */
  leave: (() => void) | undefined = undefined
  /** Takes its callback off the signal. */
  unlink: (() => void) | undefined = undefined
  readonly #fn: (context: TaskContext) => T | PromiseLike<T>
  readonly #clock: Clock
  readonly #result = Promise.withResolvers<T>()
  #controller: AbortController | undefined = undefined
  /** Why it was told to end. */
  #cause: { readonly error: unknown } | undefined = undefined
  #timer: ClockTimer | undefined = undefined

  constructor(
    fn: (context: TaskContext) => T | PromiseLike<T>,
    { name, priority, timeout }: { name: string; priority: number; timeout: number },
    clock: Clock,
  ) {
    this.#fn = fn
    this.#clock = clock
    this.name = name
    this.priority = priority
    this.timeout = timeout
    this.since = clock.now()
  }

  get promise(): Promise<T> {
    return this.#result.promise
  }

  /** Made when it is first read: most tasks never do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#cause !== undefined) this.#controller.abort(this.#cause.error)
    }
    return this.#controller.signal
  }

  /** One timer at a time: for its turn, for its time, and for its end when it was told to stop. */
  limit(ms: number, late: () => void): void {
    this.unlimit()
    if (ms !== Number.POSITIVE_INFINITY) this.#timer = this.#clock.setTimeout(late, ms)
  }

  unlimit(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Begins its work; what that throws in step is a rejection as well. */
  async work(now: number): Promise<T> {
    this.begun = now
    const call = (): T | PromiseLike<T> => this.#fn(this)
    return await (this.inContext === undefined ? call() : this.inContext(call))
  }

  succeed(value: T): void {
    this.#settle()
    this.#result.resolve(value)
  }

  fail(error: unknown): void {
    this.#settle()
    this.#result.reject(error)
  }

  /** It is given up: its work is told before who waits for it. */
  stop(error: unknown): void {
    this.#settle()
    this.#cause = { error }
    this.#controller?.abort(error)
    this.#result.reject(error)
  }

  #settle(): void {
    this.isOver = true
    this.unlimit()
    this.unlink?.()
    this.unlink = undefined
  }
}
