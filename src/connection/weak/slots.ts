/** One place of a map of weak values: the key, and the value as long as something else holds it. */
export class Slot<K, V extends object> {
  readonly key: K
  readonly ref: WeakRef<V>
  /** Its number in the order in which all were set. */
  serial = 0
  older: Slot<K, V> | undefined = undefined
  newer: Slot<K, V> | undefined = undefined

  constructor(key: K, value: V) {
    this.key = key
    this.ref = new WeakRef(value)
  }
}

/**
 * Slots in the order in which they were set, as a linked list. An iterator of a `Map` that is kept would do the same,
 * but hold on to each table that the map has outgrown; a fresh one walks over every hole.
 */
export class Slots<K, V extends object> {
  oldest: Slot<K, V> | undefined = undefined
  /** The number of the newest. */
  serial = 0
  #newest: Slot<K, V> | undefined = undefined
  /** The one that the sweep looks at next. */
  #hand: Slot<K, V> | undefined = undefined

  /** Adds one as the newest. */
  add(slot: Slot<K, V>): void {
    slot.older = this.#newest
    if (this.#newest === undefined) this.oldest = slot
    else this.#newest.newer = slot
    this.#newest = slot
    this.serial += 1
    slot.serial = this.serial
  }

  remove(slot: Slot<K, V>): void {
    if (this.#hand === slot) this.#hand = slot.newer
    if (slot.older === undefined) this.oldest = slot.newer
    else slot.older.newer = slot.newer
    if (slot.newer === undefined) this.#newest = slot.older
    else slot.newer.older = slot.older
    slot.older = undefined
    slot.newer = undefined
  }

  /** Goes round: gives the next slot, and after the newest the oldest again. */
  next(): Slot<K, V> | undefined {
    const slot = this.#hand ?? this.oldest
    this.#hand = slot?.newer
    return slot
  }

  clear(): void {
    this.oldest = undefined
    this.#newest = undefined
    this.#hand = undefined
  }
}
