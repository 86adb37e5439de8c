import { type BackoffOptions, checkBackoff } from '../../lifecycle/backoff.ts'
import {
  checkClock,
  checkFunction,
  checkObject,
  checkOptions,
  checkTimeout,
  outOfRange,
  wrongType,
} from '../../lifecycle/check.ts'
import { type Clock, systemClock } from '../../lifecycle/clock.ts'

/** What the functions of a pool are given beside the connection. */
export interface PoolCallContext {
  /** Aborts when the call is no longer waited for: its time is up, or the pool has ended or, for `create`, closes. */
  readonly signal: AbortSignal
}

/** Options of {@link ConnectionPool}. Durations are ms. */
export interface ConnectionPoolOptions<T> {
  /** Opens a connection. What it throws rejects the one who has waited longest, and the next attempt waits a while. */
  create(context: PoolCallContext): T | Promise<T>
  /** Ends a connection; called once for each. Default: its own disposer, if it has one. */
  destroy?(value: T, context: PoolCallContext): unknown
  /** Whether a connection is still good: `false`, or a throw, and another takes its place. Default: not asked. */
  validate?(value: T, context: PoolCallContext): unknown
  /** Tells when a connection ends by itself: it then leaves the pool at once. Returns the undo. Default: not watched. */
  onGone?(value: T, leave: () => void): (() => void) | undefined
  /** How many connections are kept open although nobody needs them, 0 to `max`. Default: 0. */
  min?: number
  /** How many connections there are at most, those that are opened or ended counted, from 1. Default: 10. */
  max?: number
  /** How many may wait for a connection at most, from 1. Default: 1 000. */
  maxWaiting?: number
  /** How many connections are opened at the same time at most, from 1. Default: 2. */
  maxConnecting?: number
  /** How long `acquire` waits at most, 0 to 2 147 483 647. Default: 30 000. */
  acquireTimeout?: number
  /** How long `create` may take, 1 to 2 147 483 647. Default: 15 000. */
  createTimeout?: number
  /** How long `destroy` may take before the place is given to another, 1 to 2 147 483 647. Default: 5 000. */
  destroyTimeout?: number
  /** How long `validate` may take, 1 to 2 147 483 647. Default: 5 000. */
  validateTimeout?: number
  /** A connection that was used or checked less than so long ago is lent without a check, from 0. Default: 500. */
  validateAfter?: number
  /** A connection that nobody has used for so long is ended, down to `min`. `Infinity`: never. Default: 600 000. */
  idleTimeout?: number
  /** How old a connection gets, less up to 2.5 % by chance; one in use is never cut. Default: 1 800 000. */
  maxLifetime?: number
  /** A connection that nobody has used for so long is checked by `validate`, again and again. Default: `Infinity`. */
  keepalive?: number
  /** After how many uses a connection is ended, from 1. Default: `Infinity`. */
  maxUses?: number
  /** A lease that is held for so long is reported as overdue, once, from 1 000. Default: `Infinity`. */
  leakThreshold?: number
  /** Of how many `acquire` calls one keeps its line, beside the first 16, from 1, or `off`. Default: 1 024. */
  sites?: number | 'off'
  /** How long the wait is after an attempt to open failed. Default: 100 ms, doubled up to 30 000. */
  backoff?: BackoffOptions
  /** Its place in paths. Default: `pool`. */
  name?: string
  /** The source of time. Default: the real one. */
  clock?: Clock
}

/** The options as the pool works with them: complete. */
export interface Settings<T> {
  readonly create: (context: PoolCallContext) => T | Promise<T>
  readonly destroy: ((value: T, context: PoolCallContext) => unknown) | undefined
  readonly validate: ((value: T, context: PoolCallContext) => unknown) | undefined
  readonly onGone: ((value: T, leave: () => void) => (() => void) | undefined) | undefined
  readonly min: number
  readonly max: number
  readonly maxWaiting: number
  readonly maxConnecting: number
  readonly acquireTimeout: number
  readonly createTimeout: number
  readonly destroyTimeout: number
  readonly validateTimeout: number
  readonly validateAfter: number
  readonly idleTimeout: number
  readonly maxLifetime: number
  readonly keepalive: number
  readonly maxUses: number
  readonly leakThreshold: number
  /** 0 where no line is kept. */
  readonly sites: number
  readonly backoff: BackoffOptions
  readonly name: string
  readonly clock: Clock
}

const DEFAULTS = {
  destroy: undefined,
  validate: undefined,
  onGone: undefined,
  min: 0,
  max: 10,
  maxWaiting: 1_000,
  maxConnecting: 2,
  acquireTimeout: 30_000,
  createTimeout: 15_000,
  destroyTimeout: 5_000,
  validateTimeout: 5_000,
  validateAfter: 500,
  idleTimeout: 600_000,
  maxLifetime: 1_800_000,
  keepalive: Number.POSITIVE_INFINITY,
  maxUses: Number.POSITIVE_INFINITY,
  leakThreshold: Number.POSITIVE_INFINITY,
  sites: 1_024,
  backoff: {},
  name: 'pool',
  clock: systemClock,
} as const

/** All options, as they were given or by default. */
type All<T> = Omit<Settings<T>, 'sites'> & { readonly sites: number | 'off' }

const known = ['create', ...Object.keys(DEFAULTS)]

/** Completes what was given, and refuses what makes no sense: before anything has been made of it. */
export function settingsOf<T>(options: ConnectionPoolOptions<T>): Settings<T> {
  checkObject('options', options)
  checkOptions('ConnectionPool', options, known)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const all = { ...DEFAULTS, ...given } as All<T>
  checkFunction('options.create', all.create)
  for (const name of ['destroy', 'validate', 'onGone'] as const) {
    if (all[name] !== undefined) checkFunction(`options.${name}`, all[name])
  }
  checkNumbers(all)
  checkBackoff('options.backoff', all.backoff)
  checkClock('options.clock', all.clock)
  return Object.freeze({
    ...all,
    // Called as methods of the options, which may be an object with a state of its own.
    create: all.create.bind(options),
    destroy: all.destroy?.bind(options),
    validate: all.validate?.bind(options),
    onGone: all.onGone?.bind(options),
    sites: all.sites === 'off' ? 0 : all.sites,
  })
}

function checkNumbers<T>(all: All<T>): void {
  for (const name of ['max', 'maxWaiting', 'maxConnecting', 'maxUses'] as const) {
    if (name !== 'maxUses' || all.maxUses !== Number.POSITIVE_INFINITY) checkWhole(`options.${name}`, all[name], 1)
  }
  checkWhole('options.min', all.min, 0)
  if (all.min > all.max) throw outOfRange('options.min', `at most options.max, ${all.max}`, all.min)
  if (all.sites !== 'off') checkWhole('options.sites', all.sites, 1)
  checkTimeout('options.acquireTimeout', all.acquireTimeout)
  for (const name of ['createTimeout', 'destroyTimeout', 'validateTimeout'] as const) {
    checkTimeout(`options.${name}`, all[name])
    if (all[name] < 1) throw outOfRange(`options.${name}`, 'at least 1 ms', all[name])
  }
  checkLong('options.validateAfter', all.validateAfter, 0)
  for (const name of ['idleTimeout', 'maxLifetime', 'keepalive'] as const) checkLong(`options.${name}`, all[name], 1)
  // Leases are looked at once a second.
  checkLong('options.leakThreshold', all.leakThreshold, 1_000)
  if (all.keepalive === Number.POSITIVE_INFINITY || all.validate !== undefined) return
  throw wrongType('options.validate', 'a function where options.keepalive is given', all.validate)
}

function checkWhole(name: string, value: unknown, least: number): void {
  if (typeof value !== 'number') throw wrongType(name, 'a whole number', value)
  if (!(Number.isSafeInteger(value) && value >= least)) throw outOfRange(name, `a whole number from ${least}`, value)
}

/** Longer than a timer can count is fine here: the timer is set anew. */
function checkLong(name: string, value: unknown, least: number): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number of milliseconds', value)
  if (!(value >= least)) throw outOfRange(name, `a number of milliseconds from ${least}, or Infinity`, value)
}
