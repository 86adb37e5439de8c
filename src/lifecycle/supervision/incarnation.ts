import { type Lifecycle, scopeOf } from '../lifecycle.ts'
import { Limit } from '../limit.ts'
import type { Scope } from '../scope.ts'
import { closeScope } from '../scope-kind.ts'
import type { Tally } from '../tally.ts'
import { startTask } from '../task.ts'
import { waitFor } from '../wait.ts'
import { watchClosing } from '../watch-closing.ts'
import type { LifeEnd } from './life-end.ts'
import type { Definition } from './supervise-policy.ts'

/** How many ms a life gets to become ready, where nobody says. */
const READY_TIMEOUT = 30_000

/** Whoever is told of a life. */
export interface LifeHost {
  /** It is ready, and not over. */
  onReady(): void
  /** It is over, or about to be: it has ended by itself, where `end` is given, or somebody is closing its scope. Once. */
  onOver(end: LifeEnd<unknown> | undefined): void
  /** Everything in it has ended; `abandoned` is the error of what has not. Once. */
  onClosed(end: LifeEnd<unknown> | undefined, abandoned: unknown): void
}

/**
 * One life of something supervised: a scope of its own, and in it, registered first and so closed last, the task that
 * starts and is that life. However it ends, its scope is closed, and the life is over when that is done.
 */
export class Incarnation {
  /** When it began, in ms of its clock. */
  readonly since: number
  /** When it became ready. */
  readySince: number | undefined = undefined
  readonly #face: Lifecycle
  readonly #scope: Scope
  readonly #host: LifeHost
  /** The first that was known of its end. */
  #end: LifeEnd<unknown> | undefined = undefined
  #isOver = false
  #isClosed = false

  constructor(home: Lifecycle, number: number, host: LifeHost) {
    this.#host = host
    this.#face = home.scope(String(number))
    this.#scope = scopeOf(this.#face)
    this.since = this.#scope.clock.now()
    watchClosing(
      this.#scope,
      (tally) => this.#closed(abandonedIn(tally)),
      () => this.#over(undefined),
    )
  }

  /** Calls `start`, and waits for it to be ready. */
  begin({ start, readyWhen, readyTimeout = READY_TIMEOUT }: Definition): void {
    const scope = this.#scope
    // Whoever heard of its birth may have closed it.
    if (scope.state !== 'open') return
    const settled = (): void => this.#ended()
    const told = Promise.withResolvers<void>()
    startTask(scope, 'start', () => this.#run(start, told.resolve), {}).then(settled, settled)
    if (this.#end !== undefined || scope.state !== 'open') return
    if (readyWhen === undefined) return this.#ready()
    const limit = new Limit(scope.path, scope.clock, readyTimeout)
    const ask = readyWhen === 'told' ? () => told.promise : readyWhen
    waitFor(limit, ({ signal }) => ask(this.#face, signal), { signal: scope.signal }, readyTimeout).then(
      () => this.#ready(),
      (error) => {
        if (this.#isOver) return
        this.#end ??= { error }
        this.#ended()
      },
    )
  }

  /** Ends it: `onClosed` tells when that is done. */
  stop(reason: string): void {
    const scope = this.#scope
    if (scope.state !== 'open' || scope.parent !== undefined) {
      closeScope(scope, { reason }, Number.POSITIVE_INFINITY, false)
      return
    }
    // Its start has moved it away: then it is somebody else's to end.
    this.#over(this.#end)
    this.#closed(undefined)
  }

  async #run(start: Definition['start'], ready: () => void): Promise<void> {
    try {
      const value = await start(this.#face, ready)
      this.#end ??= { value }
    } catch (error) {
      this.#end ??= { error }
      // Once its scope closes, what it loses makes it throw: that is how it ends. The cause tells.
      if (this.#scope.state === 'open') throw error
    }
  }

  #ready(): void {
    if (this.#isOver || this.#end !== undefined) return
    this.readySince = this.#scope.clock.now()
    this.#host.onReady()
  }

  #ended(): void {
    if (this.#isOver) return
    this.#over(this.#end)
    this.stop('its life is over')
  }

  #closed(abandoned: unknown): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#host.onClosed(this.#end, abandoned)
  }

  #over(end: LifeEnd<unknown> | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#host.onOver(end)
  }
}

function abandonedIn(tally: Tally | undefined): unknown {
  if (tally?.worst !== 'abandoned') return undefined
  return tally.rows().find(({ outcome }) => outcome === 'abandoned')?.error
}
