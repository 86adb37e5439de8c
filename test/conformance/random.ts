/** Random choices that a seed repeats: the generator mulberry32. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number, 0 to `below` - 1. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }

  /** One of `choices`, which is not empty. */
  pick<const T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T
  }

  /** Whether something happens that happens once in `often` times. */
  once(often: number): boolean {
    return this.below(often) === 0
  }
}
