import type { Worker } from 'node:worker_threads'
import { builtin } from '../../lifecycle/builtin.ts'
import type { Kind } from '../../lifecycle/kind.ts'
import { CallerEnd, type CallerHooks } from '../wire/caller-end.ts'
import { worker } from '../worker.ts'
import type { BridgeSettings } from './bridge-options.ts'

/** The end of the port to a thread, as the bridge uses it. */
export type ThreadEnd = Pick<CallerEnd, keyof CallerEnd>

/** Where threads come from: from Node, or from a test that plays them. */
export interface ThreadSource {
  /** How such a thread ends. */
  readonly kind: Kind<Worker>
  /** Starts a thread of that path, and says hello to it. Throws what Node says where it can't be started at all. */
  start(path: string, hooks: CallerHooks): { readonly worker: Worker; readonly end: ThreadEnd }
}

/** Threads that run a file. */
export function threadsOf(url: URL | string, settings: BridgeSettings): ThreadSource {
  const { maxInFlight, maxEvents, worker: options } = settings
  return {
    kind: worker,
    start(path, hooks) {
      const { Worker } = builtin('node:worker_threads')
      const thread = new Worker(options.eval ? url : fileOf(url), options)
      const end = new CallerEnd(thread, { slots: maxInFlight, name: path, maxEvents }, hooks)
      return { worker: thread, end }
    },
  }
}

/** Node takes the text of a URL for a path. */
function fileOf(url: URL | string): URL | string {
  return typeof url === 'string' && /^(file|data):/.test(url) ? new URL(url) : url
}
