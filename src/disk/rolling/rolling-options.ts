import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  checkBoolean,
  checkClock,
  checkFunction,
  checkObject,
  checkOneOf,
  checkOptions,
  checkTimeout,
  outOfRange,
  wrongType,
} from '../../lifecycle/check.ts'
import { checkMode, checkPath } from '../../lifecycle/check-path.ts'
import { type Clock, systemClock, wallClock } from '../../lifecycle/clock.ts'

/** Options of a `RollingFile`. */
export interface RollingFileOptions {
  /** Where the current file is; the older ones are beside it, called like it with `.1`, `.2` … added. Its folder must exist. */
  path: string | URL
  /** How many bytes it may have: before more is added, it becomes `.1`. From 1; Infinity: any. Default: 10 485 760, 10 MiB. */
  maxSize?: number
  /** How many older files are kept, a whole number from 0 to 1 000. Default: 5. */
  maxFiles?: number
  /** How many ms after they were last written older files go, when it is opened or rotated. Default: Infinity, never. */
  maxAge?: number
  /**
   * When what is appended goes from the system to the disk, where a power failure cannot lose it: `always` before an
   * append resolves, those at once together; `interval` every `syncInterval` ms; `never`: when the system likes.
   * A crash of the process alone loses nothing that has resolved either way. Default: `always`.
   */
  fsync?: 'always' | 'interval' | 'never'
  /** How many ms that is, 1 to 2 147 483 647. Default: 1 000. */
  syncInterval?: number
  /** How many bytes may wait to be written, from 1. Default: 16 777 216, 16 MiB. */
  maxPending?: number
  /** Whether a last line without an end, as a crash may leave it, gets one when the file is opened. Default: true. */
  repair?: boolean
  /** The permissions, 0 to 0o7777. Default: what the umask leaves of 0o666. */
  mode?: number
  /** What it is called. Default: `rolling-file`. */
  name?: string
  /** The source of time. Default: the real one. */
  clock?: Clock
  /** The date and time in ms since 1970, which files are dated by. Default: the machine's. */
  wall?: () => number
}

/** Those options, checked and complete. */
export type CheckedRollingFile = Required<Omit<RollingFileOptions, 'path' | 'mode'>> & {
  readonly path: string
  readonly mode: number | undefined
}

const OPTIONS = [
  'path',
  'maxSize',
  'maxFiles',
  'maxAge',
  'fsync',
  'syncInterval',
  'maxPending',
  'repair',
  'mode',
  'name',
  'clock',
  'wall',
]

/** Refuses options that make no sense. */
export function checkRollingFile(options: RollingFileOptions): CheckedRollingFile {
  checkObject('options', options)
  checkOptions('RollingFile', options, OPTIONS)
  const { maxSize = 10_485_760, maxFiles = 5, maxAge = Number.POSITIVE_INFINITY, maxPending = 16_777_216 } = options
  const { fsync = 'always', syncInterval = 1_000, repair = true, mode } = options
  const { name = 'rolling-file', clock = systemClock, wall = wallClock } = options
  const path = pathOf('options.path', options.path)
  checkLeast('options.maxSize', maxSize, 1)
  checkLeast('options.maxFiles', maxFiles, 0)
  if (!Number.isInteger(maxFiles) || maxFiles > 1_000)
    throw outOfRange('options.maxFiles', 'a whole number from 0 to 1 000', maxFiles)
  checkLeast('options.maxAge', maxAge, 0)
  checkOneOf('options.fsync', fsync, ['always', 'interval', 'never'])
  checkTimeout('options.syncInterval', syncInterval)
  checkLeast('options.syncInterval', syncInterval, 1)
  checkLeast('options.maxPending', maxPending, 1)
  checkBoolean('options.repair', repair)
  if (mode !== undefined) checkMode('options.mode', mode)
  checkClock('options.clock', clock)
  checkFunction('options.wall', wall)
  return { path, maxSize, maxFiles, maxAge, fsync, syncInterval, maxPending, repair, mode, name, clock, wall }
}

function pathOf(name: string, path: unknown): string {
  if (path instanceof URL && path.protocol !== 'file:') throw outOfRange(name, 'a URL of a file', path.href)
  const given = path instanceof URL ? fileURLToPath(path) : path
  checkPath(name, given)
  return resolve(given as string)
}

function checkLeast(name: string, value: unknown, least: number): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (!(value >= least)) throw outOfRange(name, `a number from ${least}`, value)
}
