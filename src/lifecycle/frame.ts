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

/** Lines of a stack that are shown. */
const SHOWN = 8

/** A stack in words for people, a line for each function, from the innermost on that is not Node's own. */
export function tellFrames(frames: readonly Frame[]): string[] {
  const culprits = culpritsOf(frames)
  const lines = culprits.slice(0, SHOWN).map((frame) => `  at ${frame.function} (${placeOf(frame)})`)
  if (culprits.length > SHOWN) lines.push(`  … and ${culprits.length - SHOWN} more`)
  return lines
}

/** Where each is Node's own, all of them. */
function culpritsOf(frames: readonly Frame[]): readonly Frame[] {
  const first = frames.findIndex(({ file }) => !file.startsWith('node:'))
  return first === -1 ? frames : frames.slice(first)
}

function placeOf({ file, line, column }: Frame): string {
  return `${file}:${line}:${column}`
}
