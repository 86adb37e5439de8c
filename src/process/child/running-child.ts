import type { ChildProcess } from 'node:child_process'
import { Alarm } from '../../lifecycle/alarm.ts'
import type { Outcome } from '../../lifecycle/contract.ts'
import { Descent } from '../../lifecycle/descent.ts'
import { ENDED, ENDING, type Entry, LIVE } from '../../lifecycle/entry.ts'
import { customInspect } from '../../lifecycle/inspect.ts'
import type { CloseContext, Kind } from '../../lifecycle/kind.ts'
import { LastWords } from '../../lifecycle/last-words.ts'
import { PLAIN, type Place } from '../../lifecycle/place.ts'
import { releaseOne } from '../../lifecycle/release.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import { childProcess } from '../child-process.ts'
import type { Cover } from '../guard/parent-death.ts'
import { TREE } from '../guard/sidecar-script.ts'
import { killTree } from '../kill-tree.ts'
import { hasExited } from '../tree/has-exited.ts'
import { treeOf } from '../tree/process-tree.ts'
import { attempt } from './attempt.ts'
import { type ChildExit, wordsText } from './child-exit.ts'
import { hearOutput } from './hear-output.ts'
import { checkStop, type SpawnChildOptions } from './launch-options.ts'
import type { Launched } from './launched.ts'
import { Readiness } from './readiness.ts'
import type { ParentDeathGuard, SpawnedChild, StopOptions } from './spawned-child.ts'
import { exitNow, noteOn } from './tree-end.ts'

/** A child that has just been started. */
export interface Started {
  readonly child: ChildProcess
  readonly pid: number
  readonly command: string
  readonly mark: string
  readonly cover: Cover
  readonly options: SpawnChildOptions
}

/** A child and its tree in a lifecycle, from its start until nobody of it lives. */
export class RunningChild implements Launched {
  readonly pid: number
  readonly path: string
  readonly child: ChildProcess
  readonly #scope: Scope
  readonly #entry: Entry
  readonly #started: Started
  readonly #words: LastWords
  readonly #readiness: Readiness
  readonly #over = Promise.withResolvers<ChildExit>()
  /** Rings when whoever wants it ended waits no longer. */
  readonly #limit: Alarm
  /** Takes the listener off the signal of the options. */
  #unlisten: (() => void) | undefined = undefined
  #failure: unknown = undefined
  /** Whether it was asked to end, and did not go by itself. */
  #isAsked = false
  #isOver = false

  constructor(scope: Scope, place: Place | undefined, started: Started) {
    const { child, mark, options } = started
    const { lastWords = 20, stopSignal = 'SIGTERM' } = options
    this.pid = started.pid
    this.child = child
    this.#scope = scope
    this.#started = started
    this.#words = new LastWords(lastWords)
    this.#limit = new Alarm(scope.clock, () => this.#entry.detail?.ladder?.force())
    this.#readiness = new Readiness(this, { ...started, scope, onFail: () => this.#fail() })
    // What is known of it from its birth on finds its tree when it has long exited.
    treeOf(child, { marker: `${TREE}=${mark}` }).signal = stopSignal
    // Whoever is told of it may end it before this returns: all that takes is there by now.
    this.#entry = scope.add(this.#kind(), child, undefined, place)
    this.path = scope.pathOf(this.#entry)
    this.#entry.whenEnded((...end) => this.#ended(...end))
    this.#listen()
    // Whoever heard of its birth may have ended it, or had it forgotten.
    const { state } = this.#entry
    if (state === LIVE) scope.entries.index(this.#entry)
    else if (state === ENDED) this.#uncover()
    if (state !== ENDING) this.#readiness.start()
  }

  get ready(): Promise<SpawnedChild> {
    return this.#readiness.promise
  }

  get ended(): Promise<ChildExit> {
    return this.#over.promise
  }

  get parentDeathGuard(): ParentDeathGuard {
    return this.#started.cover.mechanism
  }

  get lastWords(): readonly string[] {
    return this.#words.lines
  }

  get failure(): unknown {
    return this.#failure
  }

  stop(options: StopOptions = PLAIN): Promise<ChildExit> {
    checkStop(options)
    const tree = treeOf(this.child)
    const { signal = tree.signal, grace } = options
    const { state } = this.#entry
    const given = signal === 'SIGKILL' ? 0 : grace
    if (state === ENDED) {
      if (!this.#isOver) this.#killForgotten(signal, grace)
    } else if (signal === 'SIGKILL' && state === LIVE) {
      new Descent(this.#scope, 'it was stopped', Number.POSITIVE_INFINITY, false).ladder(this.#entry).force()
    } else if (state === LIVE) {
      tree.signal = signal
      if (given !== undefined) this.#entry.detailed().grace = given
      this.#release()
    } else if (given !== undefined) {
      // It is on its way out, from now on with less time.
      const now = this.#scope.clock.now()
      this.#limit.set(now + given, now)
    }
    return this.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  [customInspect](): object {
    const { pid, path, parentDeathGuard, lastWords } = this
    const state = this.#isOver ? 'ended' : this.#readiness.isReady ? 'ready' : 'starting'
    return { pid, path, state, parentDeathGuard, lastWords }
  }

  /** It is on no way of its lifecycle's. */
  #killForgotten(signal: NodeJS.Signals, grace: number | undefined): void {
    const { grace: usual, clock } = this.#scope.settings
    killTree(this.child, { signal, grace: grace ?? usual, clock }).catch((error) => this.#publish(error))
  }

  /** The kind `child-process`, which says more in the report, and ends what the child leaves behind. */
  #kind(): Kind<ChildProcess> {
    return {
      ...childProcess,
      close: (_, context) => this.#close(context),
      force: (_, context) => this.#force(context),
      // Its exit is heard elsewhere, and is no reason to leave. Here it is out, and if it has not ended, was forgotten.
      onGone: () => () => this.#uncover(),
    }
  }

  #listen(): void {
    const { child } = this
    const { signal } = this.#started.options
    hearOutput(child, (line, from) => this.#hear(line, from))
    for (const source of [child, ...child.stdio]) source?.on('error', (error) => this.#publish(error))
    child.once('exit', () => this.#exited())
    if (signal === undefined) return
    const onAbort = (): void => this.#readiness.fail(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort)
    this.#unlisten = () => signal.removeEventListener('abort', onAbort)
  }

  #hear(line: string, from: 'stdout' | 'stderr'): void {
    this.#words.add(line)
    attempt(
      () => this.#started.options.onLine?.(line, from),
      (error) => this.#publish(error),
    )
    this.#readiness.see(line)
  }

  #publish(error: unknown): void {
    if (this.#scope.observes('resource.error')) this.#scope.publish('resource.error', this.#entry, { error })
  }

  /** The leader has gone. What it has left behind is ended, unless all was forgotten. */
  #exited(): void {
    this.#readiness.stop()
    const { state } = this.#entry
    if (state === LIVE) this.#release()
    else if (this.#isOver) this.#goneLate()
    else if (state === ENDED) this.#finish()
  }

  /** It had been abandoned, and its cover left in place. */
  #goneLate(): void {
    if (treeOf(this.child).isGone()) this.#started.cover.end()
  }

  /** Nobody guards what was forgotten. What has ended is seen to elsewhere, in the same turn. */
  #uncover(): void {
    queueMicrotask(() => this.#isOver || this.#started.cover.end())
  }

  #fail(): void {
    const { state } = this.#entry
    if (state === LIVE) this.#release()
    // It was forgotten, and lives on.
    else if (state === ENDED) this.#readiness.leave()
  }

  #release(): void {
    releaseOne(this.#scope, this.#entry)
  }

  async #close(context: CloseContext): Promise<void> {
    this.#readiness.stop()
    this.#isAsked = !hasExited(this.child)
    await childProcess.close(this.child, context)
    this.#note(context)
  }

  async #force(context: CloseContext): Promise<void> {
    this.#readiness.stop()
    this.#isAsked ||= !hasExited(this.child)
    // In case that not even this ends it.
    if (!treeOf(this.child).isGone()) context.note(`was killed${wordsText(this.lastWords)}`)
    await childProcess.force?.(this.child, context)
    this.#note(context)
  }

  /** Says in the report how it ended, if that is worth a word. */
  #note(context: CloseContext): void {
    const note = noteOn(this.child, this.lastWords, this.#isAsked)
    if (note !== undefined) context.note(note)
  }

  /** Its way down is over. That signalling is refused makes it a failure, and those who refuse live on, too. */
  #ended(outcome: Outcome, error: unknown): void {
    const isAbandoned = outcome === 'abandoned' || (outcome === 'failed' && !treeOf(this.child).isGone())
    if (isAbandoned) this.#failure = error
    this.#finish(isAbandoned)
  }

  /** Nobody lives any more; or somebody does who could not be ended: the cover stays, and may have more luck. */
  #finish(isAbandoned = false): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#limit.clear()
    this.#unlisten?.()
    if (!isAbandoned) this.#started.cover.end()
    const exit = exitNow(this.child, this.lastWords, isAbandoned)
    this.#over.resolve(exit)
    this.#readiness.end(exit, this.#isAsked)
  }
}
