import type { Entry } from './entry.ts'

/** Several entries under one key, and how many there have ever been since the first of them. */
class Group extends Set<Entry> {
  ever = 0
}

/**
 * Entries by a key that need not be unique. A key with one entry costs one slot of a Map; adding and removing is O(1)
 * also where a million entries share a key.
 */
export class Lookup<Key> {
  readonly #slots = new Map<Key, Entry | Group>()

  /** Adds an entry and tells which of its key it is, from 1. */
  add(key: Key, entry: Entry): number {
    const slot = this.#slots.get(key)
    if (slot === undefined) {
      this.#slots.set(key, entry)
      return 1
    }
    let group = slot
    if (!(group instanceof Group)) {
      const first = group
      group = new Group()
      group.add(first)
      group.ever = first.detail?.repeat ?? 1
      this.#slots.set(key, group)
    }
    group.add(entry)
    group.ever += 1
    return group.ever
  }

  remove(key: Key, entry: Entry): void {
    const slot = this.#slots.get(key)
    if (slot === entry) this.#slots.delete(key)
    else if (slot instanceof Group && slot.delete(entry) && slot.size === 0) this.#slots.delete(key)
  }

  /** The entries of a key, oldest first. */
  get(key: Key): readonly Entry[] {
    const slot = this.#slots.get(key)
    if (slot === undefined) return []
    return slot instanceof Group ? [...slot] : [slot]
  }
}
