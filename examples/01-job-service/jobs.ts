/**
 * Runs jobs as child processes. Shows that each attempt is a scope: a job has a lifecycle of its own, a named resource
 * of the service, in which its process and the note of its end close in order, whoever ends it: the job itself, a
 * client, or the service. Its process ends with all that it has started, also if the service is killed. And it shows a
 * registry: jobs that run are always found, those that have ended for a while.
 */
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import type { Lifecycle, Outcome } from 'endswell'
import type { Job, JobOutcome, JobRegistry } from 'endswell/bounded'
import { spawnChild } from 'endswell/process'
import type { Hasher } from './hasher.ts'
import type { Progress } from './progress.ts'
import type { Row } from './store.ts'
import type { Unsaved } from './unsaved.ts'

/** Every kind of job there is; see `job.ts`. */
export const kinds = ['quick', 'fails', 'slow', 'stubborn', 'family', 'litter']

/** How many ms a job gets to end on SIGTERM, before it is ended by SIGKILL. */
const GRACE = 1_500

const program = join(import.meta.dirname, 'job.ts')

/** What is kept of a job in memory. */
export interface Facts {
  readonly serial: number
  readonly sha256: string | null
}

/** What jobs need. */
export interface Means {
  readonly directory: string
  readonly registry: JobRegistry<Facts>
  readonly unsaved: Unsaved
  readonly hasher: Hasher
  readonly progress: Progress
}

/** The jobs that run. */
export class Jobs {
  readonly #life: Lifecycle
  readonly #means: Means
  readonly #ends = new EventEmitter()
  #serial: number

  /** `life` is where the jobs run: it is closed after all that can start one. `last` is the number of the last one. */
  constructor(life: Lifecycle, means: Means, last: number) {
    this.#life = life
    this.#means = means
    this.#serial = last
    this.#ends.setMaxListeners(0) // Any number of clients may wait for the same job.
  }

  /** Starts a job, and gives its id. */
  start(kind: string): string {
    this.#serial += 1
    const id = `${kind}-${this.#serial}`
    this.#save(this.#means.registry.start(id, { serial: this.#serial, sha256: null }))
    const life = this.#life.scope(id)
    // Registered before the process, it closes after it: with the process ended there is something to note.
    const noted = life.task('note', () => this.#run(life, kind, id), { fatal: true })
    const leave = () => void life.close()
    noted.then(leave, leave)
    return id
  }

  /** Stops a job, and tells how it took that. */
  stop(id: string): Promise<Outcome> {
    return this.#life.release(id)
  }

  /** Waits for a job's end; rejects with an AbortError when `signal` aborts. */
  async end(id: string, signal: AbortSignal): Promise<void> {
    if (this.#means.registry.get(id)?.state === 'active') await once(this.#ends, id, { signal })
  }

  async #run(life: Lifecycle, kind: string, id: string): Promise<void> {
    const { registry, progress, hasher, directory } = this.#means
    const log = join(directory, 'logs', `job_${id}.log`)
    let outcome: JobOutcome = 'failed'
    let sha256: string | null = null
    try {
      const child = await spawnChild(life, process.execPath, [program, kind, directory, log], {
        name: 'process',
        grace: GRACE,
        onLine: (line) => progress.tell({ id, line }),
      })
      // A job is over when all its processes are, those too that it has left behind.
      const { code } = await child.ended
      if (life.disposed) outcome = 'cancelled'
      else if (code === 0) {
        sha256 = await hasher.call('hash', [log])
        outcome = 'completed'
      }
    } catch (error) {
      progress.tell({ id, line: `failed: ${error}` })
    }
    this.#save(registry.end(id, outcome, (facts) => ({ ...facts, sha256 })))
    progress.tell({ id, state: outcome })
    this.#ends.emit(id)
  }

  #save(job: Job<Facts> | undefined): void {
    if (job !== undefined) this.#means.unsaved.add(job.id, rowOf(job))
  }
}

/** A job as the database has it. */
export function rowOf({ id, state, data }: Job<Facts>): Row {
  return { id, state, ...data }
}
