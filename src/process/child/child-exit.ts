import type { ChildProcess } from 'node:child_process'

/** How a child that was started by `spawnChild` ended, and its tree with it. */
export interface ChildExit {
  /** The status that it exited with; `null` where a signal ended it, or it never ran. */
  readonly code: number | null
  /** The signal that ended it, else `null`. */
  readonly signal: NodeJS.Signals | null
  /** Whether something of its tree had to be killed with SIGKILL, by us. */
  readonly forced: boolean
  /** Whether somebody of its tree lives on, whatever was tried. */
  readonly abandoned: boolean
  /**
   * Whether it was killed by a SIGKILL (or exited with 137, as a shell says it) that its lifecycle and `stop` did not send:
   * memory, perhaps.
   */
  readonly oomHint: boolean
  /** The last lines that it printed, oldest first. */
  readonly lastWords: readonly string[]
}

/** The status that a shell gives for a program that SIGKILL has ended. */
const KILLED = 137

/** What is known of an end besides what Node tells. */
interface Manner extends Pick<ChildExit, 'forced' | 'abandoned' | 'lastWords'> {
  /** Whether we have killed the child itself. */
  readonly byUs: boolean
}

/** How a child ended, and what it said last. */
export function exitOf(
  { exitCode: code, signalCode: signal }: Pick<ChildProcess, 'exitCode' | 'signalCode'>,
  { forced, abandoned, byUs, lastWords }: Manner,
): ChildExit {
  const oomHint = !byUs && (signal === 'SIGKILL' || code === KILLED)
  return Object.freeze({ code, signal, forced, abandoned, oomHint, lastWords })
}

/** Whether a report should say how it ended. That it obeys the signal that it was sent needs no word. */
export function isBad({ code, signal, forced }: ChildExit, wasAsked: boolean): boolean {
  return forced || (code !== null && code !== 0) || (signal !== null && !wasAsked)
}

/** How it ended, in words: `exited with 3`, `was ended by SIGKILL`. */
export function exitText({ code, signal, oomHint }: ChildExit): string {
  const hint = oomHint ? ', not by us: perhaps the system was out of memory' : ''
  if (signal !== null) return `was ended by ${signal}${hint}`
  return code === null ? 'has not ended' : `exited with ${code}${hint}`
}

/** How many of the last words a sentence quotes. */
const QUOTED = 5
/** What says nothing in a sentence: empty lines, and what follows the error when Node prints an uncaught one. */
const NOISE = /^\s*$|^\s+at |^Node\.js v\d/

/** The last words that tell something, for the end of a sentence; empty where there are none. */
export function wordsText(words: readonly string[]): string {
  const telling = words.filter((line) => !NOISE.test(line)).slice(-QUOTED)
  return telling.length === 0 ? '' : `, last words: ${telling.join(' ⏎ ')}`
}
