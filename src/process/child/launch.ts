import type { ChildProcess } from 'node:child_process'
import { wrongType } from '../../lifecycle/check.ts'
import { Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import { PLAIN } from '../../lifecycle/place.ts'
import { childProcess } from '../child-process.ts'
import { coverFor } from '../guard/parent-death.ts'
import { ChildError, spawnFailed } from './child-error.ts'
import { checkLaunch, placeIn, type SpawnChildOptions } from './launch-options.ts'
import type { Launched } from './launched.ts'
import { RunningChild } from './running-child.ts'
import { spawnLeader } from './spawn-leader.ts'
import { stillborn } from './stillborn.ts'

/**
 * Starts a child process in a lifecycle, and does not wait: what `spawnChild` does in the turn in which it is called.
 *
 * @throws TypeError or RangeError for bad arguments, and ReferenceError (`ERR_CLOSED`), as `Lifecycle.use` does; the
 * reason of `options.signal` where that has aborted; a {@link ChildError} (`ERR_SPAWN_FAILED`) for what the system refuses
 * at once, such as too long arguments. A command that does not exist rejects `ready`.
 */
export function launch(
  life: Lifecycle,
  command: string,
  args: readonly string[] = [],
  options: SpawnChildOptions = PLAIN,
): Launched {
  if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
  checkLaunch(command, args, options)
  const scope = scopeOf(life)
  scope.checkOpen()
  const place = scope.placeOf(placeIn(options))
  options.signal?.throwIfAborted()
  const mark = crypto.randomUUID()
  const cover = coverFor(scope, mark, options.onParentDeath)
  const path = `${scope.path}/${options.name ?? childProcess.name}`
  const [file, argv] = cover.around(command, args)
  let child: ChildProcess
  try {
    child = spawnLeader({ file, args: argv, mark, options })
  } catch (error) {
    cover.end()
    throw spawnFailed({ command, path }, error)
  }
  if (child.pid === undefined) {
    cover.end()
    return stillborn(child, { command, path }, options.cwd)
  }
  cover.born(child.pid)
  return new RunningChild(scope, place, { child, pid: child.pid, command, mark, cover, options })
}
