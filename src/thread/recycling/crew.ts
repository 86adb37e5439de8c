import type { Token } from './turnover.ts'
import type { Wear } from './wear.ts'

/** Workers of one sort, as those who replace them see them. */
export interface Crew<W> {
  /** The sort, for events. */
  readonly kind: string
  /** Whether it publishes `worker.recycled` by itself. */
  readonly tells: boolean
  /** Those that serve now, and are not on their way out. */
  readonly members: readonly W[]
  /** All there are, as plain data. */
  readonly rows: readonly WorkerRow[]
  /** How often one of them has ended without being asked to. */
  readonly crashed: number
  /** Resolves when all serve. */
  ready(): Promise<void>
  /** How worn it is; `undefined` where it is gone. */
  wearOf(worker: W): Wear | undefined
  /** Where it stands in the tree of names. */
  pathOf(worker: W): string
  /** Measures what nobody tells; the watcher hears of it. */
  sample(): void
  /**
   * Replaces one, and says whether it did: one that has ended has another in its place, or will. Rejects where the new
   * one did not come up: then the old one is still there.
   */
  replace(worker: W, reason: string, token: Token): Promise<boolean>
}

/** Whoever decides what becomes of workers. */
export interface Watcher<W> {
  /** There is news of how worn a worker is. */
  look(worker: W): void
  /** A worker has ended. */
  lost(worker: W): void
}

/** One worker at one moment. */
export interface WorkerRow {
  /** Its place in names, which its replacement takes over in a cluster: `/shop/cluster/worker-1`. */
  readonly path: string
  /** Its number: the worker's in the cluster, or the thread's. */
  readonly id: number
  /** Its process, in a cluster. */
  readonly pid?: number
  /** The how many-th at its place, from 1, in a cluster. */
  readonly generation?: number
  /** How many ms old it is. */
  readonly age: number
  /** How many requests, or calls, it has counted. */
  readonly requests: number
  /** Bytes of its process, where it has told them. */
  readonly rss?: number
  /** Bytes of its heap in use, where they are known. */
  readonly heap?: number
  /** After how many requests and ms it is due, as drawn at its birth; `undefined` for never. */
  readonly limits: { readonly requests: number | undefined; readonly age: number | undefined }
  /** `starting`, `ready`, `draining`, and the like. */
  readonly state: string
}

/** What all rows have, whatever the sort. */
export function wearRow({
  requests,
  rss,
  heap,
  limits,
}: Wear): Pick<WorkerRow, 'requests' | 'rss' | 'heap' | 'limits'> {
  const memory = { ...(rss === undefined ? {} : { rss }), ...(heap === undefined ? {} : { heap }) }
  return { requests, limits, ...memory }
}
