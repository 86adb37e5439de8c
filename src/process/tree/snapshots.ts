import { type Clock, soon } from '../../lifecycle/clock.ts'
import type { ProcessTable, Sighting, Soon } from './process-table.ts'
import { whenKnown } from './process-table.ts'

/** How old a snapshot may be, in ms, to be somebody else's first look: others do not fork much faster. */
const FRESH = 20
/** The least time between two snapshots for one tree, in ms, and how many times longer than one takes it is. */
const PACE = 50
const SHARE = 10

type Rows = readonly Sighting[]

/**
 * Looks at all processes, shared by whoever wants one at the same time: to end a hundred children costs as many looks
 * as to end one.
 */
export class Snapshots {
  readonly #table: ProcessTable
  #recent: { rows: Soon<Rows>; clock: Clock; at: number } | undefined
  #coming: Promise<Rows> | undefined
  #cost = 0

  constructor(table: ProcessTable) {
    this.#table = table
  }

  /** How long to wait between two looks, in ms: so long that looking never takes more than a tenth of the time. */
  get pace(): number {
    return Math.max(PACE, SHARE * Math.ceil(this.#cost))
  }

  /** A look of this turn of the event loop; taken now, if there is none yet. */
  recent(clock: Clock): Soon<Rows> {
    const recent = this.#recent
    if (recent !== undefined && recent.clock === clock && clock.now() - recent.at <= FRESH) return recent.rows
    return this.now(clock)
  }

  /** A look that begins after this call: all who ask for one in this turn get the same. */
  fresh(clock: Clock): Promise<Rows> {
    this.#coming ??= new Promise<void>(soon).then(() => {
      this.#coming = undefined
      return this.now(clock)
    })
    return this.#coming
  }

  /** A look of its own, taken now. */
  now(clock: Clock): Soon<Rows> {
    const at = clock.now()
    const rows = whenKnown(this.#table.all(), (seen) => {
      this.#cost = clock.now() - at
      return seen
    })
    const taken = { rows, clock, at }
    this.#recent = taken
    soon(() => {
      if (this.#recent === taken) this.#recent = undefined
    })
    return rows
  }
}

const shared = new WeakMap<ProcessTable, Snapshots>()

/** The snapshots of a table: one for all who look at it. */
export function snapshotsOf(table: ProcessTable): Snapshots {
  const known = shared.get(table)
  if (known !== undefined) return known
  const made = new Snapshots(table)
  shared.set(table, made)
  return made
}
