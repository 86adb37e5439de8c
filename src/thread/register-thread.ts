import { checkFunction, checkName } from '../lifecycle/check.ts'
import { joinLanes, type Lane } from './monitor/lane-here.ts'

/** A thread that is registered with the monitor, as it sees itself. Where there is no monitor, all of it does nothing. */
export interface RegisteredThread extends Disposable {
  /** What it calls itself. */
  readonly name: string
  /** Whether a monitor watches it. */
  readonly isMonitored: boolean
  /**
   * Runs what may block, such as `Atomics.wait`, and returns what that returns. Until then, or until the promise that it
   * returns has settled, silence means nothing: the thread is `parked`.
   */
  park<T>(fn: () => T): T
  /** Shows a sign of life, in a long computation that is going well. Costs some 10 ns. */
  beat(): void
}

/**
 * In a thread: has the {@link ThreadMonitor} of the process watch it, under that name. It beats from now on, a few times a
 * second, by a timer that does not keep the thread alive.
 *
 * It does nothing where there is no monitor, or was none yet when the thread was started. Called again it is the same
 * registration, by its first name. It ends with the thread, or when all who called have disposed of it.
 *
 * @param name what it is called in reports, without `/`. Need not be unique.
 * @throws TypeError or RangeError for a bad name.
 * @example
 * ```ts
 * import { registerThread } from 'endswell/serve'
 *
 * registerThread('pricing')
 * ```
 */
export function registerThread(name: string): RegisteredThread {
  checkName('name', name)
  return new Registration(name, joinLanes(name))
}

class Registration implements RegisteredThread {
  readonly name: string
  #lane: Lane | undefined

  constructor(name: string, lane: Lane | undefined) {
    this.name = lane?.name ?? name
    this.#lane = lane
  }

  get isMonitored(): boolean {
    return this.#lane !== undefined
  }

  park<T>(fn: () => T): T {
    checkFunction('fn', fn)
    return this.#lane === undefined ? fn() : this.#lane.park(fn)
  }

  beat(): void {
    this.#lane?.beat()
  }

  [Symbol.dispose](): void {
    this.#lane?.leave()
    this.#lane = undefined
  }
}
