import {
  checkClock,
  checkFunction,
  checkName,
  checkObject,
  checkOneOf,
  checkOptions,
  checkTimeout,
  outOfRange,
  wrongType,
} from '../../lifecycle/check.ts'
import { checkCount } from '../../lifecycle/check-count.ts'
import { type Clock, systemClock } from '../../lifecycle/clock.ts'
import { checkWait } from '../../lifecycle/wait.ts'

/** Options of {@link TaskQueue}. */
export interface TaskQueueOptions {
  /** How many tasks run at a time, 1 to 2^30. Default: 4, on every machine. */
  concurrency?: number
  /** How many tasks wait at most, 1 to 2^30. Default: 1 000. */
  maxQueued?: number
  /**
   * What becomes of one too many: `reject` refuses it, `wait` has it wait outside until there is room, in order of coming.
   * Default: `reject`.
   */
  overflow?: 'reject' | 'wait'
  /** How many tasks wait outside, and how many callers for `room`, 1 to 2^30. Default: 1 000. */
  maxWaiting?: number
  /** How many ms a task may run, above 0 and up to 2 147 483 647, or Infinity. Default: 30 000. */
  timeout?: number
  /** How many ms a task may wait for its turn, above 0 and up to 2 147 483 647, or Infinity. Default: Infinity. */
  queueTimeout?: number
  /**
   * How many ms a task that was told to stop may go on until its slot is given to another one anyway, above 0 and up to
   * 2 147 483 647, or Infinity. Default: Infinity, so that never more than `concurrency` really run.
   */
  abortGrace?: number
  /** Its name in paths, events and errors. Default: `task-queue`. */
  name?: string
  /** The source of time. Default: the real one. */
  clock?: Clock
}

/** Options of one task. */
export interface TaskOptions {
  /** Those of a higher number run first, and of equal ones who came first. Default: 0. */
  priority?: number
  /** Stops it: the promise rejects with its reason at once, and the task's own signal aborts with the same. */
  signal?: AbortSignal
  /** How many ms it may run, as for the queue. Default: the queue's. */
  timeout?: number
  /** What it is called in errors, without `/`. Default: the name of the function, else `task`. */
  name?: string
}

/** The options with their defaults. */
export type TaskSettings = Required<Omit<TaskQueueOptions, 'name'>>

const OPTIONS = [
  ...['concurrency', 'maxQueued', 'overflow', 'maxWaiting', 'timeout', 'queueTimeout', 'abortGrace'],
  ...['name', 'clock'],
]

/** Refuses what no queue could keep to, and fills in the rest. */
export function taskSettings(options: TaskQueueOptions): TaskSettings {
  checkObject('options', options)
  checkOptions('TaskQueue', options, OPTIONS)
  const { concurrency = 4, maxQueued = 1_000, overflow = 'reject', maxWaiting = 1_000 } = options
  const { timeout = 30_000, queueTimeout = Number.POSITIVE_INFINITY, abortGrace = Number.POSITIVE_INFINITY } = options
  checkCount('options.concurrency', concurrency)
  checkCount('options.maxQueued', maxQueued)
  checkOneOf('options.overflow', overflow, ['reject', 'wait'])
  checkCount('options.maxWaiting', maxWaiting)
  checkLimit('options.timeout', timeout)
  checkLimit('options.queueTimeout', queueTimeout)
  checkLimit('options.abortGrace', abortGrace)
  const { clock = systemClock } = options
  checkClock('options.clock', clock)
  return { concurrency, maxQueued, overflow, maxWaiting, timeout, queueTimeout, abortGrace, clock }
}

/** Refuses what can be no task. */
export function checkTask(fn: unknown, options: TaskOptions): void {
  checkFunction('fn', fn)
  checkObject('options', options)
  checkOptions('add', options, ['priority', 'signal', 'timeout', 'name'])
  const { priority, signal, timeout, name } = options
  if (priority !== undefined && (typeof priority !== 'number' || Number.isNaN(priority)))
    throw wrongType('options.priority', 'a number', priority)
  checkWait(signal === undefined ? {} : { signal })
  if (timeout !== undefined) checkLimit('options.timeout', timeout)
  if (name !== undefined) checkName('options.name', name)
}

/** Refuses anything but a number of ms that a timer can wait, or Infinity. */
function checkLimit(name: string, value: unknown): void {
  if (value === Number.POSITIVE_INFINITY) return
  checkTimeout(name, value)
  if (value === 0) throw outOfRange(name, 'more than 0 ms', value, 'Infinity is no limit.')
}
