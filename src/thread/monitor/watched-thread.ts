import type { EventLoopUtilization } from 'node:perf_hooks'
import type { Worker } from 'node:worker_threads'
import type { Clock } from '../../lifecycle/clock.ts'
import type { Frame } from '../../lifecycle/frame.ts'
import { IDLE, type Tallies, type Verdict } from './evidence.ts'
import { Examination, type Finding } from './examination.ts'
import { Judgement, type Next, type Rules } from './judgement.ts'
import { cpuOf, isRunnable, livesInKernel, sleepsOf } from './kernel-task.ts'
import { beatsOf, type LaneReading, type Lanes, turnsOf } from './lanes.ts'
import { ownerOf } from './owner-of.ts'
import { type ReportedVerdict, ThreadReport } from './thread-report.ts'
import { withLine } from './worker-inspector.ts'

/** A thread, in {@link ThreadMonitor.threads}. */
export interface ThreadRow {
  /** Its path, such as `/orders/threads/pricing`. */
  readonly path: string
  /** What it calls itself, or was called. */
  readonly name: string
  /** Node's number of the thread. */
  readonly threadId: number
  /** What is held of it; `unregistered` for a worker that has no lane. */
  readonly verdict: Verdict | 'unregistered'
  /** For how many ms it has not beaten, at least; 0 while it beats. */
  readonly silent: number
  /** How often it has beaten. */
  readonly beats: number
  /** What it is at, as far as whoever gives it work tells. */
  readonly work: string | undefined
  /** Which share of a core it wanted at the last look, where it is silent (Linux). */
  readonly cpu: number | undefined
  /** Which share of the time its event loop was at work, at the last look. */
  readonly elu: number | undefined
  /** What its heap used when it last looked, in bytes. */
  readonly heapUsed: number | undefined
}

/** What a thread that is watched is called, and where it is. */
export interface Identity {
  readonly path: string
  readonly name: string
}

/** What surrounds a thread that is watched. */
interface Surroundings {
  readonly lanes: Lanes
  readonly rules: Rules
  readonly identity: () => Identity
  readonly workerOf: () => Worker | undefined
}

/** One thread that has a lane, as the monitor sees it. */
export class WatchedThread {
  readonly threadId: number
  readonly at: number
  readonly judgement: Judgement
  /** Its stack when it was examined last. */
  frames: readonly Frame[] = []
  readonly #kernelId: number
  readonly #identity: () => Identity
  readonly #lanes: Lanes
  readonly #words: Int32Array<SharedArrayBuffer>
  readonly #workerOf: () => Worker | undefined
  #reading: LaneReading
  #beats = 0
  #lookedAt: number
  #usedBefore: number | undefined = undefined
  #loopBefore: EventLoopUtilization | undefined = undefined
  #cpu: number | undefined = undefined
  #elu: number | undefined = undefined
  /** For how long it was silent when it was last found so. */
  #silent = 0
  #isQuiet = false

  constructor(reading: LaneReading, now: number, { lanes, rules, identity, workerOf }: Surroundings) {
    this.threadId = reading.threadId
    this.at = reading.at
    this.judgement = new Judgement(rules, now)
    this.#kernelId = reading.kernelId
    this.#identity = identity
    this.#lanes = lanes
    this.#words = lanes.words(reading.at)
    this.#workerOf = workerOf
    this.#reading = reading
    this.#lookedAt = now
  }

  get worker(): Worker | undefined {
    return this.#workerOf()
  }

  /** Whether it says that it may block. */
  get isParked(): boolean {
    return this.#reading.isParked
  }

  /** Whether the kernel knows that it is no more. */
  get isGone(): boolean {
    return livesInKernel(this.#kernelId) === false
  }

  look(reading: LaneReading, now: number): Next {
    const hadBeaten = reading.beats !== this.#beats
    this.#beats = reading.beats
    this.#reading = reading
    this.#isQuiet = !hadBeaten
    this.#measure(now)
    if (hadBeaten) this.frames = []
    else this.#silent = this.judgement.silent(now)
    const { beats, state, isParked } = reading
    const isKnown = this.worker !== undefined || this.#kernelId !== 0
    // Whoever beats need not be asked how it sleeps.
    const tallies = hadBeaten ? { now, turns: 0, sleeps: undefined } : this.tallies(now)
    const isCounted = this.#usedBefore !== undefined
    return this.judgement.look({
      ...tallies,
      beats,
      state,
      isParked,
      isKnown,
      isCounted,
      cpu: this.#cpu,
      elu: this.#elu,
    })
  }

  tallies(now: number): Tallies {
    return { now, turns: turnsOf(this.#words), sleeps: sleepsOf(this.#kernelId) }
  }

  /** Looks at it closely: by stopping it for a moment, or where nobody can or `stops` forbids it, by what is known of it. */
  async examine(stops: boolean, clock: Clock): Promise<Finding> {
    const { beats } = this.#reading
    const fromAfar: Finding = {
      evidence: { stop: 'unreachable', cpu: this.#cpu, tallies: this.tallies(clock.now()) },
      frames: [],
    }
    const subject = {
      hasMoved: () => beatsOf(this.#words) !== beats,
      probe: this.#lanes.turnsProbe(this.at),
      tallies: () => this.tallies(clock.now()),
      cpu: () => cpuOf(this.#kernelId),
      isRunnable: () => isRunnable(this.#kernelId),
    }
    if (!stops) return fromAfar
    return await withLine(this.threadId, async (line) =>
      line === undefined ? fromAfar : await new Examination(line, subject, clock).make(),
    )
  }

  row(now: number): ThreadRow {
    const { verdict } = this.judgement
    const silent = this.#isQuiet ? this.judgement.silent(now) : 0
    return Object.freeze({ ...this.#facts(), verdict, silent, beats: this.#reading.beats })
  }

  report(verdict: ReportedVerdict, note: string | undefined): ThreadReport {
    const frames = verdict === 'recovered' ? [] : this.frames
    return new ThreadReport({ ...this.#facts(), verdict, silent: this.#silent, frames, note })
  }

  #facts() {
    const { worker, threadId } = this
    const { heapUsed } = this.#reading
    const work = worker && ownerOf(worker)?.work()
    const known = heapUsed === 0 ? undefined : heapUsed
    return { ...this.#identity(), threadId, work, cpu: this.#cpu, elu: this.#elu, heapUsed: known }
  }

  /** Looking what a thread has used is dear, and whoever beats is asked nothing. */
  #measure(now: number): void {
    const used = this.#isQuiet ? cpuOf(this.#kernelId) : undefined
    const share = (used ?? 0) - (this.#usedBefore ?? 0)
    const passed = now - this.#lookedAt
    const isKnown = used !== undefined && this.#usedBefore !== undefined && passed > 0
    this.#cpu = isKnown ? Math.min(1, share / passed) : undefined
    if (this.#cpu !== undefined && this.#cpu < IDLE && isRunnable(this.#kernelId)) this.#cpu = 1
    this.#usedBefore = used
    this.#lookedAt = now
    const performance = this.worker?.performance
    const loop = performance?.eventLoopUtilization()
    this.#elu = loop && this.#loopBefore && performance?.eventLoopUtilization(loop, this.#loopBefore).utilization
    this.#loopBefore = loop
  }
}

/** The row of a worker that has no lane. */
export function unregistered(threadId: number, identity: Identity): ThreadRow {
  const nothing = { silent: 0, beats: 0, work: undefined, cpu: undefined, elu: undefined, heapUsed: undefined }
  return Object.freeze({ ...identity, threadId, verdict: 'unregistered', ...nothing })
}
