import { builtin } from '../../lifecycle/builtin.ts'
import { isLiving, type ProcessTable, type Sighting } from './process-table.ts'

/** Longer than any line of `/proc/PID/stat`: the name is at most 64 characters, and the rest are some 50 numbers. */
const LONGEST_STAT = 2_048
/** How often the list of processes is read again, for those that were born meanwhile. */
const LISTS = 6
/** Where the fields stand that follow the name. The start time is in clock ticks since the system was started. */
const STATE = 0
const PARENT = 1
const GROUP = 2
const SESSION = 3
const BORN = 19

/** The environments of those in one snapshot, read once however many trees look for their marker in it. */
const environments = new WeakMap<readonly Sighting[], ReadonlyMap<number, string>>()

/** Whether processes can be seen in `/proc`, as on Linux. */
export function hasProc(): boolean {
  return readStats(['self']).length === 1
}

/** The processes as `/proc` has them. Seeing all takes some 15 µs each. */
export const procTable: ProcessTable = Object.freeze({
  all: readAll,
  some: (pids: readonly number[]) => readStats(pids),
  marked(marker: string, among: readonly Sighting[]) {
    const found: number[] = []
    for (const [pid, environment] of environmentsOf(among)) {
      if (environment.includes(`\0${marker}\0`)) found.push(pid)
    }
    return found
  },
  signal(pid: number, signal: NodeJS.Signals | 0) {
    process.kill(pid, signal)
  },
})

/**
 * Everybody, and whoever was born while they were read: one that goes on by starting another in its place would else be
 * missed, gone when its turn comes, and the other not on the list.
 */
function readAll(): Sighting[] {
  const { readdirSync } = builtin('node:fs')
  const listed = new Set<string>()
  const seen: Sighting[] = []
  for (let list = 0; list < LISTS; list++) {
    const names = readdirSync('/proc').filter((name) => isNumber(name) && !listed.has(name))
    if (names.length === 0) break
    for (const name of names) listed.add(name)
    seen.push(...readStats(names))
  }
  return seen
}

function isNumber(name: string): boolean {
  const first = name.charCodeAt(0)
  return first >= 48 && first <= 57
}

/** Those of some processes that exist. One buffer for all, and no promise: a read of `/proc` never waits for a disk. */
export function readStats(names: readonly (string | number)[]): Sighting[] {
  const { openSync, readSync, closeSync } = builtin('node:fs')
  const buffer = Buffer.allocUnsafe(LONGEST_STAT)
  const seen: Sighting[] = []
  for (const name of names) {
    let fd: number | undefined
    try {
      fd = openSync(`/proc/${name}/stat`, 'r')
      seen.push(parseStat(buffer.toString('latin1', 0, readSync(fd, buffer, 0, LONGEST_STAT, null))))
    } catch {
      // It ended before we came by, which is what many do here.
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  }
  return seen
}

/** Reads a line of `/proc/PID/stat`. */
export function parseStat(line: string): Sighting {
  // The name stands in parentheses, and may hold blanks and parentheses of its own.
  const open = line.indexOf('(')
  const close = line.lastIndexOf(')')
  const fields = line.slice(close + 2).split(' ', BORN + 1)
  return {
    pid: Number.parseInt(line, 10),
    parent: Number(fields[PARENT]),
    group: Number(fields[GROUP]),
    session: Number(fields[SESSION]),
    state: fields[STATE] ?? '',
    born: fields[BORN] ?? '',
    name: line.slice(open + 1, close),
  }
}

function environmentsOf(among: readonly Sighting[]): ReadonlyMap<number, string> {
  const known = environments.get(among)
  if (known !== undefined) return known
  const { readFileSync } = builtin('node:fs')
  const read = new Map<number, string>()
  for (const each of among) {
    if (!isLiving(each)) continue
    try {
      // With a border on both sides, an entry is found whole or not at all.
      read.set(each.pid, `\0${readFileSync(`/proc/${each.pid}/environ`, 'latin1')}\0`)
    } catch {
      // It has ended, or is another user's, whom nobody lets us signal either.
    }
  }
  environments.set(among, read)
  return read
}
