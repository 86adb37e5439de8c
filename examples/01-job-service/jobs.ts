/**
 * Runs jobs as child processes. Shows that each attempt is a scope: a job has a lifecycle of its own, a named resource
 * of the service, in which its process and the note of its end close in order, whoever ends it: the job itself, a
 * client, or the service. Its process ends with all that it has started, also if the service is killed.
 */
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import type { Lifecycle, Outcome } from 'endswell'
import { spawnChild } from 'endswell/process'
import type { Hasher } from './hasher.ts'
import type { Progress } from './progress.ts'
import type { State, Store } from './store.ts'

/** Every kind of job there is; see `job.ts`. */
export const kinds = ['quick', 'fails', 'slow', 'stubborn', 'family', 'litter']

/** How many ms a job gets to end on SIGTERM, before it is ended by SIGKILL. */
const GRACE = 1_500

const program = join(import.meta.dirname, 'job.ts')

/** What jobs need. */
export interface Means {
  readonly directory: string
  readonly store: Store
  readonly hasher: Hasher
  readonly progress: Progress
}

/** The jobs that run. */
export class Jobs {
  readonly #life: Lifecycle
  readonly #means: Means
  readonly #ends = new EventEmitter()
  #size = 0

  /** `life` is where the jobs run: it is closed after all that can start one. */
  constructor(life: Lifecycle, means: Means) {
    this.#life = life
    this.#means = means
    this.#ends.setMaxListeners(0) // Any number of clients may wait for the same job.
  }

  /** How many run. */
  get size(): number {
    return this.#size
  }

  /** Starts a job, and gives its id. */
  start(kind: string): string {
    const id = this.#means.store.add(kind)
    const life = this.#life.scope(id)
    this.#size += 1
    // Registered before the process, it closes after it: with the process ended there is something to note.
    const noted = life.task('note', () => this.#run(life, kind, id), { fatal: true })
    const leave = () => {
      this.#size -= 1
      void life.close()
    }
    noted.then(leave, leave)
    return id
  }

  /** Stops a job, and tells how it took that. */
  stop(id: string): Promise<Outcome> {
    return this.#life.release(id)
  }

  /** Waits for a job's end; rejects with an AbortError when `signal` aborts. */
  async end(id: string, signal: AbortSignal): Promise<void> {
    if (this.#means.store.get(id)?.state === 'running') await once(this.#ends, id, { signal })
  }

  async #run(life: Lifecycle, kind: string, id: string): Promise<void> {
    const { store, progress, hasher, directory } = this.#means
    let state: State = 'failed'
    let sha256: string | null = null
    try {
      const child = await spawnChild(life, process.execPath, [program, kind, directory, id], {
        name: 'process',
        grace: GRACE,
        onLine: (line) => progress.tell({ id, line }),
      })
      // A job is over when all its processes are, those too that it has left behind.
      const { code } = await child.ended
      if (life.disposed) state = 'stopped'
      else if (code === 0) {
        sha256 = await hasher.call('hash', [join(directory, 'files', id)])
        state = 'done'
      }
    } catch (error) {
      progress.tell({ id, line: `failed: ${error}` })
    }
    store.end(id, state, sha256)
    progress.tell({ id, state })
    this.#ends.emit(id)
  }
}
