import { endLate, settleIn } from '../lifecycle/acquire.ts'
import { Backoff } from '../lifecycle/backoff.ts'
import { wordOf } from '../lifecycle/errors.ts'
import { publish } from '../lifecycle/events.ts'
import { pause } from '../lifecycle/pause.ts'
import type { Scope } from '../lifecycle/scope.ts'
import { startTask, type TaskRun } from '../lifecycle/task.ts'
import type { RetryOptions } from './options.ts'
import type { Stage } from './stage.ts'
import type { Start } from './start.ts'
import { failureError, StartupError } from './startup-error.ts'

/** What a phase or a step does. */
export interface Work<T> {
  readonly fn: (signal: AbortSignal) => T
  readonly retry: RetryOptions | undefined
  readonly register: (scope: Scope, value: Awaited<T>) => void
}

/**
 * Does the work of a phase or a step within its time, as a task of the lifecycle. What it brings after that is ended at
 * once.
 *
 * @returns a promise of what it brought; of `undefined` where it failed and is optional.
 */
export function attempt<T>(start: Start, stage: Stage, work: Work<T>): Promise<Awaited<T> | undefined> {
  const { scope } = start
  const { name } = stage.facts
  const task = async (run: TaskRun): Promise<Awaited<T> | undefined> => {
    stage.site = run.site
    return await new Attempt(start, stage, work, run).result
  }
  return startTask(scope, name, task, {})
}

/** One phase or step under way. */
class Attempt<T> {
  /** What it brought; `undefined` where it failed and is optional. */
  readonly result: Promise<Awaited<T> | undefined>
  readonly #start: Start
  readonly #stage: Stage
  readonly #work: Work<T>
  readonly #run: TaskRun
  readonly #controller = new AbortController()
  readonly #settle = Promise.withResolvers<Awaited<T> | undefined>()
  readonly #undo: () => void

  constructor(start: Start, stage: Stage, work: Work<T>, run: TaskRun) {
    this.#start = start
    this.#stage = stage
    this.#work = work
    this.#run = run
    this.result = this.#settle.promise
    const { clock } = start.scope
    const { deadline } = stage.facts
    const timer = deadline && clock.setTimeout(() => start.expire(stage), deadline.left)
    if (!start.host.ref) timer?.unref()
    const unguard = deadline && start.host.guard(deadline, stage.path, stage.limit?.budget ?? 'step')
    const outer = run.signal
    const stopTimer = (): void => {
      if (timer !== undefined) clock.clearTimeout(timer)
      unguard?.()
    }
    const stop = (): void => {
      // From now on the closing says how long it may take.
      stopTimer()
      this.#controller.abort(outer.reason)
    }
    this.#undo = () => {
      stopTimer()
      outer.removeEventListener('abort', stop)
    }
    stage.giveUp = (error, state) => this.#giveUp(error, state)
    outer.addEventListener('abort', stop)
    if (outer.aborted) stop()
    // What has no time left does not begin.
    if (deadline?.expired && !outer.aborted) start.expire(stage)
    else start.inside(stage, () => void this.#go())
  }

  get #over(): boolean {
    return !this.#stage.running
  }

  async #go(): Promise<void> {
    const stage = this.#stage
    let value: Awaited<T>
    try {
      value = await this.#tries()
      // What began inside belongs to it, also where nobody waited for it.
      await Promise.all(stage.inside.map(({ over }) => over))
      if (this.#over) return this.#start.ending(this.#late(value))
      this.#passOn()
      await settleIn(this.#start.scope, stage.facts.name, this.#run, value, this.#work.register)
    } catch (cause) {
      return this.#failed(cause)
    }
    this.#end('done')
    this.#settle.resolve(value)
  }

  async #tries(): Promise<Awaited<T>> {
    const stage = this.#stage
    const { fn, retry } = this.#work
    const { signal } = this.#controller
    if (retry === undefined) {
      stage.attempts = 1
      return await fn(signal)
    }
    const { attempts = Number.POSITIVE_INFINITY, ...options } = retry
    const backoff = new Backoff(options)
    for (;;) {
      stage.attempts += 1
      const own = new AbortController()
      const stop = (): void => own.abort(signal.reason)
      signal.addEventListener('abort', stop)
      try {
        return await fn(own.signal)
      } catch (error) {
        if (signal.aborted || stage.attempts >= attempts) throw error
        stage.error = error
        // Whatever it has half opened by that signal ends before it is tried anew.
        own.abort(error)
      } finally {
        signal.removeEventListener('abort', stop)
      }
      await pause(this.#start.scope.clock, backoff.next(), signal)
    }
  }

  /** A phase or step in which something required failed has failed too, whoever caught that. */
  #passOn(): void {
    const failed = this.#stage.inside.find(({ state }) => state === 'failed' || state === 'timed out')
    if (failed !== undefined) throw failed.error
  }

  #failed(cause: unknown): void {
    const stage = this.#stage
    if (this.#over) return this.#lateError(cause)
    const start = this.#start
    const fromInside = cause instanceof StartupError && stage.inside.some(({ error }) => error === cause)
    const { aborted } = this.#run.signal
    if (!fromInside && (aborted || start.failure !== undefined)) {
      this.#end('stopped')
      return this.#settle.reject(aborted ? cause : start.failure)
    }
    const error = fromInside ? cause : failureError(stage, start.root, start.scope.clock.now(), cause)
    this.#giveUp(error, 'failed')
    if (!stage.isOptional) start.fail(error, stage)
  }

  /** Ends it here and now, whatever its function goes on doing. */
  #giveUp(error: Error, state: 'failed' | 'timed out'): void {
    const { optional } = this.#stage.facts
    this.#end(optional ? 'degraded' : state, error)
    this.#controller.abort(error)
    if (optional) return this.#settle.resolve(undefined)
    // The closing that follows need not wait for it.
    this.#run.leave()
    this.#settle.reject(error)
  }

  #end(state: 'done' | 'degraded' | 'failed' | 'timed out' | 'stopped', error?: Error): void {
    this.#undo()
    this.#start.end(this.#stage, state, error)
  }

  async #late(value: Awaited<T>): Promise<void> {
    const { register } = this.#work
    try {
      await endLate(this.#start.scope, this.#stage.facts.name, (late) => register(late, value))
    } catch (error) {
      this.#lateError(error)
    }
  }

  /** What fails after it has been given up is told of, and ends nothing. */
  #lateError(error: unknown): void {
    const { scope } = this.#start
    const { path } = this.#stage
    const { signal } = this.#controller
    if (error === signal.reason || wordOf(error, 'name') === 'AbortError') return
    if (scope.observes('resource.late')) publish(scope, { type: 'resource.late', path, kind: 'task', error })
  }
}
