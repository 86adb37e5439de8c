import {
  checkBoolean,
  checkClock,
  checkFunction,
  checkName,
  checkObject,
  checkOptions,
  checkTimeout,
  outOfRange,
  wrongType,
} from '../../lifecycle/check.ts'
import { checkShare } from '../../lifecycle/check-share.ts'
import { checkSpan } from '../../lifecycle/check-span.ts'
import { type Clock, systemClock } from '../../lifecycle/clock.ts'
import type { PressureSource } from '../../lifecycle/pressure-source.ts'
import type { Sweepable, SweepContext } from '../../lifecycle/sweepable.ts'
import { secondsFromEnvironment } from './seconds.ts'

/** Options of {@link Janitor}. */
export interface JanitorOptions {
  /**
   * How many ms lie between the end of a run and the next: any positive number, Infinity to run only when asked or
   * pressed. Default: what the environment variable `PERIODIC_CLEANUP_INTERVAL` says in seconds, at least 1, else 10
   * minutes.
   */
  interval?: number
  /** By which share a wait is shortened at most, at random, 0 to 1, so that not all machines clean at once. Default: 0.1. */
  jitter?: number
  /** Whether the first run begins at once, and not after the interval. Default: false. */
  immediate?: boolean
  /** How many ms one sweep may take, 1 to 2 147 483 647; then the next one begins. Default: 60 000. */
  sweepTimeout?: number
  /** Says how hard memory presses: at `high` and `critical` it runs at once, and again and again. Default: none. */
  pressure?: PressureSource
  /** How many ms lie at least between the beginnings of two runs under pressure, 1 to 2 147 483 647. Default: 30 000. */
  minPressed?: number
  /** Gets one line about each run. Default: none is written. */
  log?: (line: string) => unknown
  /** Its name in paths, events and errors. Default: `janitor`. */
  name?: string
  /** The source of time. Default: the real one. */
  clock?: Clock
}

/**
 * A sweep: it removes what is due, and says how much that was, by a number or by { removed, bytes, failed }, at once or by
 * a promise; nothing counts as nothing. It should stop when its signal aborts.
 */
export type Sweep = (context: SweepContext) => unknown

/** The options with their defaults. */
export interface JanitorSettings {
  readonly interval: number
  readonly jitter: number
  readonly immediate: boolean
  readonly sweepTimeout: number
  readonly minPressed: number
  readonly pressure: PressureSource | undefined
  readonly log: ((line: string) => unknown) | undefined
  readonly clock: Clock
}

const INTERVAL = { name: 'PERIODIC_CLEANUP_INTERVAL', least: 1, most: 31_536_000 }
const OPTIONS = [
  ...['interval', 'jitter', 'immediate', 'sweepTimeout', 'pressure', 'minPressed', 'log'],
  ...['name', 'clock'],
]

/** Refuses what no janitor could keep to, and fills in the rest. */
export function janitorSettings(options: JanitorOptions): JanitorSettings {
  checkObject('options', options)
  checkOptions('Janitor', options, OPTIONS)
  const { jitter = 0.1, immediate = false, sweepTimeout = 60_000, minPressed = 30_000 } = options
  const interval = options.interval ?? secondsFromEnvironment(INTERVAL) ?? 600_000
  const { pressure, log, clock = systemClock } = options
  checkSpan('options.interval', interval)
  checkShare('options.jitter', jitter)
  checkBoolean('options.immediate', immediate)
  for (const [name, value] of Object.entries({ sweepTimeout, minPressed })) {
    checkTimeout(`options.${name}`, value)
    if (value < 1) throw outOfRange(`options.${name}`, 'at least 1 ms', value)
  }
  if (pressure !== undefined) {
    checkObject('options.pressure', pressure)
    checkObject('options.pressure.pressure', pressure.pressure)
    checkFunction('options.pressure.subscribe', pressure.subscribe)
  }
  checkClock('options.clock', clock)
  if (log !== undefined) checkFunction('options.log', log)
  return { interval, jitter, immediate, sweepTimeout, pressure, minPressed, log, clock }
}

/** The function that sweeps; refuses what is none and has none. */
export function checkSweep(name: unknown, sweep: Sweepable | Sweep): Sweep {
  checkName('name', name)
  if (typeof sweep === 'function') return sweep
  if (typeof sweep === 'object' && sweep !== null && typeof sweep.sweep === 'function')
    return (context) => sweep.sweep(context)
  throw wrongType('sweep', 'a function, or an object with the method sweep()', sweep)
}
