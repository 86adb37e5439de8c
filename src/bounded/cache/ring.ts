/** No slot: slots are numbered from 1. */
export const NONE = 0
/** The number of the first slot. */
export const FIRST_SLOT = 1

/**
 * Slots in an order that begins anew where it ends: a doubly linked list, whose links are numbers in one array, without a
 * beginning of its own. So the first becomes the last by going one further, and any other by six writes. Objects that point
 * at each other would weigh four times as much, and the collector would have to walk them.
 */
export class Ring {
  /** The slot that is first, or `NONE`. */
  first = NONE
  /** For each slot the one before it, and the one after it; `NONE` for one that isn't here. */
  #links = new Int32Array(2 * FIRST_SLOT)

  /** Makes room for slots up to `end`. */
  grow(end: number): void {
    const links = new Int32Array(2 * end)
    links.set(this.#links)
    this.#links = links
  }

  clear(): void {
    this.first = NONE
    this.#links = new Int32Array(2 * FIRST_SLOT)
  }

  /** Whether a slot is here. */
  has(slot: number): boolean {
    return this.#links[2 * slot + 1] !== NONE
  }

  /** The slot after one that is here. After the last comes the first. */
  after(slot: number): number {
    return this.#links[2 * slot + 1] as number
  }

  /** The first is the last from now on. There must be one. */
  turn(): void {
    this.first = this.#links[2 * this.first + 1] as number
  }

  /** A slot that is here is the last from now on. */
  renew(slot: number): void {
    const links = this.#links
    const { first } = this
    const next = links[2 * slot + 1] as number
    if (slot === first) this.first = next
    else if (next !== first) {
      const previous = links[2 * slot] as number
      links[2 * previous + 1] = next
      links[2 * next] = previous
      this.#put(slot, first, links)
    }
  }

  /** A slot is the last from now on, whether it was here or not. */
  add(slot: number): void {
    const links = this.#links
    const { first } = this
    if (links[2 * slot + 1] !== NONE) this.renew(slot)
    else if (first !== NONE) this.#put(slot, first, links)
    else {
      links[2 * slot] = slot
      links[2 * slot + 1] = slot
      this.first = slot
    }
  }

  #put(slot: number, first: number, links: Int32Array): void {
    const last = links[2 * first] as number
    links[2 * last + 1] = slot
    links[2 * slot] = last
    links[2 * slot + 1] = first
    links[2 * first] = slot
  }

  /** Takes a slot out, if it is here. */
  remove(slot: number): void {
    const links = this.#links
    const next = links[2 * slot + 1] as number
    if (next === NONE) return
    const previous = links[2 * slot] as number
    links[2 * previous + 1] = next
    links[2 * next] = previous
    links[2 * slot + 1] = NONE
    if (this.first === slot) this.first = next === slot ? NONE : next
  }
}
