import { checkObject, checkOptions, checkTimeout, outOfRange, wrongType } from './check.ts'

/** How waits between attempts grow. */
export interface BackoffOptions {
  /** How many ms to wait after the first failure, 0 to 2 147 483 647. Default: 100. */
  first?: number
  /** How many ms to wait at most, `first` to 2 147 483 647. Default: 30 000. */
  max?: number
  /** How many times as long each wait is as the one before, at least 1. Default: 2. */
  factor?: number
  /** By which share a wait is shortened at most, at random, 0 to 1, so that not all come back at once. Default: 0.2. */
  jitter?: number
}

/** Refuses options that no {@link Backoff} could keep to. `name` is what they are called in the error. */
export function checkBackoff(name: string, options: BackoffOptions): void {
  checkObject(name, options)
  checkOptions(name, options, ['first', 'max', 'factor', 'jitter'])
  const { first, max, factor, jitter } = complete(options)
  checkTimeout(`${name}.first`, first)
  checkTimeout(`${name}.max`, max)
  if (max < first) throw outOfRange(`${name}.max`, `at least the first wait, ${first}`, max)
  checkNumber(`${name}.factor`, factor, 'a number from 1 to 1 000', factor >= 1 && factor <= 1_000)
  checkNumber(`${name}.jitter`, jitter, 'a number from 0 to 1', jitter >= 0 && jitter <= 1)
}

function complete({ first = 100, max = 30_000, factor = 2, jitter = 0.2 }: BackoffOptions): Required<BackoffOptions> {
  return { first, max, factor, jitter }
}

function checkNumber(name: string, value: unknown, expected: string, fits: boolean): void {
  if (typeof value !== 'number') throw wrongType(name, expected, value)
  if (!fits) throw outOfRange(name, expected, value)
}

/**
 * How long to wait before the next attempt: longer after each failure, up to a limit, and never quite the same. It only
 * counts; whoever asks it does the waiting.
 *
 * @example
 * ```ts
 * const backoff = new Backoff({ max: 5_000 })
 * backoff.next() // 80 to 100
 * backoff.next() // 160 to 200
 * backoff.reset() // it went well
 * ```
 */
export class Backoff {
  readonly #options: Required<BackoffOptions>
  readonly #random: () => number
  #failures = 0
  /** The next wait, before chance shortens it. */
  #wait: number

  /**
   * @param random the source of chance: 0 up to, but not including, 1.
   * @throws TypeError or RangeError for a bad option.
   */
  constructor(options: BackoffOptions = {}, random: () => number = Math.random) {
    checkBackoff('options', options)
    this.#options = complete(options)
    this.#random = random
    this.#wait = this.#options.first
  }

  /** How many failures in a row it has been told of. */
  get failures(): number {
    return this.#failures
  }

  /** Counts one more failure, and says how many ms to wait now: whole ones, and none at all only if `first` is 0. */
  next(): number {
    const { max, factor, jitter } = this.#options
    const wait = this.#wait * (1 - jitter * this.#random())
    this.#failures += 1
    // One step at a time: a power of the failures would overflow after a night of them.
    this.#wait = Math.min(max, this.#wait * factor)
    return Math.min(max, Math.ceil(wait))
  }

  /** Begins anew: the next wait is the first again. */
  reset(): void {
    this.#failures = 0
    this.#wait = this.#options.first
  }
}
