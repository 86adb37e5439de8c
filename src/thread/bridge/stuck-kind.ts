import type { Worker } from 'node:worker_threads'
import type { CloseContext, Kind } from '../../lifecycle/kind.ts'

/** How many ms a resource that is forced gets before it counts as abandoned. */
const FORCE_WINDOW = 1_000

/** The kind `worker` for one thread, which is not asked to end once it is known not to listen, but terminated at once. */
export class StuckKind implements Kind<Worker> {
  readonly name: string
  readonly matches: Kind<Worker>['matches']
  readonly force: NonNullable<Kind<Worker>['force']>
  readonly isGone: NonNullable<Kind<Worker>['isGone']>
  readonly onGone: NonNullable<Kind<Worker>['onGone']>
  readonly describe: (worker: Worker) => string
  /** Why it is terminated, as the end of a sentence; `undefined` as long as it may listen. */
  condemnedFor: string | undefined = undefined
  readonly #kind: Kind<Worker>
  readonly #terminateTimeout: number
  readonly #usual: number

  constructor(kind: Kind<Worker>, terminateTimeout: number, grace: number) {
    this.name = kind.name
    this.matches = kind.matches
    this.force = (worker) => worker.terminate()
    this.isGone = kind.isGone ?? (() => false)
    this.onGone = kind.onGone ?? (() => undefined)
    this.describe = kind.describe ?? (() => '')
    this.#kind = kind
    this.#terminateTimeout = terminateTimeout
    this.#usual = grace
  }

  /** What is left of `terminateTimeout` before the last rung. */
  get grace(): number {
    return this.condemnedFor === undefined ? this.#usual : this.#terminateTimeout - FORCE_WINDOW
  }

  close(worker: Worker, context: CloseContext): unknown {
    if (this.condemnedFor === undefined) return this.#kind.close(worker, context)
    context.note(`terminated: ${this.condemnedFor}`)
    return worker.terminate()
  }
}
