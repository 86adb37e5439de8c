import { coded, EndswellError } from '../../lifecycle/errors.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import { TimeoutError } from '../../lifecycle/timeout-error.ts'
import { type ChildError, exitedEarly } from './child-error.ts'
import type { ChildExit } from './child-exit.ts'
import type { SpawnChildOptions } from './launch-options.ts'
import { ReadyWatch } from './ready-when.ts'
import type { SpawnedChild } from './spawned-child.ts'

/** What is known of a child that is to become ready. */
interface Candidate {
  readonly command: string
  readonly scope: Scope
  readonly options: SpawnChildOptions
  /** Called when it will not be ready, or is not wanted any more: it is to be ended, if that is anybody's affair. */
  readonly onFail: () => void
}

/** Whether a child is ready: a promise of it, which tells why where it is not. */
export class Readiness {
  readonly #child: SpawnedChild
  readonly #candidate: Candidate
  readonly #watch: ReadyWatch
  readonly #settled = Promise.withResolvers<SpawnedChild>()
  /** Why it is ended, if not by its lifecycle. */
  #reason: { readonly error: unknown } | undefined = undefined
  #isReady = false

  constructor(child: SpawnedChild, candidate: Candidate) {
    const { readyWhen, readyTimeout = 30_000 } = candidate.options
    this.#child = child
    this.#candidate = candidate
    this.#watch = new ReadyWatch({
      when: readyWhen,
      timeout: readyTimeout,
      clock: candidate.scope.clock,
      onReady: () => this.#become(),
      onFail: (error) => this.fail(error),
    })
  }

  get promise(): Promise<SpawnedChild> {
    return this.#settled.promise
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** Begins to wait. */
  start(): void {
    this.#watch.start(this.#child)
  }

  /** Looks at a line of the output. */
  see(line: string): void {
    this.#watch.see(line)
  }

  /** It is on its way out: nobody waits for it any more. */
  stop(): void {
    this.#watch.stop()
  }

  /** It is not wanted any more, or not worth to be waited for. */
  fail(error: unknown): void {
    this.#reason ??= { error }
    this.#candidate.onFail()
  }

  /** It lives on, but is not waited for any more. */
  leave(): void {
    this.#watch.stop()
    this.#settled.reject(this.#reason?.error)
  }

  /** It has ended. `wasAsked`: it did not go by itself. */
  end(exit: ChildExit, wasAsked: boolean): void {
    this.#watch.stop()
    if (this.#isReady) return
    const { command } = this.#candidate
    const exited = exitedEarly({ command, path: this.#child.path }, exit)
    if (this.#reason !== undefined) return this.#settled.reject(explained(this.#reason.error, exited))
    if (!wasAsked) return this.#settled.reject(exited)
    // That is what was asked for, and the report tells of it: nobody has to hear it twice.
    this.promise.catch(() => {})
    this.#settled.reject(this.#unwanted())
  }

  #become(): void {
    this.#isReady = true
    this.#settled.resolve(this.#child)
  }

  #unwanted(): Error {
    const { path } = this.#child
    const { scope } = this.#candidate
    const message = `${path} was ended before it was ready`
    if (scope.state === 'open') return new EndswellError('ERR_ABORTED', `${message}.`, { path })
    return coded(new ReferenceError(`${message}, because ${scope.path} is closing.`), 'ERR_CLOSED')
  }
}

/** A time that was up, with what the child said last as its cause: there it mostly says what it waits for. */
function explained(error: unknown, cause: ChildError): unknown {
  if (!(error instanceof TimeoutError) || 'cause' in error) return error
  return Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true })
}
