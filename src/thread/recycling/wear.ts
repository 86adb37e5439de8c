import type { WorkerLimits } from './limits.ts'
import type { RecycleOptions } from './recycle-options.ts'

/**
 * Why a worker is replaced by itself: it has served so many requests (`requests`) or so long (`age`), its process
 * (`memory`) or heap (`heap`) has stayed too large, or its process has come to be far too large (`hard-memory`).
 */
export type WearReason = 'requests' | 'age' | 'memory' | 'heap' | 'hard-memory'

/** What is known of a worker at one moment; what is not known is absent. */
export interface Vitals {
  /** Requests or calls since its birth. */
  readonly requests?: number
  /** Bytes of its process. */
  readonly rss?: number
  /** Bytes of its heap in use. */
  readonly heap?: number
}

/** How worn one worker is. It is told, and says when the worker is due and why. */
export class Wear {
  readonly limits: WorkerLimits
  requests = 0
  rss: number | undefined = undefined
  heap: number | undefined = undefined
  readonly #options: RecycleOptions
  readonly #born: number
  /** How many samples in a row were over the limit of each sort. */
  #rssOver = 0
  #heapOver = 0

  constructor(limits: WorkerLimits, options: RecycleOptions, born: number) {
    this.limits = limits
    this.#options = options
    this.#born = born
  }

  /** How many ms old it is. */
  age(now: number): number {
    return now - this.#born
  }

  /** Takes what was measured. Each value of memory that it holds is one sample of that. */
  note({ requests, rss, heap }: Vitals): void {
    const { maxRss = Number.POSITIVE_INFINITY, maxHeap = Number.POSITIVE_INFINITY } = this.#options
    if (requests !== undefined) this.requests = requests
    if (rss !== undefined) {
      this.rss = rss
      this.#rssOver = rss > maxRss ? this.#rssOver + 1 : 0
    }
    if (heap !== undefined) {
      this.heap = heap
      this.#heapOver = heap > maxHeap ? this.#heapOver + 1 : 0
    }
  }

  /** Why it is due, if it is. What is far too large does not wait for its least age, nor for a second sample. */
  due(now: number): WearReason | undefined {
    const { hardRss = Number.POSITIVE_INFINITY, samples = 3, minAge = 0 } = this.#options
    const { requests = Number.POSITIVE_INFINITY, age = Number.POSITIVE_INFINITY } = this.limits
    if (this.rss !== undefined && this.rss > hardRss) return 'hard-memory'
    if (this.age(now) < minAge) return undefined
    if (this.requests >= requests) return 'requests'
    if (this.age(now) >= age) return 'age'
    if (this.#rssOver >= samples) return 'memory'
    return this.#heapOver >= samples ? 'heap' : undefined
  }
}
