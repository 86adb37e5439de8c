import type { Clock, ClockTimer } from '../../lifecycle/clock.ts'
import { TimeoutError } from '../../lifecycle/timeout-error.ts'
import type { QueueWaitOptions } from './queue-options.ts'

/** Somebody who waits in line, with what he brought. */
class Waiter<Brought, Answer> {
  readonly brought: Brought
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
  previous: Waiter<Brought, Answer> | undefined = undefined
  next: Waiter<Brought, Answer> | undefined = undefined
  timer: ClockTimer | undefined = undefined
  /** Takes the listener off the signal. */
  unlink: (() => void) | undefined = undefined

  constructor(brought: Brought, resolve: (answer: Answer) => void, reject: (error: unknown) => void) {
    this.brought = brought
    this.resolve = resolve
    this.reject = reject
  }
}

/**
 * Those who wait, in order of their coming. Who stops waiting leaves at once, from wherever he stands, and takes his timer
 * and his listener with him.
 */
export class WaitLine<Brought, Answer> {
  readonly #clock: Clock
  #first: Waiter<Brought, Answer> | undefined = undefined
  #last: Waiter<Brought, Answer> | undefined = undefined
  #size = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#size
  }

  /** Waits at the end of the line. `path` and `hint` are for the error when time is up. */
  wait(brought: Brought, { signal, timeout }: QueueWaitOptions, path: string, hint: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(brought, resolve, reject)
      this.#append(waiter)
      if (timeout !== undefined) {
        const since = this.#clock.now()
        waiter.timer = this.#clock.setTimeout(() => {
          this.#remove(waiter)
          const elapsed = Math.round(Math.max(timeout, this.#clock.now() - since))
          reject(new TimeoutError({ path, timeout, elapsed, limitedBy: undefined, hint }))
        }, timeout)
      }
      if (signal !== undefined) {
        const stop = (): void => {
          this.#remove(waiter)
          reject(signal.reason)
        }
        signal.addEventListener('abort', stop)
        waiter.unlink = () => signal.removeEventListener('abort', stop)
      }
    })
  }

  /** Takes out whose turn it is. */
  shift(): Waiter<Brought, Answer> | undefined {
    const first = this.#first
    if (first !== undefined) this.#remove(first)
    return first
  }

  /** Sends all away. */
  refuse(error: unknown): void {
    for (let waiter = this.shift(); waiter !== undefined; waiter = this.shift()) waiter.reject(error)
  }

  #append(waiter: Waiter<Brought, Answer>): void {
    waiter.previous = this.#last
    if (this.#last === undefined) this.#first = waiter
    else this.#last.next = waiter
    this.#last = waiter
    this.#size += 1
  }

  #remove(waiter: Waiter<Brought, Answer>): void {
    const { previous, next, timer } = waiter
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    this.#size -= 1
    if (timer !== undefined) this.#clock.clearTimeout(timer)
    waiter.unlink?.()
  }
}
