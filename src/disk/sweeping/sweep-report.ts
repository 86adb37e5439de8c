import { wordOf } from '../../lifecycle/errors.ts'
import type { Swept } from '../../lifecycle/sweepable.ts'

/** What became of one entry. */
export interface SweepSample {
  /** Relative to the root. */
  readonly path: string
  /** What became of it; `skipped` was due, and left alone. */
  readonly outcome: 'removed' | 'failed' | 'skipped'
  /** Why: `age`, `count` or `size`; the code of the error; or what spoke against it. */
  readonly reason: string
}

/** What a sweep has done, or in a dry run would have done. */
export interface SweepReport extends Swept {
  /** How many entries were looked at, those in folders that were removed or measured as a whole not among them. */
  readonly scanned: number
  /** How many of them a rule is for. */
  readonly matched: number
  /** How many of those are gone; a folder counts as one. */
  readonly removed: number
  /** How many bytes their files had. One that has further names counts none: its bytes are still there. */
  readonly bytes: number
  /** How many should have gone and could not: they are tried again the next time. */
  readonly failed: number
  /** How many were due, and left alone: something had changed meanwhile, or lies on another device. */
  readonly skipped: number
  /** Whether it ended before it was through. */
  readonly aborted: boolean
  /** Whether it only told what would go. */
  readonly dryRun: boolean
  /** How long it took. */
  readonly ms: number
  /** What became of the first of them: at most 100, failures before the others. */
  readonly samples: readonly SweepSample[]
}

const SAMPLES = 100

/** Counts what a sweep does. */
export class SweepTally {
  scanned = 0
  matched = 0
  removed = 0
  bytes = 0
  failed = 0
  skipped = 0
  readonly #failures: SweepSample[] = []
  readonly #others: SweepSample[] = []

  didRemove(path: string, reason: string): void {
    this.removed += 1
    this.#keep(this.#others, { path, outcome: 'removed', reason })
  }

  didSkip(path: string, reason: string): void {
    this.skipped += 1
    this.#keep(this.#others, { path, outcome: 'skipped', reason })
  }

  didFail(path: string, error: unknown): void {
    this.failed += 1
    const code = wordOf(error, 'code')
    const reason = typeof code === 'string' ? code : String(wordOf(error, 'name') ?? 'error')
    this.#keep(this.#failures, { path, outcome: 'failed', reason })
  }

  /** What is told of it when it is over. */
  report(end: { aborted: boolean; dryRun: boolean; ms: number }): SweepReport {
    const { scanned, matched, removed, bytes, failed, skipped } = this
    const samples = Object.freeze([...this.#failures, ...this.#others].slice(0, SAMPLES))
    return Object.freeze({ scanned, matched, removed, bytes, failed, skipped, ...end, samples })
  }

  #keep(samples: SweepSample[], sample: SweepSample): void {
    if (samples.length < SAMPLES) samples.push(Object.freeze(sample))
  }
}
