import {
  checkClock,
  checkFunction,
  checkObject,
  checkOptions,
  checkTimeout,
  outOfRange,
} from '../../lifecycle/check.ts'
import { checkCount } from '../../lifecycle/check-count.ts'
import { checkSpan } from '../../lifecycle/check-span.ts'
import { type Clock, systemClock, wallClock } from '../../lifecycle/clock.ts'
import { secondsFromEnvironment } from '../cleaning/seconds.ts'
import type { Job } from './job.ts'
import type { JobStore } from './job-store.ts'

/**
 * Why a job left: `expire`, its time after the end was over; `evict`, too many had ended; `pressure`, memory was short;
 * `delete`, you said so; `replace`, another one was started under its id.
 */
export type JobDropReason = 'expire' | 'evict' | 'pressure' | 'delete' | 'replace'

/** Options of {@link JobRegistry}. */
export interface JobRegistryOptions<T = unknown> {
  /**
   * How many ms a job is kept after its end: any positive number, Infinity for as long as there is room. Default: what
   * the environment variable `JOB_RETENTION` says in seconds, 300 to 86 400, else an hour.
   */
  retain?: number
  /** How many ms it is kept while memory is short, at most `retain`. Default: 15 minutes, or `retain` if that is less. */
  retainPressed?: number
  /** How many that have ended are kept at most, 1 to 2^30: the one that ended first goes. Default: 10 000. */
  max?: number
  /** How many may be active at a time, 1 to 2^30, Infinity for any number: more are refused. Default: Infinity. */
  maxActive?: number
  /** Where each change is written, so that others can find the job. Default: none. */
  store?: JobStore
  /**
   * How many ms the store keeps an active job that is not heard of: any positive number, Infinity for ever. It is renewed
   * after half of that, so that only the jobs of a process that died vanish there. Default: a day.
   */
  lease?: number
  /** How many ms one write may take, 1 to 2 147 483 647; then it is tried again. Default: 15 000. */
  writeTimeout?: number
  /** How many changes may wait for the store, 1 to 2^30; one more, and the oldest is given up. Default: 10 000. */
  maxUnsaved?: number
  /** Is told of each job that left, when it has. Default: nothing. */
  onEvict?: (job: Job<T>, reason: JobDropReason) => unknown
  /** Its name in paths, events and errors. Default: `job-registry`. */
  name?: string
  /** The source of time. Default: the real one. */
  clock?: Clock
  /** The date, in ms since 1970. Default: the machine's. */
  wall?: () => number
}

/** The options with their defaults. */
export interface JobSettings<T> extends Required<Omit<JobRegistryOptions<T>, 'store' | 'onEvict' | 'name'>> {
  readonly store: JobStore | undefined
  readonly onEvict: ((job: Job<T>, reason: JobDropReason) => unknown) | undefined
}

const HOUR = 3_600_000
const RETENTION = { name: 'JOB_RETENTION', least: 300, most: 86_400 }
const SPANS = ['retain', 'lease'] as const
const OPTIONS = [
  ...['retain', 'retainPressed', 'max', 'maxActive', 'store', 'lease', 'writeTimeout', 'maxUnsaved', 'onEvict'],
  ...['name', 'clock', 'wall'],
]

/** Refuses what no registry could keep to, and fills in the rest. */
export function jobSettings<T>(options: JobRegistryOptions<T>): JobSettings<T> {
  checkObject('options', options)
  checkOptions('JobRegistry', options, OPTIONS)
  const { store, onEvict, clock = systemClock, wall = wallClock } = options
  const retain = options.retain ?? secondsFromEnvironment(RETENTION) ?? HOUR
  const settings = {
    retain,
    retainPressed: options.retainPressed ?? Math.min(HOUR / 4, retain),
    max: options.max ?? 10_000,
    maxActive: options.maxActive ?? Number.POSITIVE_INFINITY,
    lease: options.lease ?? 24 * HOUR,
    writeTimeout: options.writeTimeout ?? 15_000,
    maxUnsaved: options.maxUnsaved ?? 10_000,
  }
  for (const span of SPANS) checkSpan(`options.${span}`, settings[span])
  checkSpan('options.retainPressed', settings.retainPressed)
  if (settings.retainPressed > retain)
    throw outOfRange(
      'options.retainPressed',
      `at most options.retain (or JOB_RETENTION), ${retain}`,
      settings.retainPressed,
    )
  checkCount('options.max', settings.max)
  if (settings.maxActive !== Number.POSITIVE_INFINITY) checkCount('options.maxActive', settings.maxActive)
  checkTimeout('options.writeTimeout', settings.writeTimeout)
  if (settings.writeTimeout < 1) throw outOfRange('options.writeTimeout', 'at least 1 ms', settings.writeTimeout)
  checkCount('options.maxUnsaved', settings.maxUnsaved)
  if (onEvict !== undefined) checkFunction('options.onEvict', onEvict)
  checkClock('options.clock', clock)
  checkFunction('options.wall', wall)
  if (store !== undefined) {
    checkObject('options.store', store)
    for (const method of ['get', 'set', 'delete'] as const) checkFunction(`options.store.${method}`, store[method])
  }
  return { ...settings, store, onEvict, clock, wall }
}
