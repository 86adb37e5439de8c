import type { Worker } from 'node:worker_threads'
import { isObject } from '../../lifecycle/check.ts'
import { publish } from '../../lifecycle/events.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import { withTimeout } from '../../lifecycle/with-timeout.ts'
import type { Verdict } from './evidence.ts'
import type { Lanes } from './lanes.ts'
import type { MonitorSettings } from './monitor-options.ts'
import { ownerOf } from './owner-of.ts'
import type { ReportedVerdict, ThreadReport } from './thread-report.ts'
import type { WatchedThread } from './watched-thread.ts'

/** What a {@link ThreadMonitor} has seen so far. */
export interface MonitorCounts {
  /** Threads that were registered. */
  readonly registered: number
  /** Threads that have ended, or left. */
  readonly ended: number
  /** Threads for which there was no room. */
  readonly refused: number
  /** How often a thread was found to hang. */
  readonly hung: number
  /** How often a thread was found to work without a pause. */
  readonly busy: number
  /** How often a thread was found to wait that had not said so. */
  readonly parked: number
  /** How often a thread was found to be stuck in native code. */
  readonly native: number
  /** How often a thread was found to be stopped by somebody's debugger. */
  readonly debugged: number
  /** Threads that have not been seen for long, and that nobody knows. */
  readonly unseen: number
  /** How often a thread that was reported has gone on. */
  readonly recovered: number
  /** Threads that were terminated and have ended. */
  readonly terminated: number
  /** Threads that were terminated and have not ended. */
  readonly abandoned: number
  /** Lanes that were taken back from threads that nobody knows. */
  readonly cleaned: number
  /** How often a thread was examined that was only slow. */
  readonly falseStarts: number
  /** How often the monitor itself was held up, and began anew. */
  readonly restarts: number
}

/** How many ms a thread gets to end that was terminated. */
const TERMINATE = 2_000

/** The verdicts that are told, and of which it is told that they hold no more. */
const TOLD: readonly Verdict[] = ['hung', 'busy', 'native', 'debugged', 'unseen'] satisfies ReportedVerdict[]

const isTold = (verdict: Verdict): verdict is Verdict & ReportedVerdict => TOLD.includes(verdict)

/** What comes of a verdict: it is counted and told, and where that is wanted the thread is terminated. */
export class Consequences {
  readonly #scope: Scope
  readonly #settings: MonitorSettings
  readonly #lanes: Lanes
  readonly #counts: { -readonly [Key in keyof MonitorCounts]: number } = {
    ...{ registered: 0, ended: 0, refused: 0, hung: 0, busy: 0, parked: 0, native: 0, debugged: 0, unseen: 0 },
    ...{ recovered: 0, terminated: 0, abandoned: 0, cleaned: 0, falseStarts: 0, restarts: 0 },
  }

  constructor(scope: Scope, settings: MonitorSettings, lanes: Lanes) {
    this.#scope = scope
    this.#settings = settings
    this.#lanes = lanes
  }

  get counts(): MonitorCounts {
    return Object.freeze({ ...this.#counts, refused: this.#lanes.refused })
  }

  count(what: keyof MonitorCounts): void {
    this.#counts[what] += 1
  }

  /** A thread has a new verdict. */
  of(thread: WatchedThread): void {
    const { verdict, previous } = thread.judgement
    if (verdict === 'parked' && !thread.isParked) this.count('parked')
    if (isTold(verdict)) {
      this.count(verdict)
      const isStuck = verdict === 'hung' || verdict === 'native'
      const isOver = isStuck && this.#settings.action === 'terminate'
      const worker = isOver ? thread.worker : undefined
      const whose =
        worker === undefined
          ? 'It can be terminated by who made it: it is no worker of this thread.'
          : 'It is terminated.'
      const report = this.#tell(thread, verdict, isOver ? whose : undefined)
      if (worker !== undefined) void this.#terminate(thread, worker, report)
    } else if (isTold(previous)) {
      this.count('recovered')
      this.#tell(thread, 'recovered', `It was ${previous}.`)
    }
  }

  /** Something of the monitor's own has failed, or of whoever listens to it. */
  fail(error: unknown): void {
    if (this.#scope.observes('resource.error')) this.#scope.publish('resource.error', undefined, { error })
  }

  /** Nothing of the inspector may be left in the thread by now: one that is stopped does not end. */
  async #terminate(thread: WatchedThread, worker: Worker, report: ThreadReport): Promise<void> {
    const { clock } = this.#scope
    thread.judgement.end()
    ownerOf(worker)?.condemned(`its monitor has found it ${report.verdict}`, report)
    try {
      await withTimeout(() => worker.terminate(), { timeout: TERMINATE, name: 'terminate', clock })
      this.count('terminated')
    } catch {
      thread.judgement.abandon()
      this.count('abandoned')
      const why = `terminate() has not ended it in ${TERMINATE} ms: it is abandoned, and process.exit() waits for it.`
      this.#tell(thread, 'native', why)
    }
  }

  #tell(thread: WatchedThread, verdict: ReportedVerdict, note: string | undefined): ThreadReport {
    const report = thread.report(verdict, note)
    const scope = this.#scope
    if (scope.observes('thread.changed')) {
      const event = { path: report.path, kind: 'thread', state: verdict, cause: report }
      publish(scope, Object.freeze({ type: 'thread.changed', ...event }))
    }
    try {
      const pending = this.#settings.onReport?.(report)
      if (isObject(pending)) Promise.resolve(pending).catch((error) => this.fail(error))
    } catch (error) {
      this.fail(error)
    }
    return report
  }
}
