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
  if (holders.workers > 0 || isThreadPoolBusy()) {
    armLastResort()
    // Listeners run in the order in which they came, and this one does not return.
    if (holders.abandoned) process.once('exit', () => hardExit(status))
  }
  process.exit(status)
}

/** Files and names of hosts can take for ever; Node lists them as requests. What it computes is over some time. */
function isThreadPoolBusy(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.includes('Req'))
}
