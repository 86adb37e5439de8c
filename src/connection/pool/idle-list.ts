import type { Slot } from './slot.ts'

/**
 * The connections that wait to be used, in the order of their last use. The newest is lent first, so that what a busy
 * hour has opened falls idle afterwards and can be ended.
 */
export class IdleList<T> {
  size = 0
  newest: Slot<T> | undefined = undefined
  oldest: Slot<T> | undefined = undefined

  /** Puts it where its last use has it: nearly always at the newest end. */
  add(slot: Slot<T>): void {
    let older = this.newest
    while (older !== undefined && older.usedAt > slot.usedAt) older = older.older
    slot.older = older
    slot.newer = older === undefined ? this.oldest : older.newer
    if (slot.newer === undefined) this.newest = slot
    else slot.newer.older = slot
    if (older === undefined) this.oldest = slot
    else older.newer = slot
    this.size += 1
  }

  remove(slot: Slot<T>): void {
    if (slot.newer === undefined) this.newest = slot.older
    else slot.newer.older = slot.older
    if (slot.older === undefined) this.oldest = slot.newer
    else slot.older.newer = slot.newer
    slot.older = undefined
    slot.newer = undefined
    this.size -= 1
  }

  /** All that are idle at this moment, oldest first; those that cease to be meanwhile are left out. */
  *[Symbol.iterator](): Generator<Slot<T>> {
    const all: Slot<T>[] = []
    for (let slot = this.oldest; slot !== undefined; slot = slot.newer) all.push(slot)
    for (const slot of all) if (slot.state === 'idle') yield slot
  }
}
