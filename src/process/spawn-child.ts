import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import { PLAIN } from '../lifecycle/place.ts'
import { ChildError } from './child/child-error.ts'
import { launch } from './child/launch.ts'
import type { SpawnChildOptions } from './child/launch-options.ts'
import type { SpawnedChild } from './child/spawned-child.ts'

/**
 * Starts a child process that its lifecycle ends, with all that it has started in turn: at closing, when the child itself
 * has exited, and also when this process is killed.
 *
 * @returns the child, when it is ready. The promise rejects, and by then nothing of its tree lives, with a
 * {@link ChildError} where it could not be started (`ERR_SPAWN_FAILED`) or exited before it was ready (`ERR_EXITED`); with
 * a `TimeoutError` when `readyTimeout` is over; with what `readyWhen` threw; with the reason of `options.signal`; with a
 * ReferenceError (`ERR_CLOSED`) where its lifecycle began to close before.
 * @throws TypeError or RangeError for bad arguments and ReferenceError (`ERR_CLOSED`) in a closed lifecycle: at once, not
 * as a rejection.
 * @example
 * ```ts
 * const postgres = await spawnChild(life, 'postgres', ['-D', folder], { readyWhen: /ready to accept connections/ })
 * postgres.ended.then(({ code, lastWords }) => console.error('postgres has gone', code, lastWords))
 * ```
 */
export function spawnChild(
  life: Lifecycle,
  command: string,
  args: readonly string[] = [],
  options: SpawnChildOptions = PLAIN,
): Promise<SpawnedChild> {
  try {
    return launch(life, command, args, options).ready
  } catch (error) {
    const isRefusal = error instanceof ChildError || (options?.signal?.aborted && error === options.signal.reason)
    if (!isRefusal) throw error
    return Promise.reject(error)
  }
}
