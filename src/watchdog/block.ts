/** A function that was being run, the innermost first, where its source stands: source maps are followed. */
export interface Frame {
  /** Its name, or `(anonymous)`. */
  readonly function: string
  /** Path of the file; `node:…` for Node's own; else what the script calls itself. */
  readonly file: string
  /** The line, from 1. */
  readonly line: number
  /** The column, from 1. */
  readonly column: number
}

/** What is known of an event loop that is blocked past a deadline. */
export interface Block {
  /** Path of the step, phase or closing that had to be over. */
  readonly path: string
  /** Which budget ran out, such as `step`. */
  readonly budget: string
  /** How many ms that budget had. */
  readonly ms: number
  /** What blocks it: the stack of the main thread, the innermost first, at most 64. */
  readonly frames: readonly Frame[]
}

/** Lines of the stack that are shown. */
const SHOWN = 8

/** What blocks: the frames from the innermost on that is not Node's own, or all where each is. */
function culpritsOf(frames: readonly Frame[]): readonly Frame[] {
  const first = frames.findIndex(({ file }) => !file.startsWith('node:'))
  return first === -1 ? frames : frames.slice(first)
}

/** A block in words for people, a line for each function. */
export function tellBlock({ path, budget, ms, frames }: Block): string {
  const culprits = culpritsOf(frames)
  const lines = culprits.slice(0, SHOWN).map((frame) => `  at ${frame.function} (${placeOf(frame)})`)
  if (culprits.length > SHOWN) lines.push(`  … and ${culprits.length - SHOWN} more`)
  return [
    `endswell: the event loop has been blocked past the deadline of ${path} (${budget}, ${ms} ms)`,
    ...lines,
    '',
  ].join('\n')
}

function placeOf({ file, line, column }: Frame): string {
  return `${file}:${line}:${column}`
}
