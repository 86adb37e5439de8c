/** The ring of the slots that are in use, in the order in which they are to go. */
export const USED = 0
/** The ring of the slots whose entry has ended, oldest end first. */
export const ENDED = 1
/** The ring of the slots that hold nothing. */
export const FREE = 2
/** Slots are numbered from here on: the numbers before are those of the rings. */
export const FIRST_SLOT = 3

/**
 * A few rings of slots, in each of which a slot can be moved to the end in no time: doubly linked lists whose links are
 * numbers in one array. A slot is in one ring at most. Objects that point at each other would weigh four times as much,
 * and the collector would have to walk them.
 */
export class Rings {
  /** For each slot or ring the one before it, and the one after it. A ring ends where it begins: with its own number. */
  #links = new Int32Array(0)

  constructor() {
    this.grow(FIRST_SLOT)
  }

  /** Empties all rings. There are no slots any more. */
  clear(): void {
    this.#links = new Int32Array(0)
    this.grow(FIRST_SLOT)
  }

  /** Makes room for slots up to `end`, which are in no ring yet. */
  grow(end: number): void {
    const from = this.#links.length / 2
    const links = new Int32Array(2 * end)
    links.set(this.#links)
    for (let at = from; at < end; at += 1) {
      links[2 * at] = at
      links[2 * at + 1] = at
    }
    this.#links = links
  }

  /** The slot after that one, or the ring itself where there is none. */
  after(at: number): number {
    return this.#links[2 * at + 1] as number
  }

  /** Moves a slot to the end of a ring, from wherever it is. */
  move(slot: number, ring: number): void {
    const links = this.#links
    const next = links[2 * slot + 1] as number
    if (next === ring) return
    const previous = links[2 * slot] as number
    links[2 * previous + 1] = next
    links[2 * next] = previous
    const last = links[2 * ring] as number
    links[2 * last + 1] = slot
    links[2 * slot] = last
    links[2 * slot + 1] = ring
    links[2 * ring] = slot
  }

  /** Takes a slot out of its ring, if it is in one. */
  remove(slot: number): void {
    const links = this.#links
    const previous = links[2 * slot] as number
    const next = links[2 * slot + 1] as number
    links[2 * previous + 1] = next
    links[2 * next] = previous
    links[2 * slot] = slot
    links[2 * slot + 1] = slot
  }
}
