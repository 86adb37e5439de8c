import type { ChildProcess } from 'node:child_process'
import { ENDED, type Entry, LIVE } from '../../lifecycle/entry.ts'
import { coded, EndswellError } from '../../lifecycle/errors.ts'
import type { CloseContext, Kind } from '../../lifecycle/kind.ts'
import { PLAIN, type Place } from '../../lifecycle/place.ts'
import { releaseOne } from '../../lifecycle/release.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import { TimeoutError } from '../../lifecycle/timeout-error.ts'
import { childProcess } from '../child-process.ts'
import type { Cover } from '../guard/parent-death.ts'
import { TREE } from '../guard/sidecar-script.ts'
import { killTree } from '../kill-tree.ts'
import { hasExited } from '../tree/has-exited.ts'
import { treeOf } from '../tree/process-tree.ts'
import { remarkOn } from '../tree/remark.ts'
import { type ChildError, exitedEarly } from './child-error.ts'
import { type ChildExit, exitOf, exitText, isBad, wordsText } from './child-exit.ts'
import { hearOutput } from './hear-output.ts'
import { LastWords } from './last-words.ts'
import { checkStop, type SpawnChildOptions } from './launch-options.ts'
import type { Launched } from './launched.ts'
import { ReadyWatch } from './ready-when.ts'
import type { ParentDeathGuard, SpawnedChild, StopOptions } from './spawned-child.ts'

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
  readonly #watch: ReadyWatch
  readonly #readied = Promise.withResolvers<SpawnedChild>()
  readonly #over = Promise.withResolvers<ChildExit>()
  /** Takes the listener off the signal of the options. */
  #unlisten: (() => void) | undefined = undefined
  #signal: NodeJS.Signals = 'SIGTERM'
  /** Why it is ended, if not by its lifecycle. */
  #why: { readonly error: unknown } | undefined = undefined
  /** Whether it was asked to end, and did not go by itself. */
  #isAsked = false
  #isReady = false
  #isOver = false

  constructor(scope: Scope, place: Place | undefined, started: Started) {
    const { child, mark, options } = started
    const { lastWords = 20, readyWhen, readyTimeout = 30_000 } = options
    this.pid = started.pid
    this.child = child
    this.#scope = scope
    this.#started = started
    this.#words = new LastWords(lastWords)
    // What is known of it from its birth on finds its tree when it has long exited.
    treeOf(child, { marker: `${TREE}=${mark}` })
    this.#entry = scope.add(this.#kind(), child, undefined, place)
    scope.entries.index(this.#entry)
    this.#entry.whenEnded((outcome) => this.#finish(outcome === 'abandoned'))
    this.path = scope.pathOf(this.#entry)
    this.#watch = new ReadyWatch({
      when: readyWhen,
      timeout: readyTimeout,
      clock: scope.clock,
      onReady: () => this.#becomeReady(),
      onFail: (error) => this.#fail(error),
    })
    this.#listen()
    this.#watch.start(this)
  }

  get ready(): Promise<SpawnedChild> {
    return this.#readied.promise
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

  stop(options: StopOptions = PLAIN): Promise<ChildExit> {
    checkStop(options)
    const { signal = 'SIGTERM', grace } = options
    const { state } = this.#entry
    if (state === LIVE) {
      this.#signal = signal
      const given = signal === 'SIGKILL' ? 0 : grace
      if (given !== undefined) this.#entry.detailed().grace = given
      this.#release()
    } else if (!this.#isOver && (grace !== undefined || signal === 'SIGKILL' || state === ENDED)) {
      // It is on its way out, from now on with less time; or it was forgotten, and is on no way of its lifecycle's.
      const { grace: usual, clock } = this.#scope.settings
      killTree(this.child, { signal, grace: grace ?? usual, clock }).catch((error) => this.#publish(error))
    }
    return this.ended
  }

  /** The kind `child-process`, which says more in the report, and ends what the child leaves behind. */
  #kind(): Kind<ChildProcess> {
    return {
      ...childProcess,
      close: (_, context) => this.#close(context),
      force: (_, context) => this.#force(context),
      // Its exit is heard elsewhere, and is no reason to leave. Here it is out, and if it has not ended, was forgotten.
      onGone: () => () => queueMicrotask(() => this.#isOver || this.#started.cover.end()),
    }
  }

  #listen(): void {
    const { child } = this
    const { signal } = this.#started.options
    hearOutput(child, (line, from) => this.#hear(line, from))
    for (const source of [child, ...child.stdio]) source?.on('error', (error) => this.#publish(error))
    child.once('exit', () => this.#exited())
    if (signal === undefined) return
    const onAbort = (): void => this.#fail(signal.reason)
    signal.addEventListener('abort', onAbort)
    this.#unlisten = () => signal.removeEventListener('abort', onAbort)
  }

  #hear(line: string, from: 'stdout' | 'stderr'): void {
    this.#words.add(line)
    try {
      this.#started.options.onLine?.(line, from)
    } catch (error) {
      this.#publish(error)
    }
    this.#watch.see(line)
  }

  #publish(error: unknown): void {
    if (this.#scope.observes('resource.error')) this.#scope.publish('resource.error', this.#entry, { error })
  }

  /** The leader has gone. What it has left behind is ended, unless all was forgotten. */
  #exited(): void {
    this.#watch.stop()
    const { state } = this.#entry
    if (state === LIVE) this.#release()
    else if (this.#isOver) this.#goneLate()
    else if (state === ENDED) this.#finish()
  }

  /** It had been abandoned, and its cover left in place. */
  #goneLate(): void {
    if (treeOf(this.child).isGone()) this.#started.cover.end()
  }

  #becomeReady(): void {
    this.#isReady = true
    this.#readied.resolve(this)
  }

  #fail(error: unknown): void {
    this.#why ??= { error }
    if (this.#entry.state === LIVE) this.#release()
  }

  #release(): void {
    releaseOne(this.#scope, this.#entry)
  }

  async #close(context: CloseContext): Promise<void> {
    this.#watch.stop()
    this.#isAsked = !hasExited(this.child)
    treeOf(this.child).signal = this.#signal
    await childProcess.close(this.child, context)
    this.#note(context)
  }

  async #force(context: CloseContext): Promise<void> {
    this.#watch.stop()
    this.#isAsked ||= !hasExited(this.child)
    // In case that not even this ends it.
    context.note(`was killed${wordsText(this.lastWords)}`)
    await childProcess.force?.(this.child, context)
    this.#note(context)
  }

  /** Says in the report how it ended, if that is worth a word. */
  #note(context: CloseContext): void {
    const tree = treeOf(this.child)
    const exit = this.#exit()
    const others = tree.forced.filter((pid) => pid !== this.pid)
    const killed = others.length > 0 ? `, and ${others.length} that it had started by force` : ''
    const how = isBad(exit, this.#isAsked) ? `${exitText(exit)}${killed}` : undefined
    const texts = [how, remarkOn(tree)].filter((text) => text !== undefined)
    if (texts.length > 0) context.note(`${texts.join('; ')}${wordsText(exit.lastWords)}`)
  }

  #exit(): ChildExit {
    const killed = treeOf(this.child).forced
    const byUs = killed.includes(this.pid) || this.#signal === 'SIGKILL' || this.child.killed
    const forced = killed.length > 0 || this.#signal === 'SIGKILL'
    return exitOf(this.child, { forced, byUs, lastWords: this.lastWords })
  }

  /** Nobody lives any more; or somebody does who could not be ended: the cover stays, and may have more luck. */
  #finish(isAbandoned = false): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#watch.stop()
    this.#unlisten?.()
    if (!isAbandoned) this.#started.cover.end()
    const exit = this.#exit()
    this.#over.resolve(exit)
    if (!this.#isReady) this.#readied.reject(this.#whyNot(exit))
  }

  /** Why it did not become ready. */
  #whyNot(exit: ChildExit): unknown {
    const { path } = this
    const exited = exitedEarly({ command: this.#started.command, path }, exit)
    if (this.#why !== undefined) return explained(this.#why.error, exited)
    if (!this.#isAsked) return exited
    // That is what was asked for, and the report tells of it: nobody has to hear it twice.
    this.ready.catch(() => {})
    const message = `${path} was ended before it was ready`
    if (this.#scope.state === 'open') return new EndswellError('ERR_ABORTED', `${message}.`, { path })
    return coded(new ReferenceError(`${message}, because ${this.#scope.path} is closing.`), 'ERR_CLOSED')
  }
}

/** A time that was up, with what the child said last as its cause: there it mostly says what it waits for. */
function explained(error: unknown, cause: ChildError): unknown {
  if (!(error instanceof TimeoutError) || 'cause' in error) return error
  return Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true })
}
