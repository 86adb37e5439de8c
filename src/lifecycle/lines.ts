/** The longest line, in characters: what is longer comes in pieces. */
const LONGEST = 65_536

/**
 * Makes lines of bytes, however those are chunked: UTF-8, ended by `\n` or `\r\n`, the last one also by the end.
 *
 * A line of more than 65 536 characters comes in pieces of that length, so that an output without a line end, however
 * long, needs no more memory than that, and nothing of it is lost.
 */
export class Lines {
  readonly #onLine: (line: string) => void
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  /** What has come of the line under way. */
  #rest = ''

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  write(bytes: Uint8Array): void {
    this.#take(this.#decoder.decode(bytes, { stream: true }))
  }

  /** Nothing more comes. Said twice, it changes nothing. */
  end(): void {
    this.#take(this.#decoder.decode())
    if (this.#rest !== '') this.#endLine()
  }

  /** Only what is new is searched: the rest may be long, and the chunks short. */
  #take(text: string): void {
    let from = 0
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', from)) {
      this.#rest += text.slice(from, at)
      this.#cut()
      this.#endLine()
      from = at + 1
    }
    this.#rest += text.slice(from)
    this.#cut()
  }

  #endLine(): void {
    const line = this.#rest
    this.#rest = ''
    this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
  }

  /** Hands out what is too long. A `\r` at the end does not count: it may belong to the line end. */
  #cut(): void {
    while (this.#rest.length > LONGEST && (this.#rest.length > LONGEST + 1 || !this.#rest.endsWith('\r'))) {
      // The two halves of a character stay together.
      const isHalf = /[\uD800-\uDBFF]/.test(this.#rest.charAt(LONGEST - 1))
      const piece = this.#rest.slice(0, isHalf ? LONGEST - 1 : LONGEST)
      this.#rest = this.#rest.slice(piece.length)
      this.#onLine(piece)
    }
  }
}

/** Reads what a stream brings, as lines, until it has ended or was destroyed. */
export function hearLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  const lines = new Lines(onLine)
  stream.on('data', (bytes: Uint8Array) => lines.write(bytes))
  stream.on('end', () => lines.end())
  // That comes instead where a pipe is destroyed, because somebody else holds it open.
  stream.on('close', () => lines.end())
}
