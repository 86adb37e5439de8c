import type { ChildProcess } from 'node:child_process'
import { builtin } from '../lifecycle/builtin.ts'
import { outOfRange } from '../lifecycle/check.ts'

/**
 * A process group outlives its leader, and its number is not given to anybody else while one member lives. So the group
 * of a child that has long exited can still be found and ended.
 *
 * Where there is no `/proc` (macOS, BSD) a group is known only by whether it can be signalled; Windows has none.
 */

/** What `/proc` knows of a process. */
interface Stat {
  /** One letter: `Z` and `X` are dead, all others live. */
  readonly state: string
  readonly group: number
}

function stat(pid: number | 'self'): Stat | undefined {
  try {
    const text = builtin('node:fs').readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in parentheses, and may hold blanks and parentheses of its own.
    const [state = '', , group] = text.slice(text.lastIndexOf(')') + 2).split(' ', 3)
    return { state, group: Number(group) }
  } catch {
    return undefined // No such process, or no /proc at all.
  }
}

/** Whether a group can be signalled, zombies included. */
function exists(group: number): boolean {
  try {
    process.kill(-group, 0)
    return true
  } catch (error) {
    // A member of another user lives too; but macOS answers the same for a group of zombies.
    return (error as NodeJS.ErrnoException).code === 'EPERM' && process.platform === 'linux'
  }
}

function isMember(pid: number, group: number): boolean {
  const found = stat(pid)
  return found !== undefined && found.group === group && found.state !== 'Z' && found.state !== 'X'
}

/** Whether a child has exited and its exit has been reported, or it was never spawned. */
export function hasExited(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}

/**
 * The number of the process group that a child leads, as one spawned `detached` does, while anything in it may live;
 * else `undefined`. Never that of this process, nor 1.
 */
export function ledGroup(child: ChildProcess): number | undefined {
  const { pid } = child
  if (pid === undefined || pid <= 1 || pid === process.pid || process.platform === 'win32') return undefined
  const self = stat('self')
  if (self === undefined) return exists(pid) ? pid : undefined
  if (self.group === pid) return undefined
  const leader = stat(pid)
  if (leader === undefined) return livingMembers(pid).length > 0 ? pid : undefined
  // A process by the number of a child that has exited is somebody else, so the child's group is gone.
  return leader.group === pid && !hasExited(child) ? pid : undefined
}

/**
 * The pids of members of a group that live, zombies not counted: those of `known` that do, and only where none does, all.
 *
 * Finding them means to walk through all processes, at some 30 µs each, and more while many die.
 */
export function livingMembers(group: number, known: readonly number[] = []): readonly number[] {
  if (!exists(group)) return []
  if (stat('self') === undefined) return [group]
  const still = known.filter((pid) => isMember(pid, group))
  if (still.length > 0) return still
  const found = walk(group)
  // A member may fork behind the walker's back and die before he comes by. A second walk finds what was born then.
  return found.length > 0 ? found : walk(group)
}

function walk(group: number): readonly number[] {
  return builtin('node:fs')
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isMember(pid, group))
}

/**
 * Signals every member of a group. That all have ended meanwhile is no error; not being allowed to is.
 *
 * @throws RangeError for a group below 2: the system takes 0 for our own and 1 for every process there is.
 */
export function signalGroup(group: number, signal: NodeJS.Signals): void {
  if (!(group > 1)) throw outOfRange('group', 'a number above 1', group)
  try {
    process.kill(-group, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
