import { Patience } from './patience.ts'

/** How often in the time that an overdue main thread gets it must beat, and is looked at. */
const LOOKS = 5

/** How many ms lie between two beats, and between two looks, where so many ms without a beat mean that it is blocked. */
export function beatEvery(slack: number): number {
  return slack / LOOKS
}

/**
 * The rule by which a main thread is held to be blocked: past the deadline, it did not beat for `slack` ms.
 *
 * Before the deadline nobody beats and nobody looks, so watching costs nothing. A loop that turns is never blocked,
 * however late it is: its own timers deal with that.
 */
export class Pulse {
  readonly #every: number
  readonly #patience: Patience
  /** When it is due, in ms of the thread's clock. */
  #due = Number.POSITIVE_INFINITY
  /** How many beats there were at the last look since it was due, and when that was. */
  #last: { beats: number; at: number } | undefined = undefined
  #rests = false

  /** @param slack how many ms without a beat mean that it is blocked. */
  constructor(slack: number) {
    this.#every = beatEvery(slack)
    this.#patience = new Patience(slack)
  }

  /** Another deadline counts from now on: `due` in ms of the thread's clock, or Infinity for none. */
  follow(due: number): void {
    this.#due = due
    this.#again()
  }

  /** Not blocked after all, or none of our business: says no more until the main thread has beaten. */
  rest(): void {
    this.#rests = true
  }

  /** How many ms to sleep until the next look; 0 when the main thread is blocked. */
  look(now: number, beats: number): number {
    if (now < this.#due) return this.#due - now
    const last = this.#last
    this.#last = { beats, at: now }
    if (last === undefined || last.beats !== beats) this.#again({ beats, at: now })
    else this.#patience.spend(now - last.at, this.#every)
    if (this.#rests) return this.#every
    return Math.min(this.#every, this.#patience.left)
  }

  #again(last?: { beats: number; at: number }): void {
    this.#last = last
    this.#rests = false
    this.#patience.restart()
  }
}
