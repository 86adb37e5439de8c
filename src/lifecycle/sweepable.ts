import type { Pressure } from './pressure-source.ts'

/** What a sweep is told. */
export interface SweepContext {
  /** Aborts when the sweep is to stop, between two items. */
  readonly signal: AbortSignal
  /** How hard memory presses, where that is known: then more may go than usual. */
  readonly pressure?: Pressure
}

/** What a sweep has done. */
export interface Swept {
  /** How many items were removed. */
  readonly removed: number
  /** How many bytes that has freed, as far as it is known. */
  readonly bytes?: number
  /** How many items should have gone and did not. */
  readonly failed?: number
}

/** Something that grows, and can be told to remove what is not needed any more. */
export interface Sweepable {
  /** Removes what is due. */
  sweep(context: SweepContext): Swept | Promise<Swept>
}
