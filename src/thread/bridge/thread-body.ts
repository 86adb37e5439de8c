import type { Worker } from 'node:worker_threads'
import type { ClockTimer } from '../../lifecycle/clock.ts'
import { EndswellError } from '../../lifecycle/errors.ts'
import type { Kind } from '../../lifecycle/kind.ts'
import { LastWords } from '../../lifecycle/last-words.ts'
import { type Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import { TimeoutError } from '../../lifecycle/timeout-error.ts'
import { watchClosing } from '../../lifecycle/watch-closing.ts'
import type { BridgeSettings } from './bridge-options.ts'
import { hearOutput } from './hear-output.ts'
import { StuckKind } from './stuck-kind.ts'

/** Who is told what becomes of a worker. */
export interface BodyHost {
  /** Its scope closes: it is asked to end. */
  onClosing(): void
  /** It has exited; `cause` is why, where it was not asked to. */
  onExit(cause: unknown): void
  /** Its scope has closed; `isAbandoned`: and it lives on. */
  onClosed(isAbandoned: boolean): void
}

/** The worker of a thread, from its start to its exit: a resource of the scope that is the thread's life. */
export class ThreadBody {
  readonly path: string
  readonly worker: Worker
  readonly words: LastWords
  /** Whether it has ever served. */
  hasServed = false
  /** Whether its program was begun. */
  hasRun = false
  /** Whether its program has run to its end: whoever is terminated before that has no status of its own, or 1. */
  hasRunOut = false
  readonly #scope: Scope
  readonly #host: BodyHost
  readonly #kind: StuckKind
  readonly #over = Promise.withResolvers<void>()
  /** Rings when it has had its time to serve. */
  readonly #limit: ClockTimer
  #wasAsked = false
  #thrown: { readonly error: unknown } | undefined = undefined

  constructor(face: Lifecycle, worker: Worker, kind: Kind<Worker>, settings: BridgeSettings, host: BodyHost) {
    const { lastWords, output, readyTimeout, terminateTimeout } = settings
    const scope = scopeOf(face)
    this.path = scope.path
    this.worker = worker
    this.words = new LastWords(lastWords)
    this.#scope = scope
    this.#host = host
    this.#kind = new StuckKind(kind, terminateTimeout, scope.settings.grace)
    hearOutput(worker, this.words, output, (error) => this.#publish(error))
    worker.once('online', () => {
      this.hasRun = true
    })
    worker.on('error', (error) => this.#failed(error))
    worker.once('exit', (code) => this.#exited(code))
    this.#limit = scope.clock.setTimeout(() => this.#late(readyTimeout), readyTimeout)
    face.use(worker, { name: 'worker', kind: this.#kind })
    watchClosing(
      scope,
      () => this.#closed(),
      () => this.#closing(),
    )
  }

  /** Settles when its life is over: rejects where it was not asked to end. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  /** It serves. */
  served(): void {
    this.hasServed = true
    this.#scope.clock.clearTimeout(this.#limit)
  }

  /** From now on it is not asked to end but terminated, for that reason. One that never served has failed all the same. */
  condemn(why: string): void {
    this.#kind.condemnedFor = why
    if (this.hasServed) this.#wasAsked = true
  }

  #closing(): void {
    this.#wasAsked = true
    this.#scope.clock.clearTimeout(this.#limit)
    this.#host.onClosing()
    this.#over.resolve()
  }

  #closed(): void {
    const isAbandoned = this.worker.threadId !== -1
    // Nobody waits for it any more.
    if (isAbandoned) this.worker.unref()
    this.#host.onClosed(isAbandoned)
  }

  #failed(error: unknown): void {
    this.#thrown ??= { error }
    if (this.#wasAsked) this.#publish(error)
  }

  #exited(code: number): void {
    this.hasRunOut = this.hasRun && code === 0
    this.#scope.clock.clearTimeout(this.#limit)
    const cause = this.#thrown === undefined ? this.#exitError(code) : this.#thrown.error
    this.#host.onExit(this.#wasAsked ? undefined : cause)
    if (this.#wasAsked) this.#over.resolve()
    else this.#over.reject(cause)
  }

  #late(timeout: number): void {
    const hint = `Its file has not called serve(), or not while it was loaded.${this.#said}`
    this.#over.reject(new TimeoutError({ path: this.path, timeout, elapsed: timeout, limitedBy: undefined, hint }))
  }

  #exitError(code: number): EndswellError {
    const message = `${this.path} exited with code ${code}, ${this.#why}${this.#said}`
    return new EndswellError('ERR_EXITED', message, { path: this.path })
  }

  get #why(): string {
    const why = this.#kind.condemnedFor
    if (why !== undefined) return `since it was terminated: ${why}.`
    return this.hasServed ? 'and nobody had asked for it.' : 'and had not served. Does its file call serve()?'
  }

  get #said(): string {
    const { lines } = this.words
    return lines.length === 0 ? '' : ` Its last words: ${lines.join('\n')}`
  }

  #publish(error: unknown): void {
    if (!this.#scope.observes('resource.error')) return
    this.#scope.publish('resource.error', undefined, { path: `${this.path}/worker`, kind: 'worker', error })
  }
}
