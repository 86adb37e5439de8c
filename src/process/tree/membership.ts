import { type Census, isFounder, kinOf } from './kinship.ts'
import { isLiving, type Sighting } from './process-table.ts'

/** What is known of one process of a tree, and what was done to it. */
export interface Member {
  readonly pid: number
  seen: Sighting
  /** There is no process by that number and that birth any more. */
  gone: boolean
  /** It got the gentle signal. */
  asked: boolean
  /** It was stopped, so as to be killed. */
  halted: boolean
  /** It got SIGKILL. */
  forced: boolean
  /** What the system answered when it did not let us signal it. */
  refusal: unknown
}

/** Whose number is also that of a group or a session. */
interface Founder {
  readonly pid: number
  /** The session of the group, and the founder's birth, where they were seen. */
  readonly session: number | undefined
  readonly born: string | undefined
}

/** Who belongs to a tree: known by number and birth, and remembered when he has moved or lost his parent. */
export class Membership {
  /** The process that the tree is of; `undefined` if it was never seen. */
  root: Member | undefined = undefined
  /** The pids of all that were seen to live since the first look at everybody. */
  readonly found = new Set<number>()
  readonly #members = new Map<number, Member>()
  readonly #founders = new Map<number, Founder>()
  readonly #self: Sighting
  readonly #isOurs: () => boolean

  /**
   * @param self this process.
   * @param isOurs whether the root is a child whose exit Node has not told of: until then nobody else has its number.
   */
  constructor(self: Sighting, isOurs: () => boolean) {
    this.#self = self
    this.#isOurs = isOurs
  }

  /** All that are known, the dead too. */
  get all(): readonly Member[] {
    return [...this.#members.values()]
  }

  /** Those that lived when they were last seen. */
  get living(): readonly Member[] {
    return this.all.filter(isAlive)
  }

  /** Whether members may be in a group or a session that only a look at everybody finds. */
  get hasFounders(): boolean {
    return this.#founders.size > 0
  }

  /** Whether its number is that of a group or a session of the tree, and not one that this process is in. */
  isFounder(pid: number): boolean {
    return this.#founders.has(pid)
  }

  /** Makes a process known. */
  add(seen: Sighting): Member {
    const known = this.#members.get(seen.pid)
    const { pid, born } = seen
    const member =
      known?.seen.born === born
        ? known
        : { pid, seen, gone: false, asked: false, halted: false, forced: false, refusal: undefined }
    member.seen = seen
    this.#members.set(pid, member)
    if (isFounder(seen)) this.#addFounder({ pid, session: seen.session, born })
    return member
  }

  /** A group of that number belongs to the tree although its founder was never seen, as long as nobody is. */
  addLostFounder(pid: number): void {
    this.#addFounder({ pid, session: undefined, born: undefined })
  }

  #addFounder(founder: Founder): void {
    const { pid } = founder
    if (pid > 1 && pid !== this.#self.group && pid !== this.#self.session) this.#founders.set(pid, founder)
  }

  /** Takes in what was seen of some members. Those not among it are gone. */
  update(members: readonly Member[], rows: ReadonlyMap<number, Sighting>): void {
    for (const member of members) {
      const row = rows.get(member.pid)
      // Where processes hide from other users, a child that runs as one cannot be seen, but is there.
      const isCertain = member === this.root && this.#isOurs()
      if (row !== undefined && (isCertain || row.born === member.seen.born)) member.seen = row
      else member.gone = !isCertain
    }
  }

  /**
   * Takes in what was seen of everybody; `marked` are those that carry the tree's marker, and `isGroup` tells of a number
   * whether a group answers by it: who was forked behind the look is in none that was seen.
   */
  survey(census: Census, marked: readonly number[], isGroup: (pid: number) => boolean): void {
    this.update(this.all, census.byPid)
    this.#dropFounders(census, isGroup)
    const bearers = marked.map((pid) => census.byPid.get(pid)).filter((row) => row !== undefined)
    const present = this.all.filter(({ gone }) => !gone).map(({ seen }) => seen)
    const kin = kinOf(census, {
      members: [...present, ...bearers],
      founders: this.#founders.values(),
      self: this.#self,
    })
    for (const row of kin) {
      this.add(row)
      if (isLiving(row)) this.found.add(row.pid)
    }
  }

  /** A number is free for others as soon as nobody is left in the group or the session, and lost once somebody has it. */
  #dropFounders({ byPid, byGroup, bySession }: Census, isGroup: (pid: number) => boolean): void {
    for (const { pid, born } of this.#founders.values()) {
      const row = byPid.get(pid)
      const isTaken = row !== undefined && row.born !== born
      const isEmpty = row === undefined && !byGroup.has(pid) && !bySession.has(pid) && !isGroup(pid)
      if (isTaken || isEmpty) this.#founders.delete(pid)
    }
  }

  /** Whether somebody in the tree can be expected to see to it that this one ends. */
  hasParent({ seen }: Member): boolean {
    const parent = this.#members.get(seen.parent)
    return parent !== undefined && isAlive(parent)
  }
}

/** Whether a member lived when it was last seen. */
export function isAlive({ gone, seen }: Member): boolean {
  return !gone && isLiving(seen)
}
