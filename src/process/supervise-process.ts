import { wrongType } from '../lifecycle/check.ts'
import { Lifecycle } from '../lifecycle/lifecycle.ts'
import { PLAIN } from '../lifecycle/place.ts'
import { superviseOne } from '../lifecycle/supervision/supervise.ts'
import {
  checkProcessPolicy,
  checkSpec,
  type ProcessSpec,
  type SuperviseProcessPolicy,
} from './supervision/process-policy.ts'
import { Respawn } from './supervision/respawn.ts'
import { ProcessHandle, type SupervisedProcess } from './supervision/supervised-process.ts'

/**
 * Keeps a process running: starts it as `spawnChild` does, and again after each end, as `supervise` does. The whole tree
 * of a life is ended before the next begins, so that ports and files are free.
 *
 * An exit with 0 is a normal end. It gives up at once where the program can't be started at all (no such file, not
 * allowed to), on the statuses of `giveUpOn`, and where something of a tree can't be ended.
 *
 * @throws ReferenceError (`ERR_CLOSED`) once closing has begun; TypeError or RangeError for a bad argument.
 * @example
 * ```ts
 * const mailer = superviseProcess(
 *   life,
 *   { name: 'mailer', command: 'node', args: ['mailer.js'], readyWhen: /listening/ },
 *   { giveUpOn: [78], backoff: { max: 10_000 } },
 * )
 * await mailer.ready()
 * ```
 */
export function superviseProcess(
  life: Lifecycle,
  spec: ProcessSpec,
  policy: SuperviseProcessPolicy = PLAIN,
): SupervisedProcess {
  if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
  const { name, command } = checkSpec(spec)
  checkProcessPolicy('policy', policy)
  const respawn = new Respawn(command, policy)
  const { start, ...own } = respawn.definition
  return new ProcessHandle(...superviseOne(life, name, start, own), respawn)
}
