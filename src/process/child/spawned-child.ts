import type { ChildProcess } from 'node:child_process'
import type { ChildExit } from './child-exit.ts'

/** What ends a child's tree when this process dies and cannot do so itself; see `SpawnChildOptions.onParentDeath`. */
export type ParentDeathGuard = 'sidecar' | 'pdeathsig' | 'none'

/** Options of {@link SpawnedChild.stop}. */
export interface StopOptions {
  /** What the tree is asked to end with. Default: its `stopSignal`. SIGKILL asks nobody, and forces it at once. */
  signal?: NodeJS.Signals
  /** How many ms it gets until it is killed, 0 to 2 147 483 647. Default: its own grace, else its lifecycle's. */
  grace?: number
}

/** A child that was started by `spawnChild`, and all that it starts in turn: its tree. */
export interface SpawnedChild extends AsyncDisposable {
  /** Its process number. */
  readonly pid: number
  /** Its path in the lifecycle, such as `/orders/ffmpeg`. */
  readonly path: string
  /** The child itself, to write to its standard input or send it messages. */
  readonly child: ChildProcess
  /** What ends its tree when this process dies: what it really got, at this moment. */
  readonly parentDeathGuard: ParentDeathGuard
  /** The last lines that it has printed, oldest first. */
  readonly lastWords: readonly string[]
  /** Resolves when the whole tree is gone, in whatever way, or was abandoned because nothing ends it. Never rejects. */
  readonly ended: Promise<ChildExit>
  /**
   * Ends the tree. A second call joins, and can only shorten the grace. Resolves as `ended` does.
   *
   * @throws TypeError or RangeError for a bad option.
   */
  stop(options?: StopOptions): Promise<ChildExit>
  /** As `stop()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}
