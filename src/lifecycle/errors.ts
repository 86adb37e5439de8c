/** Every `code` that an {@link EndswellError} can carry. Codes are stable: match on them, not on messages. */
export type ErrorCode =
  | 'ERR_ABANDONED'
  | 'ERR_ABORTED'
  | 'ERR_CONNECT_FAILED'
  | 'ERR_DROPPED'
  | 'ERR_EXITED'
  | 'ERR_GAVE_UP'
  | 'ERR_QUEUE_FULL'
  | 'ERR_SPAWN_FAILED'
  | 'ERR_STARTUP_FAILED'
  | 'ERR_STARTUP_TIMEOUT'
  | 'ERR_TIMEOUT'
  | 'ERR_UNCLONEABLE'
  | 'ERR_UNKNOWN_METHOD'
  | 'ERR_WORKER_LOST'

const brand = Symbol.for('endswell.error')

/**
 * The base of the errors that this library makes for what went wrong at run time.
 *
 * Bad arguments are a `TypeError` or `RangeError` with a `code` instead, and using a closed lifecycle is the
 * standard's `ReferenceError` with the code `ERR_CLOSED`. `instanceof` also holds across two copies of the package.
 *
 * @example
 * ```ts
 * try { await life.disposeAsync() } catch (error) {
 *   if (error instanceof EndswellError && error.code === 'ERR_ABANDONED') console.error(error.path)
 * }
 * ```
 */
export class EndswellError extends Error {
  /** What happened, as a word that does not change between versions. */
  readonly code: ErrorCode
  /** Path of the resource that it happened to, such as `/orders/db`. */
  readonly path: string | undefined

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; path?: string } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.path = options.path
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value
  }
}
Object.defineProperty(EndswellError.prototype, 'name', { value: 'EndswellError', configurable: true, writable: true })
Object.defineProperty(EndswellError.prototype, brand, { value: true })

/** The codes of errors about arguments and misuse, which are plain `TypeError`, `RangeError` or `ReferenceError`. */
export type MisuseCode =
  | 'ERR_INVALID_ARG_TYPE'
  | 'ERR_OUT_OF_RANGE'
  | 'ERR_UNKNOWN_OPTION'
  | 'ERR_UNKNOWN_RESOURCE'
  | 'ERR_AMBIGUOUS_NAME'
  | 'ERR_DUPLICATE_NAME'
  | 'ERR_MISPLACED'
  | 'ERR_CYCLE'
  | 'ERR_CLOSED'

/** A word that an error carries, if it bears to be asked: anything can be thrown. */
export function wordOf(error: unknown, key: 'name' | 'code' | 'cause'): unknown {
  try {
    return (error as Partial<Record<typeof key, unknown>> | null | undefined)?.[key]
  } catch {
    return undefined
  }
}

/** Hangs a stable `code` on one of the language's own error classes, whose constructor the standard fixes. */
export function coded<E extends Error>(error: E, code: MisuseCode): E & { code: MisuseCode } {
  return Object.assign(error, { code })
}
