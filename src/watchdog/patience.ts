/** By how many ms more than asked a step of the thread's time may take. With more, the process stood still. */
const STANDSTILL = 250

/**
 * Counts up to `limit` ms in steps, but begins again after one that took much longer than asked. Then the whole process
 * was suspended (SIGSTOP, a frozen container, a closed laptop) or starved, and the main thread with it: it gets all of
 * the time anew to show that it lives.
 */
export class Patience {
  readonly #limit: number
  #spent = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** How many ms are left. */
  get left(): number {
    return Math.max(0, this.#limit - this.#spent)
  }

  /** A step of `asked` ms has taken `took`. */
  spend(took: number, asked: number): void {
    this.#spent = took > asked + STANDSTILL ? 0 : this.#spent + took
  }

  /** Begins again. */
  restart(): void {
    this.#spent = 0
  }
}
