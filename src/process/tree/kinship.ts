import { byPid, type Sighting } from './process-table.ts'

/** A snapshot of all processes, to be asked who belongs to whom. */
export interface Census {
  readonly byPid: ReadonlyMap<number, Sighting>
  readonly byParent: ReadonlyMap<number, readonly Sighting[]>
  readonly byGroup: ReadonlyMap<number, readonly Sighting[]>
  readonly bySession: ReadonlyMap<number, readonly Sighting[]>
}

/** From whom kinship starts, and where it ends. */
export interface Ties {
  /** Who is a member, whatever the rest says. */
  readonly members: Iterable<Sighting>
  /** Groups and sessions whose founder was a member, though he may be dead: his number, and the session he was in. */
  readonly founders: Iterable<{ readonly pid: number; readonly session: number | undefined }>
  /** This process. It is nobody's kin, nor is its group, its session, or what it has started itself. */
  readonly self: Sighting
}

const counted = new WeakMap<readonly Sighting[], Census>()

/** The same rows by pid, parent, group and session; made once for each snapshot, however many trees ask. */
export function censusOf(rows: readonly Sighting[]): Census {
  const known = counted.get(rows)
  if (known !== undefined) return known
  const census = {
    byPid: byPid(rows),
    byParent: Map.groupBy(rows, (row) => row.parent),
    byGroup: Map.groupBy(rows, (row) => row.group),
    bySession: Map.groupBy(rows, (row) => row.session),
  }
  counted.set(rows, census)
  return census
}

/**
 * All members of a tree in one snapshot: those it starts from, their children and children's children, and whoever is in
 * a group or a session that one of them has founded.
 *
 * Pure: the same snapshot and ties give the same members.
 */
export function kinOf(census: Census, { members, founders, self }: Ties): ReadonlySet<Sighting> {
  const kin = new Set<Sighting>()
  const add = (row: Sighting) => {
    if (row.pid > 1 && row.pid !== self.pid) kin.add(row)
  }
  const addFounded = (pid: number, session?: number) => {
    if (pid <= 1) return
    if (pid !== self.group) {
      for (const row of census.byGroup.get(pid) ?? []) if (session === undefined || row.session === session) add(row)
    }
    if (pid !== self.session) for (const row of census.bySession.get(pid) ?? []) add(row)
  }
  for (const { pid, session } of founders) addFounded(pid, session)
  for (const row of members) add(row)
  // A set hands out what is added to it while it is walked.
  for (const row of kin) {
    for (const child of census.byParent.get(row.pid) ?? []) add(child)
    if (isFounder(row)) addFounded(row.pid)
  }
  return kin
}

/** Whether a process leads a group or a session. */
export function isFounder({ pid, group, session }: Sighting): boolean {
  return group === pid || session === pid
}
