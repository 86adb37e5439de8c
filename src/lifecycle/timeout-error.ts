import { EndswellError } from './errors.ts'

const brand = Symbol.for('endswell.timeout-error')

/** What a {@link TimeoutError} tells. */
interface TimeoutFacts {
  path: string
  timeout: number
  elapsed: number
  limitedBy: string | undefined
  /** A sentence about what did not happen. */
  hint?: string
}

/**
 * Says that something was not over by its deadline. Its code is `ERR_TIMEOUT`, its name `TimeoutError`, and `instanceof`
 * also holds across two copies of the package.
 *
 * @example
 * ```ts
 * try { await withTimeout(query, { timeout: 5_000, name: 'query', deadline: start }) } catch (error) {
 *   if (error instanceof TimeoutError) console.error(error.path, error.elapsed, error.limitedBy)
 * }
 * ```
 */
export class TimeoutError extends EndswellError {
  /** How many ms it was given. */
  readonly timeout: number
  /** How many ms had passed when it was given up. */
  readonly elapsed: number
  /** Path of the deadline above that was over sooner; `undefined` where its own time was up. */
  readonly limitedBy: string | undefined

  constructor({ path, timeout, elapsed, limitedBy, hint }: TimeoutFacts) {
    const limit = limitedBy === undefined ? '' : `, limited by '${limitedBy}'`
    const text = `${path} was given up after ${elapsed} ms: it had ${timeout} ms${limit}.`
    super('ERR_TIMEOUT', hint === undefined ? text : `${text} ${hint}`, { path })
    this.timeout = timeout
    this.elapsed = elapsed
    this.limitedBy = limitedBy
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value
  }
}
Object.defineProperty(TimeoutError.prototype, 'name', { value: 'TimeoutError', configurable: true, writable: true })
Object.defineProperty(TimeoutError.prototype, brand, { value: true })
