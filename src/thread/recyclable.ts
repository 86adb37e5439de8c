import { builtin } from '../lifecycle/builtin.ts'
import { checkBoolean, checkObject, checkOneOf, checkOptions, outOfRange, wrongType } from '../lifecycle/check.ts'
import { Lifecycle, scopeOf } from '../lifecycle/lifecycle.ts'
import { PLAIN } from '../lifecycle/place.ts'
import { type FromPrimary, isOurs } from './recycling/messages.ts'
import { type Line, WorkerSide } from './recycling/worker-side.ts'

/** Options of {@link recyclable}. */
export interface RecyclableOptions {
  /** Whether the requests of all HTTP/1 servers of the process are counted by themselves. Default: true. */
  http?: boolean
  /**
   * `told`: it is ready when its program says so by `ready()`. Default: when the start of its lifecycle is over (as of
   * `run`), and where there is none, when a server listens.
   */
  readyWhen?: 'told'
}

/** What a worker says of itself by hand. */
export interface Recyclable {
  /** Whether somebody replaces it: false outside a cluster, where all of this does nothing. */
  readonly isWatched: boolean
  /** How many requests were counted. */
  readonly requests: number
  /** Counts what is no HTTP/1 request, such as a job: one, or so many. */
  count(by?: number): void
  /** Says that it serves. */
  ready(): void
}

/**
 * Makes a worker of a cluster replaceable by `recycleWorkers`: it counts its requests and tells the primary of them and
 * of the size of its process; and when the primary wants it to go, it goes without dropping a connection. Its servers
 * accept nothing more, and every reply says `Connection: close` while connections that are idle stay open for a moment
 * (`notice`); then `life` closes, and when that is over the worker leaves the cluster and exits.
 *
 * Call it before the servers listen. In a program that runs alone, outside a cluster, it does nothing.
 *
 * @throws TypeError or RangeError for a bad argument; ReferenceError (`ERR_CLOSED`) once closing has begun.
 * @example
 * ```ts
 * await run('shop', async (life, boot) => {
 *   recyclable(life)
 *   await boot.step('http', () => listen(createServer(handler), 8080))
 * })
 * ```
 */
export function recyclable(life: Lifecycle, options: RecyclableOptions = PLAIN): Recyclable {
  if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
  checkObject('options', options)
  checkOptions('options', options, ['http', 'readyWhen'])
  const { http = true, readyWhen } = options
  checkBoolean('options.http', http)
  if (readyWhen !== undefined) checkOneOf('options.readyWhen', readyWhen, ['told'])
  scopeOf(life).checkOpen()
  const line = lineToPrimary()
  const side = line && new WorkerSide(scopeOf(life), line, { http, tells: readyWhen === 'told' })
  return Object.freeze({
    isWatched: side !== undefined,
    get requests() {
      return side?.requests ?? 0
    },
    count(by = 1) {
      if (!Number.isSafeInteger(by) || by < 0) throw outOfRange('by', 'a whole number from 0', by)
      side?.count(by)
    },
    ready: () => side?.ready(),
  })
}

function lineToPrimary(): Line | undefined {
  // A process without a channel has no primary: then the module need not be loaded.
  if (process.send === undefined) return undefined
  const cluster = builtin('node:cluster')
  if (!cluster.isWorker) return undefined
  return {
    send: (message) => void (process.connected && process.send?.(message, () => {})),
    hear(listener) {
      const own = (message: unknown): void => {
        if (isOurs(message)) listener(message as FromPrimary)
      }
      process.on('message', own)
      return () => void process.off('message', own)
    },
    leave: () => void (process.connected && cluster.worker?.disconnect()),
  }
}
