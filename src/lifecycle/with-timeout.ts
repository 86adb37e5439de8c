import { checkFunction, checkObject, checkOptions, checkTimeout, wrongType } from './check.ts'
import { type Clock, systemClock } from './clock.ts'
import { Deadline, type TimeoutContext } from './deadline.ts'
import { checkWait, type WaitOptions, waitFor } from './wait.ts'

/** Options of {@link withTimeout}: a `timeout`, a `deadline`, or both. */
export type TimeoutOptions<T> = WaitOptions<T> & {
  /** What it is called in the error. Default: `work`. */
  name?: string
  /** The source of time. Default: the deadline's, else the real one. */
  clock?: Clock
} & (
    | {
        /** How many ms it may take, 0 to 2 147 483 647. */
        timeout: number
        /** What it is inside of: it never takes longer than that. Default: none. */
        deadline?: Deadline
      }
    | { timeout?: never; deadline: Deadline }
  )

const OPTIONS = ['timeout', 'signal', 'name', 'onLate', 'deadline', 'clock'] as const

/**
 * Runs `fn` and waits for it, but only so long. When time is up, the signal that `fn` was given aborts, and then the
 * promise rejects; what `fn` does after that is dropped, or handed to `onLate` if it is a value. The timer keeps the
 * process alive while it waits, and is gone with the listener on `signal` when the wait is over.
 *
 * @returns what `fn` brings. It rejects with what `fn` throws; with a {@link TimeoutError} when time is up; with the
 * reason of `signal` when that aborts. Where either has happened already, `fn` is not called.
 * @throws TypeError or RangeError for bad arguments: at once, not as a rejection.
 * @example
 * ```ts
 * const response = await withTimeout(({ signal }) => fetch(url, { signal }), { timeout: 5_000, name: 'fetch' })
 * ```
 */
export function withTimeout<T>(
  fn: (context: TimeoutContext) => T,
  options: TimeoutOptions<Awaited<T>>,
): Promise<Awaited<T>> {
  checkFunction('fn', fn)
  checkObject('options', options)
  checkOptions('withTimeout', options, OPTIONS)
  checkWait(options)
  const deadline = deadlineOf(options)
  // It was made just now: the clock need not be asked again.
  return waitFor<Deadline, T>(deadline, fn, options, deadline.at - deadline.since)
}

function deadlineOf({ timeout, name = 'work', deadline: parent, clock }: Partial<TimeoutOptions<never>>): Deadline {
  if (parent === undefined) {
    checkTimeout('options.timeout', timeout)
    return new Deadline(timeout as number, { name, clock: clock ?? systemClock })
  }
  if (!(parent instanceof Deadline)) throw wrongType('options.deadline', 'a Deadline', parent)
  // Rounded up, so that without a time of its own the parent's decides.
  const own = timeout ?? Math.ceil(parent.left)
  checkTimeout('options.timeout', own)
  return new Deadline(own, { name, parent, clock: clock ?? parent.clock })
}
