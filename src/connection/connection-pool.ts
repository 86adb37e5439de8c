import { checkFunction, checkObject, checkOptions, checkTimeout } from '../lifecycle/check.ts'
import { soon } from '../lifecycle/clock.ts'
import type { LifecycleEvent } from '../lifecycle/event.ts'
import { customInspect } from '../lifecycle/inspect.ts'
import { type CloseOptions, Ending } from '../lifecycle/own-ending.ts'
import { defineOwnKind, ownKind } from '../lifecycle/own-kind.ts'
import type { Sweepable, SweepContext, Swept } from '../lifecycle/sweepable.ts'
import { Voice } from '../lifecycle/voice.ts'
import { checkWait } from '../lifecycle/wait.ts'
import { Closing, type PoolEnd } from './pool/closing.ts'
import { Desk } from './pool/desk.ts'
import type { Lease, LeaseRow } from './pool/lease.ts'
import { placeOf } from './pool/notices.ts'
import { type ConnectionPoolOptions, settingsOf } from './pool/options.ts'
import { rowsOf } from './pool/rows.ts'
import type { PoolStats } from './pool/stats.ts'

/** Options of `acquire` and `with`. */
export interface AcquireOptions {
  /** Ends the wait: the promise rejects with its reason at once. */
  signal?: AbortSignal
  /** How many ms to wait at most, 0 to 2 147 483 647; with 0 only what is free is given. Default: `acquireTimeout`. */
  timeout?: number
}

const ACQUIRE = ['signal', 'timeout'] as const
const NOTHING: AcquireOptions = Object.freeze({})

/**
 * Keeps connections open and lends each to one at a time: never more than `max`, to those who wait in the order of their
 * coming, and each lease is released, or found.
 *
 * @example
 * ```ts
 * const pool = life.use(
 *   new ConnectionPool({
 *     name: 'db',
 *     create: async () => {
 *       const client = new Client(url)
 *       await client.connect()
 *       return client
 *     },
 *     destroy: (client) => client.end(),
 *     validate: (client) => client.query('SELECT 1'),
 *   }),
 * )
 * const { rows } = await pool.with((client) => client.query('SELECT * FROM orders'))
 * ```
 */
export class ConnectionPool<T> implements AsyncDisposable, Sweepable {
  static {
    Object.defineProperty(ConnectionPool.prototype, ownKind, {
      value: defineOwnKind<ConnectionPool<unknown>>({
        name: 'pool',
        voiceOf: (pool) => pool.#voice,
        describe: (pool) => pool.#description,
        note: (pool) => pool.#note,
        goesOn: (pool) => pool.#goesOn,
      }),
    })
  }
  readonly #voice: Voice
  readonly #desk: Desk<T>
  readonly #ending: Ending<PoolEnd>
  #closing: Closing<T> | undefined = undefined
  #note: string | undefined = undefined
  #goesOn = false

  /** @throws TypeError or RangeError for a bad option. */
  constructor(options: ConnectionPoolOptions<T>) {
    const settings = settingsOf(options)
    this.#voice = new Voice('pool', settings.name)
    this.#desk = new Desk(settings, this.#voice)
    this.#ending = new Ending(settings.clock, () => this.#closing?.force())
    // Not at once: `create` may need what is only there when this constructor has returned.
    if (settings.min > 0) soon(() => this.#desk.pump())
  }

  /** `/pool`, or its path in its lifecycle. */
  get path(): string {
    return this.#voice.path
  }

  /** The leases that are out, oldest first. */
  get leases(): readonly LeaseRow[] {
    return rowsOf(this.#desk.stock.slots, this.#desk.settings.clock.now())
  }

  /**
   * Lends a connection: one that is free, else the next that becomes free or is opened. Release the lease, best by
   * `await using`.
   *
   * @returns the lease. It rejects with a `TimeoutError` that says who had the connections; with the signal's reason;
   * with an `EndswellError`: `ERR_CONNECT_FAILED` when opening one failed, with the `cause`, or `ERR_QUEUE_FULL` when
   * `maxWaiting` wait already; with a ReferenceError, `ERR_CLOSED`, when the pool is closed, or closes meanwhile.
   * @throws TypeError or RangeError for a bad option: at once, not as a rejection.
   * @example
   * ```ts
   * await using lease = await pool.acquire({ timeout: 1_000 })
   * await lease.value.query('SELECT 1')
   * ```
   */
  acquire(options: AcquireOptions = NOTHING): Promise<Lease<T>> {
    if (options !== NOTHING) checkAcquire(options)
    return this.#desk.acquire(options.timeout ?? this.#desk.settings.acquireTimeout, options.signal)
  }

  /**
   * Calls `fn` with a connection, which is given back however that ends. Where the connection is no good any more, `fn`
   * calls `lease.destroy()`.
   *
   * @returns what `fn` brings. It rejects with what `fn` throws, or as `acquire` does.
   * @throws TypeError or RangeError for a bad argument: at once, not as a rejection.
   * @example
   * ```ts
   * const orders = await pool.with((client) => client.query('SELECT * FROM orders'), { signal })
   * ```
   */
  with<R>(fn: (value: T, lease: Lease<T>) => R, options: AcquireOptions = NOTHING): Promise<Awaited<R>> {
    checkFunction('fn', fn)
    return run(this.acquire(options), fn)
  }

  /**
   * Has no connection that is open now lent again: those that are idle end at once, the others when they are released or
   * have arrived. Those who wait go on waiting, for new ones. For a change of credentials, or a server that has moved.
   *
   * @param cause why, for the events.
   */
  clear(cause?: unknown): void {
    if (!this.#desk.isClosing) this.#desk.clear(cause)
  }

  /** Ends the idle connections that are due and, when memory presses hard, all that are idle, down to `min`. */
  sweep(context?: Partial<SweepContext>): Swept {
    if (this.#desk.isClosing) return { removed: 0 }
    const level = context?.pressure?.level
    const due = this.#desk.upkeep.look()
    return { removed: due + (level === 'high' || level === 'critical' ? this.#desk.upkeep.shed() : 0) }
  }

  /** What it has and has had, in numbers. */
  stats(): PoolStats {
    const { stock, connector, waiters, counts, settings } = this.#desk
    return Object.freeze({
      size: stock.slots.size,
      idle: stock.idle.size,
      leased: stock.leased,
      checking: stock.checking,
      ending: stock.ending,
      connecting: connector.connecting,
      stuck: connector.stuck,
      waiting: waiters.size,
      max: settings.max,
      overdue: [...stock.slots].filter(({ isOverdue }) => isOverdue).length,
      ...counts,
    })
  }

  /**
   * Refuses those who wait and all who come, ends what is idle at once and what is lent when it is released. What is
   * still out when time is up is ended under its holder's hands and named. A second call can only shorten the time.
   *
   * @returns what became of the connections. It never rejects, and is there half a second after the deadline at the
   * latest.
   * @throws TypeError or RangeError for a bad timeout, 0 to 2 147 483 647. Default: 5 000.
   */
  close(options: CloseOptions = {}): Promise<PoolEnd> {
    return this.#ending.by(options, () => {
      this.#closing = new Closing(this.#desk, (end) => this.#over(end))
      this.#closing.begin()
    })
  }

  /** Calls `listener` with what happens here. Returns its undo. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    return this.#voice.subscribe(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  [customInspect](): string {
    return `ConnectionPool { ${this.path}, ${this.#description} }`
  }

  #over(end: PoolEnd): void {
    this.#note = noteOf(end)
    this.#goesOn = end.abandoned > 0
    this.#ending.over(end)
    this.#voice.over()
  }

  get #description(): string {
    const { stock, settings, waiters } = this.#desk
    const waiting = waiters.size === 0 ? '' : `, ${waiters.size} waiting`
    return `${stock.leased} of ${settings.max} in use${waiting}`
  }
}

function checkAcquire(options: AcquireOptions): void {
  checkObject('options', options)
  checkOptions('acquire', options, ACQUIRE)
  const { signal, timeout } = options
  if (timeout !== undefined) checkTimeout('options.timeout', timeout)
  checkWait(signal === undefined ? {} : { signal })
}

async function run<T, R>(acquiring: Promise<Lease<T>>, fn: (value: T, lease: Lease<T>) => R): Promise<Awaited<R>> {
  const lease = await acquiring
  try {
    return await fn(lease.value, lease)
  } finally {
    lease[Symbol.dispose]()
  }
}

/** What the report of a lifecycle says of leases that were never released. */
function noteOf({ held, abandoned, stuck }: PoolEnd): string | undefined {
  const [oldest] = held
  const parts: string[] = []
  if (oldest !== undefined) {
    parts.push(`${held.length} still leased, the longest for ${oldest.age} ms, ${placeOf(oldest.site)}`)
  }
  if (abandoned > 0) parts.push(`${abandoned} did not end`)
  if (stuck > 0) parts.push(`${stuck} attempts to connect have never settled`)
  return parts.length === 0 ? undefined : parts.join('; ')
}
