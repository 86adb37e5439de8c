import { builtin } from '../lifecycle/builtin.ts'
import { hardExit } from '../lifecycle/hard-exit.ts'
import { armLastResort } from './last-resort.ts'

/** What may hold up the exit of a process, as far as can be known. */
export interface Holders {
  /** How many worker threads live. */
  readonly workers: number
  /** Whether something did not end, whatever was tried. */
  readonly abandoned: boolean
}

/**
 * Ends the process, also where a thread of it is stuck in a native call: `process.exit` waits for all of them, and then
 * no timer fires and no signal is heard any more.
 *
 * An exit that nothing can hold up is an ordinary one. Else a shell watches from outside, which kills the process if it
 * takes too long. Where something was abandoned, the process does not even try to wait: the listeners of `exit` run, and
 * then it is gone, with its status.
 */
export function wayOut(status: number, holders: Holders): never {
  // In a worker it ends that thread alone.
  if (builtin('node:worker_threads').isMainThread && (holders.workers > 0 || isThreadPoolBusy())) {
    // Listeners run in the order in which they came: those of the application have had their time when this is called.
    process.once('exit', () => {
      if (holders.abandoned) hardExit(Number(process.exitCode ?? status))
      armLastResort()
    })
  }
  process.exit(status)
}

/** Whether the application can have started a worker by now: who has not loaded them has none. */
export function workersMayLive(): boolean {
  const { moduleLoadList } = process as unknown as { moduleLoadList?: readonly string[] }
  return moduleLoadList?.includes('NativeModule worker_threads') ?? true
}

/** Files and names of hosts can take for ever; Node lists them as requests. What it computes is over some time. */
function isThreadPoolBusy(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.includes('Req'))
}
