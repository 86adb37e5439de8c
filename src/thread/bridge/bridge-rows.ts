import type { Worker } from 'node:worker_threads'
import { customInspect } from '../../lifecycle/inspect.ts'
import type { LiveThread, ThreadState } from './live-thread.ts'
import { CANCELLING, type PendingCall, RUNNING } from './pending-call.ts'

/** A call at one moment. */
export interface CallSnapshot {
  /** Its number in the bridge, from 1. */
  readonly id: number
  /** The name of the method. */
  readonly method: string
  /** It waits for a thread; it is in one; or it is to end there, and nobody waits for it any more. */
  readonly state: 'queued' | 'running' | 'cancelling'
  /** How many ms ago it was made. */
  readonly age: number
  /** The priority that it was made with. */
  readonly priority: number
  /** Path of its thread, where it has one. */
  readonly thread?: string
}

/** A thread of a bridge, as long as it lives. It tells of this moment whenever it is asked. */
export interface BridgeThread {
  /** Path of its life, such as `/orders/bridge/thread-1/2`. */
  readonly path: string
  /** It boots, takes calls, takes no more, or is on its way out. */
  readonly state: ThreadState
  /** Node's object. */
  readonly worker: Worker
  /** Node's number of it; -1 when it has ended. */
  readonly threadId: number
  /** How many calls have ended in it. */
  readonly calls: number
  /** How many calls are in it. */
  readonly inFlight: number
  /** How many ms ago it was started. */
  readonly age: number
  /** The last lines that it has printed. */
  readonly lastWords: readonly string[]
}

/** A call as its bridge shows it. */
export function rowOf(call: PendingCall, now: number): CallSnapshot {
  const { id, method, priority, since, thread } = call
  const state = call.state === RUNNING ? 'running' : call.state === CANCELLING ? 'cancelling' : 'queued'
  const row = { id, method, state, age: now - since, priority } as const
  return Object.freeze(thread === undefined ? row : { ...row, thread: thread.path })
}

/** What is behind the face of a thread. */
export let liveOf: (thread: BridgeThread) => LiveThread | undefined

/** The face of a thread. */
export class ThreadFace implements BridgeThread {
  readonly #live: LiveThread
  readonly #now: () => number

  static {
    liveOf = (thread) => (typeof thread === 'object' && thread !== null && #live in thread ? thread.#live : undefined)
  }

  constructor(live: LiveThread, now: () => number) {
    this.#live = live
    this.#now = now
  }

  get path(): string {
    return this.#live.path
  }

  get state(): ThreadState {
    return this.#live.state
  }

  get worker(): Worker {
    return this.#live.worker
  }

  get threadId(): number {
    return this.#live.worker.threadId
  }

  get calls(): number {
    return this.#live.finished
  }

  get inFlight(): number {
    return this.#live.inFlight
  }

  get age(): number {
    return this.#now() - this.#live.since
  }

  get lastWords(): readonly string[] {
    return this.#live.body.words.lines
  }

  [customInspect](): object {
    return this.toJSON()
  }

  /** What can be said of it in JSON. */
  toJSON(): object {
    const { path, state, threadId, calls, inFlight, age } = this
    return { path, state, threadId, calls, inFlight, age }
  }
}
