/** How a cluster's worker ended. */
export interface WorkerExit {
  /** The status that it exited with; `null` where a signal ended it, or it never ran. */
  readonly code: number | null
  /** The signal that ended it, else `null`. */
  readonly signal: string | null
  /** Whether it was killed by a SIGKILL that we did not send: memory, perhaps. */
  readonly oomHint: boolean
  /** Why it never ran, where it could not be started. */
  readonly error?: unknown
}

/** How it ended, in words: `exited with 3`. */
export function exitWords({ code, signal, oomHint }: WorkerExit): string {
  if (signal !== null)
    return `was ended by ${signal}${oomHint ? ', not by us: perhaps the system was out of memory' : ''}`
  return code === null ? 'could not be started' : `exited with ${code}`
}
