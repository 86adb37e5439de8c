import type { Clock } from '../../lifecycle/clock.ts'
import { type WaitOptions, waitFor } from '../../lifecycle/wait.ts'
import type { PoolCallContext } from './options.ts'

/** How long one call of a user's function may take, and what it is called in the error. */
class Bound {
  readonly path: string
  readonly clock: Clock
  readonly timeout: number
  readonly since: number
  readonly at: number
  readonly limitedBy = this

  constructor(path: string, clock: Clock, timeout: number) {
    this.path = path
    this.clock = clock
    this.timeout = timeout
    this.since = clock.now()
    this.at = this.since + timeout
  }
}

/** Calls `fn`, and waits for it so long at most: then its signal aborts, and the promise rejects with a `TimeoutError`. */
export function bounded<R>(
  path: string,
  clock: Clock,
  timeout: number,
  fn: (context: PoolCallContext) => R,
  options: WaitOptions<Awaited<R>> = {},
): Promise<Awaited<R>> {
  return waitFor<Bound, R>(new Bound(path, clock, timeout), fn, options, timeout)
}
