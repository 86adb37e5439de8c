import { builtin } from '../../lifecycle/builtin.ts'
import type { ProcessTable, Sighting } from './process-table.ts'

/** Runs a program, and cares for nothing but that it was started. */
export type Run = (file: string, args: readonly string[]) => void

/** How long `taskkill` may take, in ms. */
const TIMEOUT = 10_000

const runHidden: Run = (file, args) => {
  // What came of it is seen by the next look. Most programs refuse a gentle end, which is no error: they get the other.
  builtin('node:child_process').execFile(file, [...args], { windowsHide: true, timeout: TIMEOUT }, () => {})
}

/**
 * One process of Windows, where nobody's parent can be seen from here: `taskkill` is told to end it with all that it has
 * started, gently, which only programs with a window hear, or with `/F`.
 */
export function taskkillTable(root: number, run: Run = runHidden): ProcessTable {
  const some = (pids: readonly number[]) => pids.filter(exists).map(sightingOf)
  return {
    wholeTrees: true,
    all: () => some([root]),
    some,
    marked: () => [],
    signal(pid, signal) {
      if (signal === 0) process.kill(pid, 0)
      else if (signal === 'SIGSTOP' || signal === 'SIGCONT') return
      else run(taskkill(), ['/PID', `${pid}`, '/T', ...(signal === 'SIGKILL' ? ['/F'] : [])])
    },
  }
}

/** By its whole path, or the current folder could have one of its own. */
function taskkill(): string {
  return `${process.env['SystemRoot'] ?? 'C:\\Windows'}\\System32\\taskkill.exe`
}

/** Node keeps a handle of each child, so that its number is nobody else's until its exit was told of. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function sightingOf(pid: number): Sighting {
  return { pid, parent: 0, group: 0, session: 0, state: '?', born: '', name: '' }
}
