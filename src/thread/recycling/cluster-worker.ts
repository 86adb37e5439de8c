import type { Worker } from 'node:cluster'
import { EndswellError } from '../../lifecycle/errors.ts'
import type { CloseContext, Kind } from '../../lifecycle/kind.ts'
import type { Lifecycle } from '../../lifecycle/lifecycle.ts'
import { type FromPrimary, type FromWorker, isOurs } from './messages.ts'
import type { Wear } from './wear.ts'
import { exitWords, type WorkerExit } from './worker-exit.ts'

/** How many ms a worker gets to end that has nothing to finish, or may not finish it. */
const HURRY = 1_000
/** Which part of its time a worker may spend on closing its lifecycle: the rest is for its exit. */
const SHARE = 0.9

/** How a worker goes. */
export interface Manner {
  readonly reason: string
  /** How many ms it goes on serving the connections that it has. */
  readonly notice: number
  /** Whether it gets no time to finish. */
  readonly isHard: boolean
}

/** Where a worker stands. */
export type WorkerState = 'starting' | 'ready' | 'draining' | 'ended'

/** One process of a cluster, as its primary sees it: from its fork to its exit. */
export class ClusterWorker {
  readonly worker: Worker
  readonly wear: Wear
  /** Resolves when it serves; rejects when it has ended before. Dropped, that is handled. */
  readonly ready: Promise<void>
  /** Resolves when the process is gone. */
  readonly ended: Promise<WorkerExit>
  /** Whether somebody has asked it to end: then it is no crash. */
  wasAsked = false
  state: WorkerState = 'starting'
  /** How it is to go, where that is not the end of all. */
  manner: Manner | undefined = undefined
  /** It has told something of itself. */
  onVitals = (): void => {}
  readonly #check: number
  readonly #ready = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<WorkerExit>()
  /** Whether it can be asked to retire, and whether it tells by itself when it is ready. */
  #isRecyclable = false
  #tells = false
  #wasKilled = false

  constructor(worker: Worker, wear: Wear, check: number) {
    this.worker = worker
    this.wear = wear
    this.#check = check
    this.ready = this.#ready.promise
    this.ready.catch(() => {})
    this.ended = this.#ended.promise
    worker.on('message', (message: unknown) => isOurs(message) && this.#hear(message as FromWorker))
    worker.on('listening', () => this.#tells || this.#serve())
    worker.on('exit', (code: number | null, signal: string | null) => this.#end(code, signal))
    // Without a listener, what it has done to its channel would end the primary. Its exit says what matters.
    worker.on('error', (error: unknown) => worker.process.pid === undefined && this.#end(null, null, error))
  }

  get pid(): number | undefined {
    return this.worker.process.pid
  }

  /** Has a lifecycle end it, at the latest `grace` ms after it was asked to. */
  join(life: Lifecycle, name: string, grace: number): void {
    life.use(this, { kind: clusterWorker, name, grace })
  }

  /** Asks it to end, and resolves when it has. */
  async close(context: CloseContext): Promise<void> {
    const { reason, grace } = context
    const { manner = { reason, notice: 0, isHard: false } } = this
    const isStarting = this.state === 'starting'
    const isHurried = manner.isHard || isStarting
    this.#leave()
    const time = isHurried ? Math.min(HURRY, grace) : grace
    const notice = isHurried ? 0 : Math.min(manner.notice, time)
    const timeout = (time - notice) * SHARE
    if (!this.worker.isConnected()) this.worker.process.kill('SIGTERM')
    else if (this.#isRecyclable) this.#send({ type: 'endswell:retire', notice, timeout, reason: manner.reason })
    // A program that does not know us is asked by a signal before it serves. Later it closes its servers, and the
    // connections that are idle, as Node has it.
    else if (isStarting) this.worker.process.kill('SIGTERM')
    else this.worker.disconnect()
    if (isHurried) await this.#within(time, context)
    await this.ended
  }

  /** Kills it. */
  async force(): Promise<void> {
    this.#leave()
    this.#kill()
    await this.ended
  }

  #leave(): void {
    this.wasAsked = true
    if (this.state !== 'ended') this.state = 'draining'
  }

  async #within(time: number, context: CloseContext): Promise<void> {
    const { clock } = context
    const timer = clock.setTimeout(() => {
      context.note('was killed')
      this.#kill()
    }, time)
    await this.ended
    clock.clearTimeout(timer)
  }

  #kill(): void {
    this.#wasKilled = true
    this.worker.process.kill('SIGKILL')
  }

  #hear(message: FromWorker): void {
    if (message.type === 'endswell:recyclable') {
      this.#isRecyclable = true
      this.#tells = message.tells
      this.#send({ type: 'endswell:watch', check: this.#check, requests: this.wear.limits.requests })
    } else if (message.type === 'endswell:ready') this.#serve()
    else {
      this.wear.note(message)
      this.onVitals()
    }
  }

  /** Whoever has gone by now hears nothing: his exit tells. */
  #send(message: FromPrimary): void {
    if (this.worker.isConnected()) this.worker.send(message, () => {})
  }

  #serve(): void {
    if (this.state !== 'starting') return
    this.state = 'ready'
    this.#ready.resolve()
  }

  #end(code: number | null, signal: string | null, error?: unknown): void {
    this.state = 'ended'
    const oomHint = signal === 'SIGKILL' && !this.#wasKilled
    const exit: WorkerExit = Object.freeze({ code, signal, oomHint, ...(error === undefined ? {} : { error }) })
    const message = `The worker ${exitWords(exit)} before it was ready.`
    this.#ready.reject(new EndswellError('ERR_EXITED', message, { cause: exit }))
    this.#ended.resolve(exit)
  }
}

/** The kind of a cluster's worker: it is asked to end, and killed when its grace is over. */
const clusterWorker: Kind<ClusterWorker> = Object.freeze({
  name: 'cluster-worker',
  matches: (value: unknown) => value instanceof ClusterWorker,
  close: (value: ClusterWorker, context: CloseContext) => value.close(context),
  force: (value: ClusterWorker) => value.force(),
  isGone: (value: ClusterWorker) => value.state === 'ended',
  onGone(value: ClusterWorker, leave: () => void) {
    let isHeard = true
    void value.ended.then(() => isHeard && leave())
    return () => {
      isHeard = false
    }
  },
  describe: ({ pid }: ClusterWorker) => (pid === undefined ? 'not started' : `pid ${pid}`),
})
