/** How many characters of a line are kept. */
const LONGEST = 1_000

/** The last lines of an output: a fixed number of them, oldest first, each cut at 1 000 characters. */
export class LastWords {
  readonly #kept: number
  readonly #lines: string[] = []

  /** @param kept how many lines; 0 keeps none. */
  constructor(kept: number) {
    this.#kept = kept
  }

  add(line: string): void {
    if (this.#kept === 0) return
    this.#lines.push(copyOf(line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line))
    if (this.#lines.length > this.#kept) this.#lines.shift()
  }

  /** The lines that are kept at this moment. */
  get lines(): readonly string[] {
    return Object.freeze([...this.#lines])
  }
}

/** The same text on its own: a part of a chunk would keep all of the chunk in memory. */
function copyOf(text: string): string {
  return Buffer.from(text).toString()
}
