import { ENDED, type Entry, LIVE } from './entry.ts'
import { Lookup } from './lookup.ts'

/** How many entries without an event of their own may gather before the first sweep. */
const FIRST_SWEEP = 64

/**
 * The entries of one lifecycle in order of registration: a doubly linked list, with look-ups by name and by value that
 * exist once somebody needs them. Adding and removing is O(1).
 */
export class Entries {
  first: Entry | undefined = undefined
  last: Entry | undefined = undefined
  size = 0
  /** Where a closing has got to on its way back; moves on when the entry there leaves. */
  cursor: Entry | undefined = undefined
  /** Off while everything closes: clearing the look-ups one by one would cost more than the closing itself. */
  indexed = true
  #names: Lookup<string> | undefined = undefined
  #values: Lookup<unknown> | undefined = undefined
  /** The entries that must be asked whether they are gone, since nothing tells. */
  #silent: Set<Entry> | undefined = undefined
  #sweepAt = FIRST_SWEEP

  add(entry: Entry): void {
    entry.previous = this.last
    if (this.last === undefined) this.first = entry
    else this.last.next = entry
    this.last = entry
    this.size += 1
    const name = entry.detail?.name
    if (name !== undefined) {
      this.#names ??= new Lookup()
      entry.detailed().repeat = this.#names.add(name, entry)
    }
  }

  *[Symbol.iterator](): Iterator<Entry> {
    for (let entry = this.first; entry !== undefined; entry = entry.next) yield entry
  }

  /** Makes the entry reachable by its value. */
  index(entry: Entry): void {
    this.#values ??= new Lookup()
    this.#values.add(entry.value, entry)
  }

  /** Takes an entry out; one that is out already stays so. */
  remove(entry: Entry): void {
    if (entry.state === ENDED) return
    const { previous, next, detail } = entry
    if (this.cursor === entry) this.cursor = previous
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.last = previous
    else next.previous = previous
    entry.previous = undefined
    entry.next = undefined
    entry.state = ENDED
    this.size -= 1
    if (this.indexed) this.#forgetKeys(entry)
    this.#silent?.delete(entry)
    if (detail?.dependencies !== undefined) for (const on of detail.dependencies) on.detail?.dependants?.delete(entry)
    if (detail?.dependants !== undefined) for (const by of detail.dependants) by.detail?.dependencies?.delete(entry)
  }

  #forgetKeys(entry: Entry): void {
    const name = entry.detail?.name
    if (name !== undefined) this.#names?.remove(name, entry)
    this.#values?.remove(entry.value, entry)
  }

  /** The entries that still use a value, oldest first. */
  byValue(value: unknown): readonly Entry[] {
    return present(this.#values?.get(value))
  }

  /** The entries of a name as it was given (`db`), or the one that is shown by it (`db#2`), oldest first. */
  byName(name: string): readonly Entry[] {
    const exact = present(this.#names?.get(name))
    if (exact.length > 0) return exact
    const numbered = /^(.*)#(\d+)$/.exec(name)
    if (numbered === null) return []
    const [, base = '', number] = numbered
    const repeats = present(this.#names?.get(base)).filter((entry) => entry.detail?.repeat === Number(number))
    return repeats.length > 0 ? repeats : this.#byNumber(base, Number(number))
  }

  #byNumber(kind: string, serial: number): readonly Entry[] {
    const own = ({ serial: other, kind: { name }, detail }: Entry): boolean =>
      other === serial && name === kind && detail?.name === undefined
    return [...this].filter(own)
  }

  /**
   * Keeps an entry whose end nothing tells, such as a foreign timer, and now and then asks all of them. Since the next
   * sweep waits until their number has doubled, each entry pays for a constant number of questions.
   */
  watchSilently(entry: Entry, isGone: (entry: Entry) => boolean, left: (entry: Entry) => void): void {
    this.#silent ??= new Set()
    this.#silent.add(entry)
    if (this.#silent.size < this.#sweepAt) return
    for (const silent of this.#silent) if (silent.state === LIVE && isGone(silent)) left(silent)
    this.#sweepAt = Math.max(FIRST_SWEEP, this.#silent.size * 2)
  }

  /** Lets go of the look-ups, once all have ended. */
  clear(): void {
    this.#names = undefined
    this.#values = undefined
  }
}

function present(entries: readonly Entry[] | undefined): readonly Entry[] {
  if (entries === undefined) return []
  return entries.filter(({ state }) => state !== ENDED)
}
