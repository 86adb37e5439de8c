import type { MessagePort } from 'node:worker_threads'
import { systemClock } from '../../lifecycle/clock.ts'
import { joinLanes, type Lane } from '../monitor/lane-here.ts'
import type { Hello } from '../wire/messages.ts'
import type { CloseRequest } from '../worker.ts'
import { Gate } from './gate.ts'
import { type Handler, ThreadEnd } from './thread-end.ts'

// The thread's own code may put something else in its place. As a module it would load what it only mentions.
const { process } = globalThis

type Teardown = (signal: AbortSignal) => unknown

/** What share of its grace a thread has until its calls should have let go, and until its teardown should be over. */
const CALLS = 0.5
const TEARDOWN = 0.8

/** A thread that serves, from the first word of its bridge until it is asked to end. */
export class Service {
  readonly #parent: MessagePort
  readonly #handlers: ReadonlyMap<string, Handler>
  readonly #teardown: Teardown
  readonly #ending = new AbortController()
  readonly #hello = new Gate()
  #end: ThreadEnd | undefined = undefined
  #lane: Lane | undefined = undefined

  constructor(parent: MessagePort, handlers: ReadonlyMap<string, Handler>, teardown: Teardown) {
    this.#parent = parent
    this.#handlers = handlers
    this.#teardown = teardown
    parent.on('message', this.#onHello)
    process.on('workerMessage', this.#onCloseRequest)
    // A handler that ends the thread ends it after what was answered before.
    process.on('exit', () => this.#end?.flush())
  }

  /** Aborts when the thread is asked to end. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /** Tells something outside of a call. Before the bridge has said hello there is nobody to tell. */
  emit(name: string, value: unknown): boolean {
    return this.#end?.emit(0, name, value) ?? false
  }

  async drained(): Promise<void> {
    await this.#hello.opened
    await this.#end?.drained()
  }

  readonly #onHello = (message: unknown): void => {
    if (!isOfType(message, 'endswell:bridge')) return
    this.#parent.off('message', this.#onHello)
    const hello = message as Hello
    this.#lane = joinLanes(hello.name)
    this.#end = new ThreadEnd(hello, this.#handlers)
    this.#hello.open()
  }

  /** What the teardown throws is an uncaught rejection, which ends the thread: so its end counts as failed. */
  readonly #onCloseRequest = (message: unknown): void => {
    if (isOfType(message, 'endswell:close') && !this.signal.aborted) void this.#close((message as CloseRequest).grace)
  }

  async #close(grace: number): Promise<void> {
    const reason = new DOMException('The thread has been asked to end.', 'AbortError')
    const since = systemClock.now()
    this.#lane?.stopping()
    this.#ending.abort(reason)
    await this.#endCalls(reason, grace * CALLS)
    const late = new AbortController()
    const left = Math.max(0, grace * TEARDOWN - (systemClock.now() - since))
    const timer = systemClock.setTimeout(() => late.abort(reason), left)
    await this.#teardown(late.signal)
    systemClock.clearTimeout(timer)
    this.#end?.close()
    process.exit()
  }

  /** Cancels the calls that are left, and waits for them, but only so long: they may not listen. */
  async #endCalls(reason: unknown, patience: number): Promise<void> {
    const over = new Gate()
    const timer = systemClock.setTimeout(over.open, patience)
    this.#end?.cancelAll(reason, over.open)
    if (this.#end === undefined) over.open()
    await over.opened
    systemClock.clearTimeout(timer)
  }
}

function isOfType(message: unknown, type: string): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === type
}
