import { endLate, settleIn } from '../lifecycle/acquire.ts'
import { Backoff } from '../lifecycle/backoff.ts'
import { wordOf } from '../lifecycle/errors.ts'
import { publish } from '../lifecycle/events.ts'
import { pause } from '../lifecycle/pause.ts'
import type { Scope } from '../lifecycle/scope.ts'
import { startTask, type TaskRun } from '../lifecycle/task.ts'
import type { RetryOptions } from './options.ts'
import type { Stage, StageState } from './stage.ts'
import type { Start } from './start.ts'

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
  const begin = (run: TaskRun): Promise<Awaited<T> | undefined> => new Attempt(start, stage, work, run).result
  const promise = startTask(start.scope, stage.facts.name, begin, {})
  // Whoever stopped it knows; nobody need listen.
  const quiet = (): void => void promise.catch(() => {})
  if (stage.state === 'stopped') quiet()
  else stage.onStopped = quiet
  return promise
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
  #givenUp = false

  constructor(start: Start, stage: Stage, work: Work<T>, run: TaskRun) {
    this.#start = start
    this.#stage = stage
    this.#work = work
    this.#run = run
    this.result = this.#settle.promise
    stage.site = run.site
    const { deadline } = stage.facts
    const { signal } = run
    // Its own signal aborts where it alone is released.
    const release = (): void => this.#controller.abort(signal.reason)
    signal.addEventListener('abort', release)
    const stopTimer = start.bound(stage)
    this.#undo = () => {
      stopTimer()
      signal.removeEventListener('abort', release)
    }
    stage.giveUp = (error, state) => this.#giveUp(error, state)
    stage.stop = (reason) => this.#stop(reason)
    // What has no time left does not begin.
    if (deadline.expired) start.expire(stage)
    else start.inside(stage, () => void this.#go())
  }

  async #go(): Promise<void> {
    let value: Awaited<T>
    try {
      value = await this.#tries()
      await this.#stage.insideOver()
    } catch (cause) {
      return this.#failed(cause)
    }
    if (this.#givenUp) return this.#start.late.add(this.#late(value))
    try {
      await settleIn(this.#start.scope, this.#stage.facts.name, this.#run, value, this.#work.register)
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
    if (retry === undefined) return await fn(signal)
    const { attempts = Number.POSITIVE_INFINITY, ...options } = retry
    const backoff = new Backoff(options)
    stage.attempts = 0
    for (;;) {
      stage.attempts += 1
      const own = new AbortController()
      const stop = (): void => own.abort(signal.reason)
      signal.addEventListener('abort', stop)
      try {
        return await fn(own.signal)
      } catch (error) {
        // Whatever it has half opened by that signal ends before it is tried anew.
        own.abort(error)
        if (signal.aborted || stage.attempts >= attempts) throw error
        stage.error = error
      } finally {
        signal.removeEventListener('abort', stop)
      }
      await pause(this.#start.scope.clock, backoff.next(), signal)
    }
  }

  #failed(cause: unknown): void {
    if (this.#givenUp) return this.#tellLate(cause)
    const start = this.#start
    if (this.#stage.state === 'stopped' || start.scope.state !== 'open') {
      this.#end('stopped')
      // That something inside was given up with it is told of there.
      const code = wordOf(cause, 'code')
      return this.#settle.reject(code === 'ERR_ABANDONED' ? this.#controller.signal.reason : cause)
    }
    start.failed(this.#stage, cause)
  }

  /** The lifecycle closes, and from now on says how long this may take. */
  #stop(reason: unknown): void {
    this.#end('stopped')
    this.#controller.abort(reason)
  }

  /** Ends it here and now with all that is inside, whatever its function goes on doing. */
  #giveUp(error: Error, state: StageState): void {
    const stage = this.#stage
    const { optional } = stage.facts
    this.#givenUp = true
    for (const inside of stage.inside) inside.giveUp?.(error, 'stopped')
    this.#end(optional && state !== 'stopped' ? 'degraded' : state, error)
    this.#controller.abort(error)
    if (optional) return this.#settle.resolve(undefined)
    // The closing that follows need not wait for it.
    this.#run.leave()
    this.#settle.reject(error)
  }

  #end(state: StageState, error?: Error): void {
    this.#undo()
    if (this.#stage.running) this.#start.end(this.#stage, state, error)
  }

  async #late(value: Awaited<T>): Promise<void> {
    const { register } = this.#work
    try {
      await endLate(this.#start.scope, this.#stage.facts.name, (late) => register(late, value))
    } catch (error) {
      this.#tellLate(error)
    }
  }

  /** What fails after it has been given up is told of, and ends nothing; that it came too late is no news. */
  #tellLate(error: unknown): void {
    const { scope } = this.#start
    const { path } = this.#stage
    const { signal } = this.#controller
    const isNoNews = error === signal.reason || wordOf(error, 'name') === 'AbortError'
    if (isNoNews || wordOf(error, 'code') === 'ERR_CLOSED') return
    if (scope.observes('resource.late')) publish(scope, { type: 'resource.late', path, kind: 'task', error })
  }
}
