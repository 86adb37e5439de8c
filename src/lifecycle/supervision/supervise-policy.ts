import { type BackoffOptions, checkBackoff } from '../backoff.ts'
import {
  checkBoolean,
  checkFunction,
  checkName,
  checkObject,
  checkOneOf,
  checkOptions,
  checkTimeout,
  outOfRange,
  wrongType,
} from '../check.ts'
import type { PlaceOptions } from '../contract.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { PLACE } from '../place.ts'
import type { LifeEnd } from './life-end.ts'
import { RESTARTS, type Restart, STRATEGIES, type Strategy } from './restart.ts'

/** How often something may be begun again. */
export interface IntensityOptions {
  /** How many restarts are allowed within `period`: a whole number from 0, or Infinity. Default: 5. */
  max?: number
  /** How far back restarts are counted, in ms, 1 to 2 147 483 647. Default: 60 000. */
  period?: number
}

/** How one thing is supervised, alone or in a group. */
export interface MemberPolicy<T> {
  /** Which ends lead to another life. Default: `permanent`, all of them. */
  restart?: Restart
  /** How long to wait before the next life. Default: 200 ms at first, doubled up to 30 000, each up to a fifth shorter. */
  backoff?: BackoffOptions
  /** How many ms a life must have been ready for the waits to begin anew after it, 0 to 2 147 483 647. Default: 10 000. */
  stable?: number
  /**
   * When a life is ready: once `start` has called `ready()` (`told`), or when what this function returns has fulfilled; it
   * is called after `start`, and what it throws ends that life. Default: as soon as `start` was called.
   */
  readyWhen?: 'told' | ((scope: Lifecycle, signal: AbortSignal) => unknown)
  /** How many ms `readyWhen` may take before a `TimeoutError` ends that life, 0 to 2 147 483 647. Default: 30 000. */
  readyTimeout?: number
  /** Whether what `start` brought was a normal end. A rejection never is. Default: it always was. */
  isNormal?: (value: T) => boolean
  /** Whether an end is one that another life would only repeat: the supervision then gives up at once. Default: none. */
  giveUpWhen?: (end: LifeEnd<T>) => boolean
  /** How many ms each thing in a life gets to close before it is forced. Default: the lifecycle's. */
  grace?: number
}

/** When the supervision gives up, what comes of that, and where it stands among its siblings. */
export interface SupervisionOptions extends PlaceOptions {
  /**
   * It gives up when there would be more restarts than this: by default after some 6 s of waits. For what may be away for
   * longer, such as a database, say `{ max: Infinity }`.
   */
  intensity?: IntensityOptions
  /** Whether giving up starts the shutdown of the whole lifecycle. Default: false. */
  fatal?: boolean
  /** How many ms each thing in it gets to close before it is forced. Default: the lifecycle's. */
  grace?: number
}

/** Options of `supervise`. */
export interface SupervisePolicy<T> extends MemberPolicy<T>, SupervisionOptions {}

/** One member of a group: how it is started, and how it is supervised. */
export interface GroupMember<T> extends MemberPolicy<Awaited<T>> {
  /**
   * Begins one life in the scope that it is given. Its promise settles when that life is over. `ready` is to be called
   * where `readyWhen` is `told`, and does nothing elsewhere.
   */
  start: (scope: Lifecycle, ready: () => void) => T | Promise<T>
}

/** A member, whatever its lives end with. */
export interface Definition extends MemberPolicy<never> {
  start: (scope: Lifecycle, ready: () => void) => unknown
}

/** Options of `superviseGroup`. */
export interface GroupPolicy extends SupervisionOptions {
  /** Who begins again with a member that ended. Default: `one_for_one`, nobody else. */
  strategy?: Strategy
}

const OWN = ['restart', 'backoff', 'stable', 'readyWhen', 'readyTimeout', 'isNormal', 'giveUpWhen', 'grace'] as const
const COMMON = ['intensity', 'fatal', ...PLACE] as const

/** Refuses what `supervise` could not keep to. */
export function checkPolicy(policy: SupervisePolicy<never>): void {
  checkPlain('policy', policy)
  checkOptions('policy', policy, [...OWN, ...COMMON])
  checkOwn('policy', policy)
  checkCommon(policy)
}

/** Refuses what `superviseGroup` could not keep to. */
export function checkGroupPolicy(policy: GroupPolicy): void {
  checkPlain('policy', policy)
  checkOptions('policy', policy, ['strategy', 'grace', ...COMMON])
  const { strategy = 'one_for_one', grace } = policy
  checkOneOf('policy.strategy', strategy, STRATEGIES)
  if (grace !== undefined) checkTimeout('policy.grace', grace)
  checkCommon(policy)
}

/** Refuses members that cannot be told apart, or whose order nobody could know. */
export function checkMembers(members: Readonly<Record<string, Definition>>): void {
  checkPlain('members', members)
  const names = Object.keys(members)
  if (names.length === 0) throw outOfRange('members', 'at least one', members)
  for (const name of names) checkMember(name, members[name] as Definition)
}

function checkMember(name: string, member: Definition): void {
  checkName('The name of a member', name)
  const mend = 'Such keys come before all others, whatever order they are written in.'
  if (/^\d+$/.test(name)) throw outOfRange('The name of a member', 'a name that is no number', name, mend)
  const what = `members.${name}`
  checkPlain(what, member)
  checkOptions(what, member, ['start', ...OWN])
  checkFunction(`${what}.start`, member.start)
  checkOwn(what, member)
}

function checkOwn(what: string, policy: MemberPolicy<never>): void {
  const { restart, backoff, stable, readyWhen, readyTimeout, isNormal, giveUpWhen, grace } = policy
  if (restart !== undefined) checkOneOf(`${what}.restart`, restart, RESTARTS)
  if (backoff !== undefined) {
    checkPlain(`${what}.backoff`, backoff)
    checkBackoff(`${what}.backoff`, backoffOf(backoff))
  }
  if (stable !== undefined) checkTimeout(`${what}.stable`, stable)
  if (readyTimeout !== undefined) checkTimeout(`${what}.readyTimeout`, readyTimeout)
  if (grace !== undefined) checkTimeout(`${what}.grace`, grace)
  if (readyWhen !== undefined && readyWhen !== 'told')
    checkFunction(`${what}.readyWhen`, readyWhen, "Or say 'told', and have start call ready().")
  if (isNormal !== undefined) checkFunction(`${what}.isNormal`, isNormal)
  if (giveUpWhen !== undefined) checkFunction(`${what}.giveUpWhen`, giveUpWhen)
}

function checkCommon({ intensity = {}, fatal = false }: SupervisionOptions): void {
  checkBoolean('policy.fatal', fatal)
  checkPlain('policy.intensity', intensity)
  checkOptions('policy.intensity', intensity, ['max', 'period'])
  const { max, period } = intensityOf(intensity)
  const isCount = max === Number.POSITIVE_INFINITY || (Number.isSafeInteger(max) && max >= 0)
  if (!isCount) throw outOfRange('policy.intensity.max', 'a whole number from 0, or Infinity', max)
  checkTimeout('policy.intensity.period', period)
  if (period < 1) throw outOfRange('policy.intensity.period', 'at least 1 ms', period)
}

/** Refuses anything but an object with options: a list has none, and its numbers would be taken for some. */
function checkPlain(name: string, value: unknown): void {
  checkObject(name, value)
  if (Array.isArray(value)) throw wrongType(name, 'an object of names and values, no list', value)
}

/** How many ms a first wait is where nobody says: a process takes longer to start than a request. */
const FIRST = 200

/** Complete options of the waits between lives. */
export function backoffOf(backoff: BackoffOptions = {}): BackoffOptions {
  return { ...backoff, first: backoff.first ?? FIRST }
}

/** Complete options of the intensity. */
export function intensityOf({ max = 5, period = 60_000 }: IntensityOptions = {}): Required<IntensityOptions> {
  return { max, period }
}
