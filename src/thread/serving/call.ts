/**
 * The call that a handler is working on: its `this`.
 *
 * @example
 * ```ts
 * export const handlers = {
 *   async resize(this: Call, image: Uint8Array) {
 *     const response = await fetch(url, { signal: this.signal })
 *     …
 *   },
 *   primes(this: Call, upTo: number) {
 *     for (let n = 2; n < upTo; n += 1) this.throwIfCancelled()
 *   },
 * }
 * ```
 */
export interface Call {
  /** The name that it was called by. */
  readonly method: string
  /** Aborts with the caller's reason when the call is cancelled, and the event loop turns. Made when it is first read. */
  readonly signal: AbortSignal
  /** Whether it is cancelled: known at once, also in a loop that never gives the event loop back. */
  readonly cancelled: boolean
  /** Throws the caller's reason, where that is known already, if the call is cancelled. */
  throwIfCancelled(): void
  /**
   * Tells the call's `onEvent`, and whoever listens to the bridge's `events()`. An object is sent as it is at this moment.
   *
   * @returns false if there was no room: then the event is dropped, and counted. True otherwise, also where nobody listens.
   * @throws TypeError if `name` is no string (`ERR_INVALID_ARG_TYPE`), or `value` can't be sent (`ERR_UNCLONEABLE`, its
   * `cause` what the engine says): nothing is sent then.
   */
  emit(name: string, value: unknown): boolean
  /**
   * Resolves when there is room for another event: at once if there is, as always where nobody listens. Await it right
   * before each `emit` to lose none: the place is kept until then, but not beyond this turn of the event loop.
   *
   * Rejects with the caller's reason where it has to wait and the call is cancelled.
   */
  drained(): Promise<void>
}
