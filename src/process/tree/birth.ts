import type { ChildProcess } from 'node:child_process'
import { blindTable } from './blind-table.ts'
import { hasExited } from './has-exited.ts'
import { Membership } from './membership.ts'
import { type ProcessTable, type Sighting, type Soon, whenKnown } from './process-table.ts'
import { Signals } from './signals.ts'

/** Whose tree it is, and what else it can be known by. */
export interface Root {
  readonly pid: number
  readonly child?: ChildProcess | undefined
  /** An entry in the environment of its members, `NAME=value`. */
  readonly marker?: string | undefined
  /** Whether its group may be signalled as one. Default: yes. */
  readonly grouped?: boolean
}

/** A tree whose root has been looked at. */
export interface Seen {
  readonly table: ProcessTable
  readonly known: Membership
  readonly signals: Signals
  /** Why processes cannot be seen, where they cannot: then only the root and its group are known. */
  readonly blindness?: unknown
}

/** Looks at the root of a tree for the first time: who it is, and whether it leads a group. */
export function seeBirth(table: ProcessTable, root: Root): Soon<Seen> {
  const pids = [process.pid, root.pid]
  const seen = whenKnown(table.some(pids), (rows) => register(table, root, rows))
  if (!(seen instanceof Promise)) return seen
  return seen.catch((blindness: unknown) => {
    // Only of a child it is certain that the group by its number is not one that we are in.
    const blind = blindTable(root.pid, root.child !== undefined)
    return { ...register(blind, root, blind.some(pids)), blindness }
  })
}

function register(table: ProcessTable, root: Root, rows: readonly Sighting[]): Seen {
  const { pid, child } = root
  const row = rows.find((each) => each.pid === pid)
  const isOurs = () => child !== undefined && !hasExited(child)
  const known = new Membership(rows.find((each) => each.pid === process.pid) ?? unseen(process.pid), isOurs)
  if (isOurs()) known.root = known.add(row ?? unseen(pid))
  // Its group may have outlived it. But if there is somebody by its number, that group is his.
  else if (row === undefined) known.addLostFounder(pid)
  else if (child === undefined) known.root = known.add(row)
  return { table, known, signals: new Signals(table, known, root) }
}

/** One that is there, but hides. */
function unseen(pid: number): Sighting {
  return { pid, parent: 0, group: 0, session: 0, state: '?', born: '', name: '' }
}
