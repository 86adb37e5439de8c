/**
 * Where jobs are kept for other machines, and for after a restart: the few methods of a [keyv](https://keyv.org) that are
 * needed, so a `Keyv` fits, and so does a `Map`.
 */
export interface JobStore {
  /** What is kept under that key, undefined if nothing is. */
  get(key: string): unknown
  /** Keeps a value for `ttl` ms, for ever without one. It has failed when it throws, rejects, or answers `false`. */
  set(key: string, value: unknown, ttl?: number): unknown
  /** Forgets what is kept under that key. */
  delete(key: string): unknown
}
