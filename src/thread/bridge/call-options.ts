import type { Transferable } from 'node:worker_threads'
import { checkFunction, checkObject, checkOneOf, checkOptions, outOfRange, wrongType } from '../../lifecycle/check.ts'
import { checkWait } from '../../lifecycle/wait.ts'
import type { EventOptions } from '../wire/event-queue.ts'
import { checkCount, checkLimit } from './bridge-options.ts'

/** Options of a call. Durations are ms. */
export interface CallOptions {
  /** Cancels it when it aborts: the promise rejects with its reason at once. */
  signal?: AbortSignal
  /** How long it may run, from the moment on that it is sent to a thread. Infinity: any time. Default: `taskTimeout`. */
  timeout?: number
  /** How long it may wait for a thread. Infinity: any time. Default: the bridge's `queueTimeout`. */
  queueTimeout?: number
  /** Those of higher priority go first: any number. Default: 0. */
  priority?: number
  /** What is moved to the thread and not copied: then it is gone here. */
  transfer?: readonly Transferable[]
  /**
   * Told of what this call tells with `emit`, in the async context of the caller and before its result; no more once the
   * call is over here, as when it is cancelled. What it throws, or its promise rejects with, is published as
   * `resource.error`, and does not disturb the call. What it has heard is not under way any more; those who listen to the
   * bridge's `events()` hear it, too.
   */
  onEvent?: (name: string, value: unknown) => unknown
}

/** Options of a call with many values. Its `timeout` counts anew with each value, while the consumer takes them. */
export interface StreamOptions extends CallOptions {
  /** How many values may be under way: as many may be made before the first is taken. 1 or more, default: 16. */
  window?: number
}

const OPTIONS = ['signal', 'timeout', 'queueTimeout', 'priority', 'transfer', 'onEvent'] as const

/** Refuses a call that can't be made. */
export function checkCall(method: unknown, args: unknown): void {
  if (typeof method !== 'string') throw wrongType('method', 'the name of a method', method)
  if (!Array.isArray(args)) throw wrongType('args', 'an array of arguments', args, `Say [value] for a single one.`)
}

/** Refuses options that a call could not keep to. */
export function checkCallOptions(options: CallOptions, more: readonly string[] = []): void {
  checkObject('options', options)
  checkOptions('options', options, [...OPTIONS, ...more])
  const { signal, timeout, queueTimeout, priority, transfer, onEvent } = options
  if (signal !== undefined) checkWait({ signal })
  if (timeout !== undefined) checkLimit('options.timeout', timeout)
  if (queueTimeout !== undefined) checkLimit('options.queueTimeout', queueTimeout)
  if (priority !== undefined && typeof priority !== 'number') throw wrongType('options.priority', 'a number', priority)
  if (priority !== undefined && !Number.isFinite(priority))
    throw outOfRange('options.priority', 'a finite number', priority)
  if (transfer !== undefined && !Array.isArray(transfer)) throw wrongType('options.transfer', 'an array', transfer)
  if (onEvent !== undefined) checkFunction('options.onEvent', onEvent)
}

/** Refuses options that a stream could not keep to. */
export function checkStreamOptions(options: StreamOptions): void {
  checkCallOptions(options, ['window'])
  if (options.window !== undefined) checkCount('options.window', options.window, 1, 1_000_000)
}

/** Refuses options that a consumer of events could not keep to. */
export function checkEventOptions(options: EventOptions): void {
  checkObject('options', options)
  checkOptions('events', options, ['max', 'overflow'])
  const { max, overflow } = options
  if (max !== undefined) checkCount('options.max', max, 1)
  if (overflow !== undefined) checkOneOf('options.overflow', overflow, ['drop-oldest', 'drop-newest', 'wait'])
}
