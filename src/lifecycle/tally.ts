import type { Outcome, Row } from './contract.ts'
import type { Entry } from './entry.ts'

/** How many rows of resources that closed gently a report keeps: the slowest. */
const SLOWEST_KEPT = 1_000

const worstFirst: readonly Outcome[] = ['abandoned', 'failed', 'forced']

/** How one resource ended; becomes a row only if it is kept. */
export interface Ended {
  readonly entry: Entry
  readonly outcome: Outcome
  readonly ms: number
  readonly error?: unknown
  readonly note?: string | undefined
}

/** What a closing counts: outcomes, errors in the order of their coming, and the rows that its report keeps. */
export class Tally {
  readonly counts: Record<Outcome, number> = { closed: 0, forced: 0, failed: 0, abandoned: 0 }
  /** What `disposeAsync` rejects with. */
  readonly errors: unknown[] = []
  readonly #pathOf: (entry: Entry) => string
  readonly #kept: Row[] = []
  #slowest: (Ended | Row)[] = []
  /** Nothing faster than this is among the slowest. */
  #threshold = -1

  constructor(pathOf: (entry: Entry) => string) {
    this.#pathOf = pathOf
  }

  /** Counts one that did not close gently, and keeps its row. */
  addWorse(ended: Ended): void {
    this.counts[ended.outcome] += 1
    this.#kept.push(this.#row(ended))
    if (ended.outcome !== 'forced') this.errors.push(ended.error)
  }

  /** Keeps one that closed gently, if it is among the slowest. It has been counted already. */
  addSlow(ended: Ended | Row): void {
    if (ended.ms <= this.#threshold) return
    this.#slowest.push(ended)
    if (this.#slowest.length >= 2 * SLOWEST_KEPT) this.#threshold = this.#trim()
  }

  /** Takes in what was counted in a scope inside. */
  merge(inner: Tally): void {
    for (const outcome of Object.keys(this.counts) as Outcome[]) this.counts[outcome] += inner.counts[outcome]
    for (const row of inner.#kept) this.#kept.push(row)
    for (const slow of inner.#slowest) this.addSlow('entry' in slow ? inner.#row(slow) : slow)
  }

  /** The worst outcome that was counted. */
  get worst(): Outcome {
    return worstFirst.find((outcome) => this.counts[outcome] > 0) ?? 'closed'
  }

  /** All rows that are kept, slowest first. */
  rows(): Row[] {
    this.#trim()
    const slowest = this.#slowest.map((slow) => ('entry' in slow ? this.#row(slow) : slow))
    this.#slowest = slowest
    return [...this.#kept, ...slowest].sort((one, other) => other.ms - one.ms)
  }

  #trim(): number {
    this.#slowest.sort((one, other) => other.ms - one.ms)
    if (this.#slowest.length > SLOWEST_KEPT) this.#slowest.length = SLOWEST_KEPT
    return this.#slowest.at(-1)?.ms ?? -1
  }

  #row({ entry, outcome, ms, error, note }: Ended): Row {
    const site = entry.detail?.site
    return Object.freeze({
      path: this.#pathOf(entry),
      kind: entry.kind.name,
      outcome,
      ms,
      ...(error === undefined && outcome !== 'failed' ? {} : { error }),
      ...(note === undefined ? {} : { note }),
      ...(site === undefined ? {} : { site }),
    })
  }
}
