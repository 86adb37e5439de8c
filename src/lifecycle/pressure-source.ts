/** How hard something presses, from nothing special to the edge. */
export type PressureLevel = 'normal' | 'elevated' | 'high' | 'critical'

/** How hard it presses at one moment. */
export interface Pressure {
  /** In a word. */
  readonly level: PressureLevel
  /** Which share of the limit is used, 0 to 1 and perhaps above. */
  readonly usage: number
  /** Where that comes from, such as `heap 82 % of 4096 MB`. */
  readonly reason?: string
}

/**
 * Something that knows how hard memory presses. Caches and registries are trimmed by what it says; who makes it is left
 * open.
 */
export interface PressureSource {
  /** As it is now. */
  readonly pressure: Pressure
  /** Calls `listener` at each change of level. Returns its undo. */
  subscribe(listener: (pressure: Pressure) => void): () => void
}
