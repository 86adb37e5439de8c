import type { Member } from './membership.ts'
import type { ProcessTable } from './process-table.ts'

/**
 * Members that were stopped, so as to be killed in the next turn. Should this process exit before, it kills them on its
 * way out: they would stand still for ever.
 */
export class Halted {
  readonly #table: ProcessTable
  readonly #members = new Set<Member>()
  readonly #onExit = () => this.kill()

  constructor(table: ProcessTable) {
    this.#table = table
  }

  add(member: Member): void {
    if (this.#members.size === 0) process.on('exit', this.#onExit)
    this.#members.add(member)
  }

  delete(member: Member): void {
    if (this.#members.delete(member) && this.#members.size === 0) process.off('exit', this.#onExit)
  }

  /** Kills all of them, without another look: one that is stopped cannot end by itself, so its number is still its own. */
  kill(): void {
    for (const member of this.#members) {
      try {
        this.#table.signal(member.pid, 'SIGKILL')
      } catch {
        // Somebody else was faster.
      }
      this.delete(member)
    }
  }
}

const halted = new WeakMap<ProcessTable, Halted>()

/** Those of a table who are stopped: one listener for all trees. */
export function haltedIn(table: ProcessTable): Halted {
  const known = halted.get(table)
  if (known !== undefined) return known
  const made = new Halted(table)
  halted.set(table, made)
  return made
}
