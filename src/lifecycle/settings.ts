import { checkFunction, checkName, checkObject, checkOneOf, checkOptions, checkTimeout, wrongType } from './check.ts'
import { type Clock, systemClock } from './clock.ts'
import type { LeakLevel, LifecycleOptions, Order } from './contract.ts'
import { checkKind, type Kind } from './kind.ts'

/** How many ms closing a root lifecycle may take. Kubernetes kills after 30 000, and what follows needs some of that. */
export const DEFAULT_TIMEOUT = 25_000
/** How many ms a resource gets to close. */
const DEFAULT_GRACE = 5_000

/** The options of a lifecycle, checked and complete. */
export interface Settings {
  /** Infinity in a scope that sets none: there the parent's deadline decides. */
  readonly timeout: number
  readonly grace: number
  readonly order: Order
  /** The user's, then those that the package brings. */
  readonly kinds: readonly Kind[]
  readonly leaks: LeakLevel
  readonly clock: Clock
}

/** Options of every lifecycle but its name. */
const SETTINGS = ['timeout', 'grace', 'order', 'kinds', 'leaks', 'clock'] as const
/** The parts of a clock. */
const CLOCK = ['now', 'setTimeout', 'clearTimeout'] as const
const levels: readonly LeakLevel[] = ['off', 'counts', 'sampled', 'full', 'paranoid']

/** Refuses what a lifecycle cannot be made with. */
export function checkSettings(options: LifecycleOptions, more: readonly string[] = ['name']): void {
  checkObject('options', options)
  checkOptions('options', options, [...more, ...SETTINGS])
  const { name, timeout, grace, order, kinds, leaks, clock } = options
  if (name !== undefined) checkName('name', name)
  if (timeout !== undefined) checkTimeout('timeout', timeout)
  if (grace !== undefined) checkTimeout('grace', grace)
  if (order !== undefined) checkOneOf('order', order, ['reverse', 'parallel'])
  if (leaks !== undefined) checkOneOf('leaks', leaks, levels)
  if (clock !== undefined) {
    checkObject('clock', clock)
    for (const part of CLOCK) checkFunction(`clock.${part}`, clock[part])
  }
  if (kinds !== undefined) checkKinds(kinds)
}

function checkKinds(kinds: readonly Kind<never>[]): void {
  if (!Array.isArray(kinds)) throw wrongType('kinds', 'an array of kinds', kinds)
  for (const [at, kind] of kinds.entries()) checkKind(`kinds[${at}]`, kind)
}

/** The settings of a root: its options, and defaults for the rest. */
export function rootSettings(options: LifecycleOptions, nodeKinds: readonly Kind[]): Settings {
  return {
    timeout: options.timeout ?? DEFAULT_TIMEOUT,
    grace: options.grace ?? DEFAULT_GRACE,
    order: options.order ?? 'reverse',
    kinds: [...((options.kinds ?? []) as readonly Kind[]), ...nodeKinds],
    leaks: options.leaks ?? levelFromEnvironment(),
    clock: options.clock ?? systemClock,
  }
}

/** The settings of a scope: its options, and its parent's for the rest, but for timeout and order. */
export function scopeSettings(options: LifecycleOptions, parent: Settings): Settings {
  return {
    timeout: options.timeout ?? Number.POSITIVE_INFINITY,
    grace: options.grace ?? parent.grace,
    order: options.order ?? 'reverse',
    kinds: options.kinds === undefined ? parent.kinds : [...(options.kinds as readonly Kind[]), ...parent.kinds],
    leaks: options.leaks ?? parent.leaks,
    clock: options.clock ?? parent.clock,
  }
}

function levelFromEnvironment(): LeakLevel {
  const word = process.env['ENDSWELL_LEAKS']
  if (word === undefined || word === '') return 'sampled'
  checkOneOf('The environment variable ENDSWELL_LEAKS', word, levels)
  return word as LeakLevel
}
