/**
 * Where something supervised stands:
 *
 * - `starting`: its life has begun and is not ready yet; the first one may still wait for those before it in a group.
 * - `ready`: it is there.
 * - `stopping`: its life is over, or is being ended, and what was in it is closed.
 * - `backing-off`: it waits for its next life.
 * - `stopped`: there will be no other life, as it was asked for or as its `restart` says.
 * - `failed`: it has given up.
 */
export type SupervisedState = 'starting' | 'ready' | 'backing-off' | 'stopping' | 'stopped' | 'failed'

/** How a supervision ended. */
export interface SupervisionEnd {
  /** Whether it gave up, or was to end. */
  readonly state: 'stopped' | 'failed'
  /** What its last life ended with, as far as that is known. */
  readonly cause: unknown
}

/** What is kept alive, as its owner sees it. Disposing of it stops it. */
export interface Supervised extends AsyncDisposable {
  /** Names from the root, such as `/orders/feed`. Its third life is `/orders/feed/3`. */
  readonly path: string
  /** Where it stands. */
  readonly state: SupervisedState
  /** Which life it is in, or was in last: 1 is the first, 0 is before that. */
  readonly incarnation: number
  /** How many of its ends have led to another life. What `restart()` and its companions in a group end is not counted. */
  readonly restarts: number
  /** What its last life ended with: what was thrown, or what `start` brought. `undefined` as long as none has. */
  readonly cause: unknown
  /**
   * Resolves when this life, or else the next, is ready. Rejects when there will be none: with an `EndswellError`
   * (`ERR_GAVE_UP`, its `cause` what the last life ended with), or a ReferenceError (`ERR_CLOSED`) where it is stopped or
   * its lifecycle closes. Dropped, it is no unhandled rejection.
   */
  ready(): Promise<void>
  /** Resolves when everything is over: stopped, given up, or closed with its lifecycle. Never rejects. */
  readonly ended: Promise<SupervisionEnd>
  /** Ends it for good, and cancels a wait. Resolves when everything has ended. Awaited in its own life, it is a knot. */
  stop(): Promise<void>
  /**
   * Ends this life wholly and begins the next, without a wait and without counting. Resolves when that is ready, and
   * rejects as `ready` does. Where one is under way it joins that.
   */
  restart(): Promise<void>
}
