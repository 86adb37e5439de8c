import type { ChildProcess } from 'node:child_process'
import { type Halted, haltedIn } from './halted.ts'
import { hasExited } from './has-exited.ts'
import { isAlive, type Member, type Membership } from './membership.ts'
import { byPid, type ProcessTable, type Soon, whenKnown } from './process-table.ts'

/** Whose members get the signals. */
interface Addressee {
  readonly pid: number
  readonly child?: ChildProcess | undefined
  /** Whether its group may be signalled as one. Default: yes. */
  readonly grouped?: boolean
}

/**
 * Sends signals to the members of a tree, after a last look at whether they are still who they were.
 *
 * What the system refuses is kept with the member; that one has ended meanwhile is no error.
 */
export class Signals {
  readonly #table: ProcessTable
  readonly #known: Membership
  readonly #root: Addressee
  readonly #halted: Halted
  /** Whether the root's group was signalled as one. */
  hadGroup = false
  #asked = false

  constructor(table: ProcessTable, known: Membership, root: Addressee) {
    this.#table = table
    this.#known = known
    this.#root = root
    this.#halted = haltedIn(table)
  }

  /** The group that the tree's root leads or has led; `undefined` if there is none that may be signalled as one. */
  get group(): number | undefined {
    const { grouped = true, pid } = this.#root
    return grouped && this.#known.isFounder(pid) ? pid : undefined
  }

  /**
   * Sends the gentle signal to all who are due, and wakes those who are stopped, for they could not act on it.
   *
   * Due are at first the root and those in its group. All others are whoever's who started them, to be ended in his
   * own order: they are due when he lives no more.
   */
  ask(signal: NodeJS.Signals): Soon<void> {
    const due = this.#known.living.filter((member) => !member.asked && this.#isDue(member))
    this.#asked = true
    return whenKnown(this.#send(due, signal), () => {
      for (const member of due) member.asked = true
      const stopped = this.#known.living.filter(({ asked, halted, seen }) => asked && !halted && seen.state === 'T')
      return this.#send(stopped, 'SIGCONT')
    })
  }

  #isDue(member: Member): boolean {
    const { root } = this.#known
    if (member === root || !this.#known.hasParent(member)) return true
    return !this.#asked && member.seen.group === (root?.seen.group ?? this.#root.pid)
  }

  /** Stops all who live and were not stopped yet, so that they cannot fork. Tells whether there were any. */
  halt(): Soon<boolean> {
    const running = this.#known.living.filter(({ halted }) => !halted)
    return whenKnown(this.#send(running, 'SIGSTOP'), () => {
      for (const member of running) {
        member.halted = true
        if (isAlive(member) && member.refusal === undefined) this.#halted.add(member)
      }
      return running.length > 0
    })
  }

  /** Kills all who live and were not killed yet. */
  kill(): Soon<void> {
    const rest = this.#known.living.filter(({ forced }) => !forced)
    return whenKnown(this.#send(rest, 'SIGKILL'), () => {
      for (const member of rest) {
        member.forced = member.refusal === undefined && isAlive(member)
        this.#halted.delete(member)
      }
    })
  }

  /** Kills all who were stopped, where it turns out that nobody can be looked for. */
  killHalted(): void {
    this.#halted.kill()
  }

  #send(members: readonly Member[], signal: NodeJS.Signals): Soon<void> {
    if (members.length === 0) return
    return whenKnown(this.#table.some(members.map(({ pid }) => pid)), (rows) => {
      this.#known.update(members, byPid(rows))
      const present = members.filter(isAlive)
      const together = this.#together(present)
      const reached = together.length > 0 && this.#signalGroup(signal) ? together : []
      for (const member of present) if (!reached.includes(member)) this.#signal(member, signal)
    })
  }

  /** Those in the root's group, if they are all of it that live: then one signal reaches who was born since, too. */
  #together(members: readonly Member[]): readonly Member[] {
    const { group } = this
    if (group === undefined) return []
    const isIn = ({ seen }: Member) => seen.group === group
    const together = members.filter(isIn)
    return together.length === this.#known.living.filter(isIn).length ? together : []
  }

  /** Tells whether anybody in it was reached. If not, each is told apart who refuses: macOS lets zombies refuse for all. */
  #signalGroup(signal: NodeJS.Signals): boolean {
    try {
      this.#table.signal(-this.#root.pid, signal)
      this.hadGroup = true
      return true
    } catch (error) {
      if (isCode(error, 'EPERM') || isCode(error, 'ESRCH')) return false
      throw error
    }
  }

  #signal(member: Member, signal: NodeJS.Signals): void {
    const { child, pid } = this.#root
    const isChild = child !== undefined && member.pid === pid && !hasExited(child)
    try {
      if (isChild && this.#table.wholeTrees !== true) this.#signalChild(child, signal)
      else this.#table.signal(member.pid, signal)
      // It may have been another user's program that has become ours since.
      member.refusal = undefined
    } catch (error) {
      if (isCode(error, 'EPERM')) member.refusal = error
      else if (!isCode(error, 'ESRCH')) throw error
    }
  }

  /** Node tells of a refusal by an `error` event, which ends this process where nobody listens. So it is asked for before. */
  #signalChild(child: ChildProcess, signal: NodeJS.Signals): void {
    this.#table.signal(this.#root.pid, 0)
    child.kill(signal)
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === code
}
