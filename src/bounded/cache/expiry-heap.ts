import { NONE } from './ring.ts'

/**
 * Slots by the moment at which they expire, the first on top: for those whose ttl is their own, so that their order is not
 * that in which they came. Each change costs a few steps, twenty for a million slots.
 */
export class ExpiryHeap {
  readonly #slots: number[] = []
  /** Where in the heap a slot is. */
  readonly #places = new Map<number, number>()
  readonly #momentOf: (slot: number) => number

  constructor(momentOf: (slot: number) => number) {
    this.#momentOf = momentOf
  }

  /** The slot that expires first, or `NONE`. */
  get first(): number {
    return this.#slots[0] ?? NONE
  }

  clear(): void {
    this.#slots.length = 0
    this.#places.clear()
  }

  /** Puts a slot in. It must not be there yet. */
  add(slot: number): void {
    this.#slots.push(slot)
    this.#raise(slot, this.#slots.length - 1)
  }

  /** Takes a slot out, if it is there. */
  remove(slot: number): void {
    const place = this.#places.get(slot)
    if (place === undefined) return
    this.#places.delete(slot)
    const last = this.#slots.pop() as number
    if (last === slot) return
    this.#lower(last, place)
    this.#raise(last, this.#places.get(last) as number)
  }

  #raise(slot: number, from: number): void {
    const moment = this.#momentOf(slot)
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const other = this.#slots[above] as number
      if (this.#momentOf(other) <= moment) break
      this.#put(other, place)
      place = above
    }
    this.#put(slot, place)
  }

  #lower(slot: number, from: number): void {
    const moment = this.#momentOf(slot)
    let place = from
    for (;;) {
      const left = 2 * place + 1
      if (left >= this.#slots.length) break
      const below = this.#earlier(left, left + 1)
      const other = this.#slots[below] as number
      if (this.#momentOf(other) >= moment) break
      this.#put(other, place)
      place = below
    }
    this.#put(slot, place)
  }

  #earlier(left: number, right: number): number {
    if (right >= this.#slots.length) return left
    return this.#momentOf(this.#slots[right] as number) < this.#momentOf(this.#slots[left] as number) ? right : left
  }

  #put(slot: number, place: number): void {
    this.#slots[place] = slot
    this.#places.set(slot, place)
  }
}
