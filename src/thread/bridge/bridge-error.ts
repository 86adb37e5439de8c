import { EndswellError, type ErrorCode } from '../../lifecycle/errors.ts'

const brand = Symbol.for('endswell.bridge-error')

/** What a {@link BridgeError} can say. */
export interface BridgeErrorOptions {
  /** What brought it about. */
  cause?: unknown
  /** Path of the bridge. */
  path: string
  /** Name of the method that was called. */
  method: string
  /** Whether the same call may well succeed if it is made again. Default: false. */
  retriable?: boolean
}

/**
 * A call that could not be made or finished, for a reason that is not the method's own.
 *
 * - `ERR_QUEUE_FULL`: more calls wait than `maxQueue` allows. Retriable, later.
 * - `ERR_WORKER_LOST`: the thread ended while the call ran. Retriable where it was another call's fault, or chance.
 * - `ERR_UNKNOWN_METHOD`: the thread serves no method of that name.
 * - `ERR_UNCLONEABLE`: an argument or the result holds something that can't be sent to another thread.
 * - `ERR_ABORTED`: the bridge was closed before the call had ended.
 * - `ERR_GAVE_UP`: threads of the bridge have failed too often, and there is none to make the call.
 *
 * `instanceof` also holds across two copies of the package.
 */
export class BridgeError extends EndswellError {
  /** Name of the method that was called; empty where that was `ready()` or `room()`. */
  readonly method: string
  /** Whether the same call may well succeed if it is made again. It may have done its work: only the method knows. */
  readonly retriable: boolean

  constructor(code: ErrorCode, message: string, options: BridgeErrorOptions) {
    super(code, message, options)
    this.method = options.method
    this.retriable = options.retriable ?? false
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value
  }
}
Object.defineProperty(BridgeError.prototype, 'name', { value: 'BridgeError', configurable: true, writable: true })
Object.defineProperty(BridgeError.prototype, brand, { value: true })
