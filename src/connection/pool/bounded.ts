import type { Clock } from '../../lifecycle/clock.ts'
import { Limit } from '../../lifecycle/limit.ts'
import { type WaitOptions, waitFor } from '../../lifecycle/wait.ts'
import type { PoolCallContext } from './options.ts'

/** Calls `fn`, and waits for it so long at most: then its signal aborts, and the promise rejects with a `TimeoutError`. */
export function bounded<R>(
  path: string,
  clock: Clock,
  timeout: number,
  fn: (context: PoolCallContext) => R,
  options: WaitOptions<Awaited<R>> = {},
): Promise<Awaited<R>> {
  return waitFor<Limit, R>(new Limit(path, clock, timeout), fn, options, timeout)
}
