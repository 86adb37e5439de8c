import type { Entries } from './entries.ts'
import type { Entry } from './entry.ts'
import { NewestFirst } from './newest.ts'

/**
 * Which resource closes next: the newest whose explicit dependants have all ended, the `last` ones after all others.
 *
 * It walks back through the list once. An entry that must wait is passed over; when the last of its dependants ends it
 * is newer than all that have not been reached yet, so it goes first. An edge is stronger than `last`: what a `last`
 * resource depends on waits for it.
 */
export class ClosingOrder {
  readonly #entries: Entries
  /** Passed over, and free by now. */
  readonly #freed = new NewestFirst()
  /** Those of them that are `last`. */
  readonly #last = new NewestFirst()
  #walkedTo = Number.POSITIVE_INFINITY
  /** How many that are not `last` were taken, and have not ended. */
  #running = 0

  constructor(entries: Entries) {
    this.#entries = entries
    entries.cursor = entries.last
  }

  /** The next to close, or `undefined` where none is free: then some that run must end first, or none is left. */
  take(): Entry | undefined {
    const entry = this.#freed.take() ?? this.#walk()
    if (entry === undefined) return this.#running > 0 ? undefined : this.#last.take()
    this.#running += 1
    return entry
  }

  /** Says that one that was taken has ended. */
  done({ detail }: Entry): void {
    if (detail?.last !== true) this.#running -= 1
  }

  /** Says that one has left the list, taken or not: what it depended on may be free now. */
  left(entry: Entry): void {
    const dependencies = entry.detail?.dependencies
    if (dependencies === undefined) return
    for (const on of dependencies) {
      if (on.serial >= this.#walkedTo && on.isFree) this.#free(on)
    }
  }

  /** Lets go of all entries, once nothing is left to close. */
  clear(): void {
    this.#freed.clear()
    this.#last.clear()
  }

  #free(entry: Entry): void {
    if (entry.detail?.last === true) this.#last.add(entry)
    else this.#freed.add(entry)
  }

  #walk(): Entry | undefined {
    const entries = this.#entries
    for (let entry = entries.cursor; entry !== undefined; entry = entries.cursor) {
      entries.cursor = entry.previous
      this.#walkedTo = entry.serial
      const { detail } = entry
      if (detail === undefined) return entry
      if (!entry.isFree) continue
      if (!detail.last) return entry
      this.#last.add(entry)
    }
    this.#walkedTo = 0
    return undefined
  }
}

/**
 * The members of the cycle that an entry would close which depends on `dependencies` and is required by `dependants`,
 * from the first dependency to the dependant; `undefined` where there is none.
 */
export function findCycle(dependencies: readonly Entry[], dependants: readonly Entry[]): Entry[] | undefined {
  if (dependants.length === 0) return undefined
  const goals = new Set(dependants)
  const cameFrom = new Map<Entry, Entry | undefined>(dependencies.map((entry) => [entry, undefined]))
  // A Map hands out what is added while it is walked, so this is a breadth-first search without a stack.
  for (const [entry] of cameFrom) {
    if (goals.has(entry)) return pathTo(entry, cameFrom)
    for (const on of entry.detail?.dependencies ?? []) if (!cameFrom.has(on)) cameFrom.set(on, entry)
  }
  return undefined
}

function pathTo(end: Entry, cameFrom: Map<Entry, Entry | undefined>): Entry[] {
  const path: Entry[] = []
  for (let entry: Entry | undefined = end; entry !== undefined; entry = cameFrom.get(entry)) path.unshift(entry)
  return path
}
