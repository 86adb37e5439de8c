import { type Frame, tellFrames } from '../../lifecycle/frame.ts'
import { customInspect } from '../../lifecycle/inspect.ts'
import type { Verdict } from './evidence.ts'

/** What a report is about: a verdict that somebody should know of, or that an earlier one holds no more. */
export type ReportedVerdict = Extract<Verdict, 'hung' | 'busy' | 'native' | 'debugged' | 'unseen'> | 'recovered'

/** What a {@link ThreadReport} tells. */
type Facts = Omit<ThreadReport, 'toString' | typeof customInspect>

const WORDS: Readonly<Record<ReportedVerdict, string>> = {
  hung: 'hangs: its event loop does not come round',
  busy: 'works without a pause',
  native: 'is stuck in native code, where nobody can stop it',
  debugged: 'has been stopped by a debugger',
  unseen: 'has not been seen, and nobody knows it',
  recovered: 'goes on',
}
const MIB = 1_048_576

/** What is known of a thread at the moment of a verdict. `String(report)` is a few lines for people. */
export class ThreadReport {
  /** Its path, such as `/orders/threads/pricing`. */
  readonly path: string
  /** What the thread calls itself. */
  readonly name: string
  /** Node's number of the thread. */
  readonly threadId: number
  /** What is held of it. */
  readonly verdict: ReportedVerdict
  /** For how many ms it had not beaten, at least. */
  readonly silent: number
  /** What it was running: its stack, the innermost function first. Empty where it could not be stopped, or was not to be. */
  readonly frames: readonly Frame[]
  /** What it was at, as far as whoever gives it work tells: `hash("a.txt")`. */
  readonly work: string | undefined
  /** Which share of a core it wanted before that; `undefined` where nobody knows, as outside Linux. */
  readonly cpu: number | undefined
  /** Which share of the time its event loop was at work before that. */
  readonly elu: number | undefined
  /** What its heap used when it last looked, in bytes. */
  readonly heapUsed: number | undefined
  /** A sentence more, such as that it is going to be terminated. */
  readonly note: string | undefined

  constructor(facts: Facts) {
    this.path = facts.path
    this.name = facts.name
    this.threadId = facts.threadId
    this.verdict = facts.verdict
    this.silent = facts.silent
    this.frames = facts.frames
    this.work = facts.work
    this.cpu = facts.cpu
    this.elu = facts.elu
    this.heapUsed = facts.heapUsed
    this.note = facts.note
    Object.freeze(this)
  }

  /** A few lines for people: what is held of it, what is known of it, and its stack. */
  toString(): string {
    const { path, threadId, verdict, silent, work, cpu, elu, heapUsed, note } = this
    const quiet = silent >= 1 ? `, silent for ${Math.round(silent)} ms` : ''
    const facts = [
      work === undefined ? '' : `at work on ${work}`,
      cpu === undefined ? '' : `cpu ${percent(cpu)}`,
      elu === undefined ? '' : `event loop ${percent(elu)}`,
      heapUsed === undefined ? '' : `heap ${Math.round(heapUsed / MIB)} MiB`,
    ].filter((fact) => fact !== '')
    return [
      `endswell: ${path} (thread ${threadId}) ${WORDS[verdict]}${quiet}`,
      ...(facts.length === 0 ? [] : [`  ${facts.join(', ')}`]),
      ...tellFrames(this.frames),
      ...(note === undefined ? [] : [`  ${note}`]),
    ].join('\n')
  }

  [customInspect](): string {
    return this.toString()
  }
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
