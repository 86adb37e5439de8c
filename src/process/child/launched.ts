import type { SpawnedChild } from './spawned-child.ts'

/** A child that has been started, and may not be ready yet. Its `pid` is NaN where it could not be started. */
export interface Launched extends SpawnedChild {
  /**
   * Resolves with the child itself when it is ready. It rejects, when its tree is gone, with a `ChildError` where it could
   * not be started or exited before; a `TimeoutError`; what `readyWhen` threw; the reason of `options.signal`; a
   * ReferenceError (`ERR_CLOSED`) where its lifecycle began to close before, and `ERR_ABORTED` where it was stopped.
   */
  readonly ready: Promise<SpawnedChild>
  /** What its end failed with, where it was abandoned. */
  readonly failure: unknown
}
