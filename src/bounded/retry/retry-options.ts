import { type BackoffOptions, checkBackoff } from '../../lifecycle/backoff.ts'
import {
  checkClock,
  checkFunction,
  checkObject,
  checkOptions,
  checkTimeout,
  outOfRange,
} from '../../lifecycle/check.ts'
import { checkCount } from '../../lifecycle/check-count.ts'
import { checkMode, checkPath } from '../../lifecycle/check-path.ts'
import { type Clock, systemClock, wallClock } from '../../lifecycle/clock.ts'

/** What a save is told besides the item. */
export interface SaveContext {
  /** The key of the item. */
  readonly key: string
  /** How many times this item is being tried, from 1; from 1 again when another one took its place. */
  readonly attempt: number
  /** When the key was added, in ms since 1970. It outlives a restart. */
  readonly since: number
  /** Aborts when the save has had its time, or the buffer closes now. */
  readonly signal: AbortSignal
}

/**
 * Why an item was given up: `evict`, the buffer was full and it was the oldest; `refused`, `giveUpWhen` said so; `close`,
 * it was neither saved nor written to disk when the buffer had closed.
 */
export type RetryDropReason = 'evict' | 'refused' | 'close'

/** Where a {@link RetryBuffer} keeps its items on disk. */
export interface SpillOptions<T> {
  /** The file. Its folder must exist, and it belongs to one buffer of one process. */
  path: string
  /** How many ms an item may wait in memory until it is on disk, 0 to 2 147 483 647. Default: 1 000. */
  every?: number
  /** Its permissions, 0 to 0o7777. Default: 0o600, since what waits here may be anybody's data. */
  mode?: number
  /** Turns an item into something that JSON can hold. Default: the item itself. */
  encode?: (item: T) => unknown
  /** The reverse. What it throws makes that line unreadable. Default: what JSON brings. */
  decode?: (value: unknown) => T
}

/** Options of {@link RetryBuffer}. */
export interface RetryBufferOptions<T> {
  /** Saves one item. It has failed when it throws or rejects. */
  save: (item: T, context: SaveContext) => unknown
  /** How many items wait at most, 1 to 2^30; one more, and the oldest is dropped. Default: 1 000. */
  max?: number
  /** How many ms one save gets, 1 to 2 147 483 647. Default: 15 000. */
  saveTimeout?: number
  /** How the waits grow while saves fail. Default: 100 ms, doubled up to 30 s. */
  backoff?: BackoffOptions
  /** How many saves run at a time, 1 to 2^30. Default: 1. */
  concurrency?: number
  /** A file, so that a crash loses nothing: its path, or {@link SpillOptions}. Default: none. */
  spill?: string | SpillOptions<T>
  /** Whether an item that failed with this error can never be saved: then it is dropped. Default: never. */
  giveUpWhen?: (error: unknown, context: SaveContext) => boolean
  /** Is told of each item that was given up, when it is gone. */
  onDrop?: (key: string, item: T, reason: RetryDropReason) => unknown
  /** Its name in paths, events and errors. Default: `retry-buffer`. */
  name?: string
  /** The source of time. Default: the real one. */
  clock?: Clock
  /** The date, in ms since 1970. Default: the machine's. */
  wall?: () => number
}

/** Options with their defaults, as the parts of a buffer take them. */
export type RetrySettings<T> = Required<Pick<RetryBufferOptions<T>, 'save' | 'max' | 'saveTimeout' | 'concurrency'>> & {
  readonly backoff: BackoffOptions
  readonly spill: Required<SpillOptions<T>> | undefined
  readonly giveUpWhen: RetryBufferOptions<T>['giveUpWhen']
  readonly onDrop: RetryBufferOptions<T>['onDrop']
  readonly name: string
  readonly clock: Clock
  readonly wall: () => number
}

const OPTIONS = [
  'save',
  'max',
  'saveTimeout',
  'backoff',
  'concurrency',
  'spill',
  'giveUpWhen',
  'onDrop',
  'name',
  'clock',
  'wall',
] as const

/** Checks the options and fills in what is missing. */
export function retrySettings<T>(options: RetryBufferOptions<T>): RetrySettings<T> {
  checkObject('options', options)
  checkOptions('RetryBuffer', options, OPTIONS)
  const { save, max = 1_000, saveTimeout = 15_000, backoff = {}, concurrency = 1, giveUpWhen, onDrop } = options
  const { name = 'retry-buffer', clock = systemClock, wall = wallClock } = options
  checkFunction('options.save', save)
  checkCount('options.max', max)
  checkTimeout('options.saveTimeout', saveTimeout)
  if (saveTimeout < 1) throw outOfRange('options.saveTimeout', 'at least 1 ms', saveTimeout)
  checkBackoff('options.backoff', backoff)
  checkCount('options.concurrency', concurrency)
  if (giveUpWhen !== undefined) checkFunction('options.giveUpWhen', giveUpWhen)
  if (onDrop !== undefined) checkFunction('options.onDrop', onDrop)
  checkClock('options.clock', clock)
  checkFunction('options.wall', wall)
  const spill = options.spill === undefined ? undefined : spillSettings(options.spill)
  return { save, max, saveTimeout, backoff, concurrency, spill, giveUpWhen, onDrop, name, clock, wall }
}

function spillSettings<T>(spill: string | SpillOptions<T>): Required<SpillOptions<T>> {
  if (typeof spill !== 'string') checkObject('options.spill', spill)
  const given: SpillOptions<T> = typeof spill === 'string' ? { path: spill } : spill
  checkOptions('options.spill', given, ['path', 'every', 'mode', 'encode', 'decode'])
  const { path, every = 1_000, mode = 0o600, encode = (item) => item, decode = (value) => value as T } = given
  checkPath('options.spill.path', path)
  checkTimeout('options.spill.every', every)
  checkMode('options.spill.mode', mode)
  checkFunction('options.spill.encode', encode)
  checkFunction('options.spill.decode', decode)
  return { path, every, mode, encode, decode }
}
