import {
  checkBoolean,
  checkFunction,
  checkName,
  checkObject,
  checkOneOf,
  checkOptions,
  checkTimeout,
  outOfRange,
} from '../../lifecycle/check.ts'
import type { PlaceOptions } from '../../lifecycle/contract.ts'
import { PLACE } from '../../lifecycle/place.ts'
import type { ThreadReport } from './thread-report.ts'

/** Options of `new ThreadMonitor()`. All times are in ms, at most 2 147 483 647. */
export interface ThreadMonitorOptions extends PlaceOptions {
  /** Its place in paths. Default: `threads`. */
  name?: string
  /** How often each thread beats, at least 10. Default: 250. */
  beat?: number
  /** How often the monitor looks, at least 10. Default: 250. */
  check?: number
  /** How long a thread may be silent, at least 4 beats would be wise and 2 are demanded. Default: 5 000. */
  hang?: number
  /** On how many looks in a row it must have been silent for so long, 1 to 100. Default: 2. */
  confirm?: number
  /** How long a thread may work without a pause before that is told. Default: 30 000. */
  busy?: number
  /** How long a thread may load after its registration. Default: 30 000, and never less than `hang`. */
  boot?: number
  /** After how long a lane is cleaned of which no thread is known any more. Default: 1 800 000, half an hour. */
  unseen?: number
  /** For how many threads there is room, 1 to 4 096: 192 bytes each. Default: 256. */
  maxThreads?: number
  /** What becomes of a thread that hangs, or is stuck in native code. Default: `report`. */
  action?: 'report' | 'terminate'
  /** Whether a silent thread is stopped for a moment to see where it is. Default: true. */
  stack?: boolean
  /** Told of each report; what it throws is published as `resource.error`. */
  onReport?: (report: ThreadReport) => unknown
}

/** The options, all of them. */
export type MonitorSettings = Required<Omit<ThreadMonitorOptions, keyof PlaceOptions | 'onReport'>> &
  Pick<ThreadMonitorOptions, 'onReport'>

const DEFAULTS: MonitorSettings = {
  name: 'threads',
  beat: 250,
  check: 250,
  hang: 5_000,
  confirm: 2,
  busy: 30_000,
  boot: 30_000,
  unseen: 1_800_000,
  maxThreads: 256,
  action: 'report',
  stack: true,
}
/** The shortest time between two beats or looks: a shorter one would be all that anybody does. */
const SHORTEST = 10

/** Completes the options, and refuses what could not be kept to. */
export function settingsOf(options: Omit<ThreadMonitorOptions, keyof PlaceOptions>): MonitorSettings {
  const settings = { ...DEFAULTS }
  for (const [key, value] of Object.entries(options)) if (value !== undefined) Object.assign(settings, { [key]: value })
  const { name, beat, check, hang, confirm, maxThreads, action, stack, onReport } = settings
  checkName('options.name', name)
  for (const key of ['beat', 'check', 'hang', 'busy', 'boot', 'unseen'] as const)
    checkTimeout(`options.${key}`, settings[key])
  for (const [key, value] of [['beat', beat] as const, ['check', check] as const])
    if (value < SHORTEST) throw outOfRange(`options.${key}`, `at least ${SHORTEST} ms`, value)
  if (hang < 2 * beat)
    throw outOfRange('options.hang', `at least two beats, ${2 * beat} ms`, hang, 'Make the beat shorter, too.')
  checkCount('options.confirm', confirm, 100)
  checkCount('options.maxThreads', maxThreads, 4_096)
  checkOneOf('options.action', action, ['report', 'terminate'])
  checkBoolean('options.stack', stack)
  if (onReport !== undefined) checkFunction('options.onReport', onReport)
  return settings
}

/** Refuses options that nobody knows. */
export function checkKnown(options: ThreadMonitorOptions): void {
  checkObject('options', options)
  checkOptions('ThreadMonitor', options, [...Object.keys(DEFAULTS), 'onReport', ...PLACE])
}

function checkCount(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  throw outOfRange(name, `a whole number from 1 to ${most}`, value)
}
