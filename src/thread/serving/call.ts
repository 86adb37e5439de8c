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
   * Tells whoever listens to the bridge's `events()`.
   *
   * @returns false if there was no room: then the event is dropped, and counted.
   */
  emit(name: string, value: unknown): boolean
  /** Resolves when there is room for another event: at once if there is. Await it before `emit` to lose none. */
  drained(): Promise<void>
}
