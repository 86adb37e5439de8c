import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { announce } from '../../lifecycle/announce.ts'
import type { ClockTimer } from '../../lifecycle/clock.ts'
import { close } from '../../lifecycle/ending.ts'
import type { LifecycleEvent } from '../../lifecycle/event.ts'
import { readinessOf } from '../../lifecycle/readiness.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import { watchClosing } from '../../lifecycle/watch-closing.ts'
import type { FromPrimary, FromWorker } from './messages.ts'

/** The way to the primary. */
export interface Line {
  /** Tells it something; where it is gone, nobody needs to know. */
  send(message: FromWorker): void
  /** Hears what it says. Returns the undo. */
  hear(listener: (message: FromPrimary) => void): () => void
  /** Leaves the cluster, so that the channel does not keep the process alive. */
  leave(): void
}

const REQUEST = 'http.server.request.start'
const READY = 'endswell:lifecycle.ready'

/** A worker of a cluster, in its own process: it counts, tells, and goes when it is told to. */
export class WorkerSide {
  requests = 0
  readonly #scope: Scope
  readonly #line: Line
  readonly #undos: (() => void)[] = []
  /** After how many requests it tells at once. */
  #limit = Number.POSITIVE_INFINITY
  #timer: ClockTimer | undefined = undefined
  #isRetiring = false

  constructor(scope: Scope, line: Line, options: { readonly http: boolean; readonly tells: boolean }) {
    this.#scope = scope
    this.#line = line
    const isStarting = !readinessOf(scope).started
    this.#undos.push(line.hear((message) => this.#hear(message)))
    if (options.http) this.#listen(REQUEST, () => this.count(1))
    line.send({ type: 'endswell:recyclable', tells: options.tells || isStarting })
    if (isStarting && !options.tells) this.#listen(READY, (event) => this.#started(event as LifecycleEvent))
    watchClosing(
      scope,
      () => line.leave(),
      () => this.#stop(),
    )
  }

  count(by: number): void {
    this.requests += by
    if (this.requests < this.#limit) return
    this.#limit = Number.POSITIVE_INFINITY
    this.#line.send({ type: 'endswell:spent', requests: this.requests })
  }

  ready(): void {
    this.#line.send({ type: 'endswell:ready' })
  }

  #started({ path }: LifecycleEvent): void {
    if (path === this.#scope.root.path) this.ready()
  }

  #hear(message: FromPrimary): void {
    if (message.type === 'endswell:watch') this.#watch(message.check, message.requests)
    else if (message.type === 'endswell:retire') this.#retire(message)
  }

  #watch(check: number, requests = Number.POSITIVE_INFINITY): void {
    this.#limit = requests
    this.count(0)
    this.#tell(check)
  }

  /** Tells how worn it is, now and each `check` ms. */
  #tell(check: number): void {
    const { clock } = this.#scope
    if (this.#timer !== undefined) clock.clearTimeout(this.#timer)
    if (this.#scope.state !== 'open') return
    const { rss, heapUsed: heap } = process.memoryUsage()
    this.#line.send({ type: 'endswell:vitals', requests: this.requests, rss, heap })
    this.#timer = clock.setTimeout(() => this.#tell(check), check)
    this.#timer.unref()
  }

  #retire({ notice, timeout, reason }: Extract<FromPrimary, { type: 'endswell:retire' }>): void {
    const scope = this.#scope
    if (this.#isRetiring || scope.state !== 'open') return
    this.#isRetiring = true
    const end = (): void => void close(scope, { reason, timeout: Math.min(timeout, limitOf(scope)) })
    if (notice === 0) return end()
    readinessOf(scope).drain(notice)
    announce(scope, false)
    const timer = scope.clock.setTimeout(end, notice)
    this.#undos.push(() => scope.clock.clearTimeout(timer))
  }

  #listen(channel: string, listener: (message: unknown) => void): void {
    subscribe(channel, listener)
    this.#undos.push(() => void unsubscribe(channel, listener))
  }

  #stop(): void {
    if (this.#timer !== undefined) this.#scope.clock.clearTimeout(this.#timer)
    for (const undo of this.#undos.splice(0)) undo()
  }
}

/** How many ms a scope's closing may take, where nobody says. */
function limitOf({ settings, parent }: Scope): number {
  return parent === undefined ? settings.timeout : Math.min(settings.timeout, limitOf(parent))
}
