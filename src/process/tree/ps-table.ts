import { builtin } from '../../lifecycle/builtin.ts'
import type { ProcessTable, Sighting } from './process-table.ts'

/** An empty heading each, in an option of its own: on macOS a heading ends only where its option ends. */
const COLUMNS = ['pid=', 'ppid=', 'pgid=', 'stat=', 'lstart=', 'comm='].flatMap((column) => ['-o', column])
/** Room for the lines of some 100 000 processes. */
const LONGEST = 16 * 1_024 * 1_024
/** How long `ps` may take, in ms; it takes some 15. */
const TIMEOUT = 10_000

/** The processes as `ps` has them, for macOS, the BSDs and whoever has no `/proc`: one run of it for each look. */
export const psTable: ProcessTable = Object.freeze({
  slow: true,
  all: () => runPs(),
  some: async (pids: readonly number[]) => (await runPs()).filter(({ pid }) => pids.includes(pid)),
  marked: () => [],
  signal(pid: number, signal: NodeJS.Signals | 0) {
    process.kill(pid, signal)
  },
})

function runPs(): Promise<readonly Sighting[]> {
  const { execFile } = builtin('node:child_process')
  // Names of days and months are a language's own, and so is the width of their column.
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' }
  return new Promise((resolve, reject) => {
    const ps = execFile('ps', ['-A', ...COLUMNS], { env, maxBuffer: LONGEST, timeout: TIMEOUT }, (error, text) => {
      if (error === null) resolve(parsePs(text).filter(({ pid }) => pid !== ps.pid))
      else
        reject(new Error('Processes cannot be seen: there is no /proc, and ps does not tell either.', { cause: error }))
    })
  })
}

/** Reads what `ps` prints with those columns. A line that is none of a process is passed over. */
export function parsePs(text: string): readonly Sighting[] {
  const rows: Sighting[] = []
  for (const line of text.split('\n')) {
    const row = parseLine(line)
    if (row !== undefined) rows.push(row)
  }
  return rows
}

/** Three numbers, the state with its flags, the start as five words such as `Sun Nov 22 10:00:41 2026`, and the program. */
const LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S)\S*\s+((?:\S+\s+){4}\S+)\s*(.*?)\s*$/

function parseLine(line: string): Sighting | undefined {
  const [, pid, parent, group, state, born, command] = LINE.exec(line) ?? []
  if (pid === undefined || state === undefined || born === undefined || command === undefined) return undefined
  return {
    pid: Number(pid),
    parent: Number(parent),
    group: Number(group),
    // It has no column for it that all systems have.
    session: 0,
    state,
    born: born.replace(/\s+/g, ' '),
    // macOS gives the path of the program.
    name: command.slice(command.lastIndexOf('/') + 1),
  }
}
