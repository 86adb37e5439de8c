interface SuppressedErrorShape extends Error {
  /** The newer error. */
  error: unknown
  /** The older error, which the newer one would otherwise hide. */
  suppressed: unknown
}

interface SuppressedErrorConstructor {
  new (error: unknown, suppressed: unknown, message?: string): SuppressedErrorShape
  readonly prototype: SuppressedErrorShape
}

const OwnSuppressedError = class SuppressedError extends Error {
  declare error: unknown
  declare suppressed: unknown

  constructor(error: unknown, suppressed: unknown, message?: string) {
    super(message)
    const hidden = { writable: true, configurable: true, enumerable: false }
    Object.defineProperty(this, 'error', { ...hidden, value: error })
    Object.defineProperty(this, 'suppressed', { ...hidden, value: suppressed })
  }
}
Object.defineProperty(OwnSuppressedError.prototype, 'name', {
  value: 'SuppressedError',
  writable: true,
  configurable: true,
  enumerable: false,
})

/**
 * The standard's error for two failures at once: `error` is the newer, `suppressed` the older, which may be another
 * one of these. It is the engine's own class from Node 24 on, and one of the same shape before, never set as a global.
 *
 * @example
 * ```ts
 * try { await life.disposeAsync() } catch (error) {
 *   for (let e = error; e instanceof SuppressedError; e = e.suppressed) console.error(e.error)
 * }
 * ```
 */
export const SuppressedError: SuppressedErrorConstructor =
  (globalThis as { SuppressedError?: SuppressedErrorConstructor }).SuppressedError ?? OwnSuppressedError

/** An instance of the class of the same name. */
export type SuppressedError = SuppressedErrorShape

/** One error for many, given in the order in which they were thrown: the only one itself, else a chain. */
export function chain(errors: readonly unknown[]): unknown {
  const message = 'A disposer failed after another one had: see error (the newer) and suppressed (the older).'
  return errors.reduce((older, newer) => new SuppressedError(newer, older, message))
}
