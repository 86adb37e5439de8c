/** How many places there are at first. */
const FIRST = 16

/**
 * Items in a row: in at the back, out at the front. Its places are a power of two, so that going round is one `&`; there
 * are twice as many whenever they do not suffice, so that a large limit costs nothing until it is used.
 */
export class Ring<T> {
  #places: (T | undefined)[] = new Array(FIRST)
  #first = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds one at the back. */
  push(item: T): void {
    if (this.#size === this.#places.length) this.#grow()
    this.#places[(this.#first + this.#size) & (this.#places.length - 1)] = item
    this.#size += 1
  }

  /** Takes the first out. There must be one. */
  shift(): T {
    const places = this.#places
    const first = this.#first
    const item = places[first]
    places[first] = undefined
    this.#first = (first + 1) & (places.length - 1)
    this.#size -= 1
    return item as T
  }

  /** Takes the first out, and adds one at the back. There must be one to take. */
  exchange(item: T): T {
    const places = this.#places
    const first = this.#first
    const oldest = places[first]
    // In a full round both are the same place.
    places[first] = undefined
    places[(first + this.#size) & (places.length - 1)] = item
    this.#first = (first + 1) & (places.length - 1)
    return oldest as T
  }

  /** The one in that place, counted from the front. There must be one. */
  at(place: number): T {
    return this.#places[(this.#first + place) & (this.#places.length - 1)] as T
  }

  /** Takes all out. */
  clear(): T[] {
    const items = Array.from({ length: this.#size }, (_, place) => this.at(place))
    this.#places = new Array(FIRST)
    this.#first = this.#size = 0
    return items
  }

  #grow(): void {
    const places: (T | undefined)[] = new Array(2 * this.#size)
    for (let place = 0; place < this.#size; place += 1) places[place] = this.at(place)
    this.#places = places
    this.#first = 0
  }
}
