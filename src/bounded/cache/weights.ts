import { FIRST_SLOT } from './ring.ts'

/** What the entries weigh, each and together. */
export class Weights {
  /** What all together may weigh. */
  readonly most: number
  total = 0
  #each = new Float64Array(FIRST_SLOT)

  constructor(most: number) {
    this.most = most
  }

  /** Makes room for slots up to `end`. */
  grow(end: number): void {
    const larger = new Float64Array(end)
    larger.set(this.#each)
    this.#each = larger
  }

  of(slot: number): number {
    return this.#each[slot] as number
  }

  /** A slot weighs that much from now on; 0 when it is empty. */
  set(slot: number, weight: number): void {
    this.total += weight - this.of(slot)
    this.#each[slot] = weight
  }

  clear(): void {
    this.total = 0
    this.#each = new Float64Array(FIRST_SLOT)
  }
}
