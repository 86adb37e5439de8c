import { type Frame, tellFrames } from '../lifecycle/frame.ts'

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

/** A block in words for people, a line for each function. */
export function tellBlock({ path, budget, ms, frames }: Block): string {
  const head = `endswell: the event loop has been blocked past the deadline of ${path} (${budget}, ${ms} ms)`
  return [head, ...tellFrames(frames), ''].join('\n')
}
