import type { ProcessTable, Sighting } from './process-table.ts'

/** One that answers at once. */
interface BlindTable extends ProcessTable {
  some(pids: readonly number[]): readonly Sighting[]
}

/**
 * A process where processes cannot be seen, with neither `/proc` nor `ps`: only whether it, or the group that it may lead, can
 * be signalled. What it has started elsewhere is beyond knowledge.
 */
export function blindTable(root: number, mayLead: boolean): BlindTable {
  const look = (pid: number): Sighting[] => {
    const leads = mayLead && pid === root && exists(-pid)
    if (!leads && !exists(pid)) return []
    return [{ pid, parent: 0, group: leads ? pid : 0, session: 0, state: '?', born: '', name: '' }]
  }
  return {
    all: () => look(root),
    some: (pids) => pids.flatMap(look),
    marked: () => [],
    signal(pid, signal) {
      process.kill(pid, signal)
    },
  }
}

/** Whether a process or, by a negative number, a group can be signalled, zombies included. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // One of another user is there too; but macOS answers the same for a group of zombies.
    return (error as NodeJS.ErrnoException).code === 'EPERM' && pid > 0
  }
}
