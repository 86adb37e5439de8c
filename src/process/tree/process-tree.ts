import type { ChildProcess } from 'node:child_process'
import type { Clock } from '../../lifecycle/clock.ts'
import { type Root, type Seen, seeBirth } from './birth.ts'
import { hasExited } from './has-exited.ts'
import { censusOf } from './kinship.ts'
import { isAlive, type Membership } from './membership.ts'
import { answerOf, byPid, type ProcessTable, type Sighting, type Soon, whenKnown } from './process-table.ts'
import { snapshotsOf } from './snapshots.ts'
import type { Survivor } from './survivor.ts'
import { systemTable } from './system-table.ts'

/** How often all are stopped and looked for again, before those that were found are killed anyway. */
const ROUNDS = 10

/**
 * A process and all that it has started: who they are, and what ends them.
 *
 * A process is known by its number and its birth, and both are looked at again right before it is signalled: whoever got
 * the number of a dead one is never hit. A group is signalled as one only while a known member lives in it, since the
 * system gives its number to nobody else until then.
 */
export class ProcessTree {
  readonly pid: number
  readonly child: ChildProcess | undefined
  /** An entry in the environment of its members, `NAME=value`. */
  marker: string | undefined
  /** Whether its group may be signalled as one. */
  grouped: boolean
  /** The gentle signal. */
  signal: NodeJS.Signals = 'SIGTERM'
  readonly #table: ProcessTable
  #birth: Soon<Seen> | undefined
  #seen: Seen | undefined
  #over = false

  constructor(table: ProcessTable, { pid, child, marker, grouped = true }: Root) {
    this.pid = pid
    this.child = child
    this.marker = marker
    this.grouped = grouped
    this.#table = table
    // A look that takes long is not taken before it is needed: Node keeps the number of a child until it tells of its exit.
    if (table.slow !== true) this.#ready()
  }

  #ready(): Soon<Seen> {
    this.#birth ??= whenKnown(seeBirth(this.#table, this), (seen) => {
      this.#seen = seen
      return seen
    })
    return this.#birth
  }

  /** Whether it is a child whose exit Node has not told of: nobody else can have its number yet. */
  get #isOurs(): boolean {
    return this.child !== undefined && !hasExited(this.child)
  }

  /** Why processes cannot be seen, where they cannot: then only the root and its group are known. */
  get blindness(): unknown {
    return this.#seen?.blindness
  }

  /** The group that it leads or has led, whose number is its own; `undefined` if there is none that we may signal. */
  get group(): number | undefined {
    return this.#seen?.signals.group
  }

  /** How its members are signalled: whether there is one signal for many of them. */
  get method(): 'group' | 'walk' | 'taskkill' {
    if (this.#table.wholeTrees === true) return 'taskkill'
    return this.#seen?.signals.hadGroup === true ? 'group' : 'walk'
  }

  /** The pids of all members that were seen to live since the first look. */
  get found(): readonly number[] {
    return [...(this.#seen?.known.found ?? [])].sort((a, b) => a - b)
  }

  /** The pids of those that got SIGKILL from us. */
  get forced(): readonly number[] {
    return (this.#seen?.known.all ?? []).filter(({ forced }) => forced).map(({ pid }) => pid)
  }

  /** Dead members whose parent is this process now. It did not spawn them, so Node does not wait for them. */
  get zombies(): readonly number[] {
    const dead = (this.#seen?.known.all ?? []).filter((member) => !member.gone && !isAlive(member))
    const ours = dead.filter(({ pid, seen }) => seen.parent === process.pid && (pid !== this.pid || !this.child))
    return ours.map(({ pid }) => pid)
  }

  /** Who lived at the last look. */
  get survivors(): readonly Survivor[] {
    if (this.#seen === undefined) return []
    const { known } = this.#seen
    return known.living.map(({ pid, seen: { name, state }, refusal }) => {
      return { pid, name, state, denied: refusal !== undefined || answerOf(this.#table, pid) === 'refused' }
    })
  }

  /** What the system answered, if it lets us signal none of those who live; else `undefined`. */
  get refusal(): unknown {
    const living = this.#seen?.known.living ?? []
    return living.every(({ refusal }) => refusal !== undefined) ? living[0]?.refusal : undefined
  }

  /** Whether members may live that only a look at everybody finds. */
  get mayHide(): boolean {
    return this.marker !== undefined || this.#seen?.known.hasFounders === true
  }

  /** Whether anybody is in its group, zombies included. */
  get groupExists(): boolean {
    return this.group !== undefined && answerOf(this.#table, -this.group) !== 'none'
  }

  /** How long to wait between two looks at everybody, in ms. */
  get pace(): number {
    return snapshotsOf(this.#seen?.table ?? this.#table).pace
  }

  /** Whether nobody lives any more, as far as can be told at once. Looks at everybody only while its group may live. */
  isGone(): boolean {
    if (!this.#over && !this.#isOurs) this.#over = this.#table.slow === true ? !this.#answers() : !this.#isSeen()
    return this.#over
  }

  /** Whether a member lives, where that can be seen at once. */
  #isSeen(): boolean {
    const known = this.#seen?.known
    if (known === undefined) return false
    const { living } = known
    known.update(living, byPid(this.#table.some(living.map(({ pid }) => pid)) as readonly Sighting[]))
    if (known.living.length > 0) return true
    return this.groupExists && this.#survey(known, this.#table.all() as readonly Sighting[])
  }

  /** Whether somebody answers by the number of a member, where more takes longer. A group of zombies refuses on macOS. */
  #answers(): boolean {
    const others = (this.#seen?.known.living ?? []).filter(({ pid }) => pid !== this.pid || this.child === undefined)
    if (others.some(({ pid }) => answerOf(this.#table, pid) !== 'none')) return true
    return this.pid > 1 && answerOf(this.#table, -this.pid) === 'yes'
  }

  /** Nobody lives any more, and whoever gets its number is somebody else. */
  end(): void {
    this.#over = true
  }

  /** Looks at those who are known. Tells whether one lives. */
  glance(): Soon<boolean> {
    return whenKnown(this.#ready(), ({ table, known }) => {
      const members = known.all.filter(({ gone }) => !gone)
      return whenKnown(table.some(members.map(({ pid }) => pid)), (rows) => {
        known.update(members, byPid(rows))
        return known.living.length > 0
      })
    })
  }

  /** Looks at everybody: as of this turn, or afresh as of the next. Tells whether a member lives. */
  look(clock: Clock, afresh = false): Soon<boolean> {
    if (this.#over) return false
    return whenKnown(this.#ready(), ({ table, known }) => {
      const snapshots = snapshotsOf(table)
      if (afresh) return whenKnown(snapshots.fresh(clock), (rows) => this.#survey(known, rows))
      return whenKnown(snapshots.recent(clock), (recent) => {
        // It was started after somebody else's look.
        const isMissed = known.root !== undefined && !censusOf(recent).byPid.has(this.pid)
        return whenKnown(isMissed ? snapshots.now(clock) : recent, (rows) => this.#survey(known, rows))
      })
    })
  }

  #survey(known: Membership, rows: readonly Sighting[]): boolean {
    const marked = this.marker === undefined ? [] : this.#table.marked(this.marker, rows)
    known.survey(censusOf(rows), marked, (pid) => answerOf(this.#table, -pid) !== 'none')
    return known.living.length > 0
  }

  /** Sends the gentle signal to all who are due by now, and wakes those of them who are stopped. */
  ask(signal = this.signal): Soon<void> {
    return whenKnown(this.#ready(), ({ signals }) => signals.ask(signal))
  }

  /** Stops all, looks for what they have forked meanwhile until there is nothing new, and kills all. */
  async force(clock: Clock): Promise<void> {
    const ready = this.#ready()
    const { signals } = ready instanceof Promise ? await ready : ready
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const halted = signals.halt()
        // The first are stopped before this call returns, if it can be.
        if (!(halted instanceof Promise ? await halted : halted) && round > 0) break
        await this.look(clock, true)
      }
      await signals.kill()
    } catch (error) {
      signals.killHalted()
      throw error
    }
  }

  /** Kills those who have been found since. */
  kill(): Soon<void> {
    return whenKnown(this.#ready(), ({ signals }) => signals.kill())
  }
}

const trees = new WeakMap<ChildProcess, ProcessTree>()

/** The tree of a child, made on first ask: the earlier, the more is known of it when the child has gone. */
export function treeOf(child: ChildProcess, { marker }: { readonly marker?: string | undefined } = {}): ProcessTree {
  let tree = trees.get(child)
  if (tree === undefined) {
    tree = new ProcessTree(systemTable(child.pid ?? 0), { pid: child.pid ?? 0, child })
    trees.set(child, tree)
  }
  if (marker !== undefined) tree.marker = marker
  return tree
}
