import {
  checkBoolean,
  checkClock,
  checkFunction,
  checkObject,
  checkOptions,
  checkTimeout,
  outOfRange,
  wrongType,
} from '../../lifecycle/check.ts'
import { checkCount } from '../../lifecycle/check-count.ts'
import { type Clock, systemClock, wallClock } from '../../lifecycle/clock.ts'
import { checkRoot } from './root.ts'
import { type CheckedRule, checkRules, type RetentionRule } from './rule.ts'

/** Options of a `RetentionSweeper`. */
export interface RetentionSweeperOptions {
  /** The folder that is swept: an absolute path, or a URL of a file. Nothing outside is ever touched. */
  root: string | URL
  /** What goes, and when. An entry is judged by the first rule that is for it, and stays where none is. */
  rules: readonly RetentionRule[]
  /** How many ms after a sweep the next begins by itself, 1 to 2 147 483 647. Default: none does. */
  interval?: number
  /** By which share that wait is shortened at most, at random, 0 to 1. Default: 0.1. */
  jitter?: number
  /** Whether only to tell what would go. Default: false. */
  dryRun?: boolean
  /** How many entries are worked at at once, 1 to 1 024. Default: 32. */
  concurrency?: number
  /** Whether the root may be a link, and another one each time. Default: false. */
  followRoot?: boolean
  /** What it is called. Default: `sweeper`. */
  name?: string
  /** The source of time. Default: the real one. */
  clock?: Clock
  /** The date and time in ms since 1970, which files are dated by. Default: the machine's. */
  wall?: () => number
}

/** Those options, checked and complete. */
export interface CheckedSweeper {
  readonly root: string
  readonly rules: readonly CheckedRule[]
  readonly interval: number | undefined
  readonly jitter: number
  readonly dryRun: boolean
  readonly concurrency: number
  readonly followRoot: boolean
  readonly name: string
  readonly clock: Clock
  readonly wall: () => number
}

const OPTIONS = ['root', 'rules', 'interval', 'jitter', 'dryRun', 'concurrency', 'followRoot', 'name', 'clock', 'wall']

/** Refuses options that make no sense, and roots that nobody means. */
export function checkSweeper(options: RetentionSweeperOptions): CheckedSweeper {
  checkObject('options', options)
  checkOptions('RetentionSweeper', options, OPTIONS)
  const { interval, jitter = 0.1, dryRun = false, concurrency = 32, followRoot = false } = options
  const { name = 'sweeper', clock = systemClock, wall = wallClock } = options
  const root = checkRoot('options.root', options.root)
  const rules = checkRules('options.rules', options.rules)
  if (interval !== undefined) checkTimeout('options.interval', interval)
  if (interval !== undefined && interval < 1) throw outOfRange('options.interval', 'at least 1', interval)
  if (typeof jitter !== 'number') throw wrongType('options.jitter', 'a number', jitter)
  if (!(jitter >= 0 && jitter <= 1)) throw outOfRange('options.jitter', 'a number from 0 to 1', jitter)
  checkBoolean('options.dryRun', dryRun)
  checkCount('options.concurrency', concurrency)
  if (concurrency > 1_024) throw outOfRange('options.concurrency', 'a whole number from 1 to 1 024', concurrency)
  checkBoolean('options.followRoot', followRoot)
  checkClock('options.clock', clock)
  checkFunction('options.wall', wall)
  return { root, rules, interval, jitter, dryRun, concurrency, followRoot, name, clock, wall }
}
