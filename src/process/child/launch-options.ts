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
} from '../../lifecycle/check.ts'
import type { PlaceOptions, ResourceOptions } from '../../lifecycle/contract.ts'
import { PLACE } from '../../lifecycle/place.ts'
import { checkGuard } from '../guard/check-guard.ts'
import { checkSignal } from '../tree/check-signal.ts'
import type { ReadyWhen } from './ready-when.ts'
import type { ParentDeathGuard, StopOptions } from './spawned-child.ts'

/** Options of `spawnChild`. */
export interface SpawnChildOptions extends PlaceOptions {
  /** Its place in paths. Default: its kind and number, `child-process#7`. */
  name?: string
  /** The directory that it runs in. Default: that of this process. */
  cwd?: string
  /** Its environment, to which the mark of its tree (`ENDSWELL_TREE`) is added. Default: that of this process. */
  env?: Readonly<Record<string, string | undefined>>
  /** Its standard input: nothing, a pipe (`child.stdin`), or that of this process. Default: `ignore`. */
  stdin?: 'ignore' | 'pipe' | 'inherit'
  /** Its standard output and error: read as lines, those of this process, or nothing. Default: `lines`. */
  output?: 'lines' | 'inherit' | 'ignore'
  /** Whether it gets a channel for messages, as with `fork`. Default: false, and true for `readyWhen: 'message'`. */
  ipc?: boolean
  /** When it is ready. Default: as soon as it has been started. */
  readyWhen?: ReadyWhen
  /** How many ms it has to become ready, 0 to 2 147 483 647; then it is ended. Default: 30 000. */
  readyTimeout?: number
  /**
   * Called with each line of its output. What it throws, or its promise rejects with, is published as `resource.error`,
   * and reading goes on; it does not wait for that promise.
   */
  onLine?: (line: string, from: 'stdout' | 'stderr') => unknown
  /** How many of the last lines are kept, 0 to 1 000, each cut at 1 000 characters. Default: 20. */
  lastWords?: number
  /** How many ms its tree gets to end before it is killed. Default: its lifecycle's. */
  grace?: number
  /** What the tree is asked to end with, such as SIGINT for postgres: not SIGKILL or SIGSTOP. Default: SIGTERM. */
  stopSignal?: NodeJS.Signals
  /** Ends the tree when it aborts, unless the child was forgotten before. */
  signal?: AbortSignal
  /**
   * What ends its tree when this process dies, also by SIGKILL: a tiny shell beside this process (`sidecar`), the kernel
   * (`pdeathsig`: Linux, the main thread, and only the child itself), or nobody. `auto`: `sidecar` where there is a
   * `/bin/sh`, else `none`. Default: `auto`.
   */
  onParentDeath?: 'auto' | ParentDeathGuard
}

/** The options that say how a child is run, and not where it stands or when it ends. */
export const LAUNCH = [
  'cwd',
  'env',
  'stdin',
  'output',
  'ipc',
  'readyWhen',
  'readyTimeout',
  'onLine',
  'lastWords',
  'stopSignal',
  'onParentDeath',
] as const
const OPTIONS = ['name', ...LAUNCH, 'grace', 'signal', ...PLACE] as const

/** The longest list of last words. */
const MOST_WORDS = 1_000

/** Refuses what cannot be run, or waited for, before anything has happened. The place is checked by the lifecycle. */
export function checkLaunch(command: string, args: readonly string[], options: SpawnChildOptions): void {
  checkText('command', command)
  if (command === '') throw outOfRange('command', 'the name or path of a program', command)
  if (!Array.isArray(args)) throw wrongType('args', 'an array of strings', args)
  for (const [at, arg] of args.entries()) checkText(`args[${at}]`, arg)
  checkObject('options', options)
  checkOptions('options', options, OPTIONS)
  const { name, cwd, env, stdin, output, ipc, onLine, lastWords, readyTimeout, stopSignal, signal, onParentDeath } =
    options
  if (name !== undefined) checkName('options.name', name)
  if (cwd !== undefined) checkText('options.cwd', cwd)
  if (env !== undefined) checkObject('options.env', env)
  if (Array.isArray(env)) throw wrongType('options.env', 'an object of names and values', env)
  if (stdin !== undefined) checkOneOf('options.stdin', stdin, ['ignore', 'pipe', 'inherit'])
  if (output !== undefined) checkOneOf('options.output', output, ['lines', 'inherit', 'ignore'])
  if (ipc !== undefined) checkBoolean('options.ipc', ipc)
  if (onLine !== undefined) checkFunction('options.onLine', onLine)
  if (lastWords !== undefined && !isCount(lastWords))
    throw outOfRange('options.lastWords', `a whole number from 0 to ${MOST_WORDS}`, lastWords)
  if (readyTimeout !== undefined) checkTimeout('options.readyTimeout', readyTimeout)
  if (stopSignal !== undefined) checkStopSignal(stopSignal)
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw wrongType('options.signal', 'an AbortSignal', signal)
  if (onParentDeath !== undefined)
    checkOneOf('options.onParentDeath', onParentDeath, ['auto', 'sidecar', 'pdeathsig', 'none'])
  checkGuard(onParentDeath)
  checkHearing(options)
}

/** The options that say where it stands in its lifecycle. */
export function placeIn({ name, grace, dependsOn, requiredBy, last }: SpawnChildOptions): ResourceOptions {
  const place: ResourceOptions = {}
  if (name !== undefined) place.name = name
  if (grace !== undefined) place.grace = grace
  if (dependsOn !== undefined) place.dependsOn = dependsOn
  if (requiredBy !== undefined) place.requiredBy = requiredBy
  if (last !== undefined) place.last = last
  return place
}

/** Refuses what a tree cannot be stopped with. */
export function checkStop(options: StopOptions): void {
  checkObject('options', options)
  checkOptions('stop', options, ['signal', 'grace'])
  const { signal, grace } = options
  if (signal !== undefined) checkSignal('options.signal', signal)
  if (grace !== undefined) checkTimeout('options.grace', grace)
}

/** Refuses what nobody can heed, too. */
function checkStopSignal(signal: unknown): void {
  checkSignal('options.stopSignal', signal)
  if (signal !== 'SIGKILL' && signal !== 'SIGSTOP') return
  throw outOfRange('options.stopSignal', 'a signal that can be heeded', signal, 'With grace: 0 it is killed at once.')
}

/** Refuses to wait for what cannot be heard. */
function checkHearing({ readyWhen, output = 'lines', ipc, onLine }: SpawnChildOptions): void {
  if (onLine !== undefined && output !== 'lines')
    throw outOfRange('options.output', "'lines' where there is an onLine", output, 'Leave it out.')
  if (readyWhen === undefined || typeof readyWhen === 'function') return
  if (readyWhen === 'message') {
    if (ipc === false) throw outOfRange('options.ipc', "true for readyWhen: 'message'", ipc, 'Leave it out.')
  } else if (!(readyWhen instanceof RegExp)) {
    throw wrongType('options.readyWhen', "a regular expression, 'message' or a function", readyWhen)
  } else if (output !== 'lines') {
    throw outOfRange('options.output', "'lines' where readyWhen is a regular expression", output, 'Leave it out.')
  }
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_WORDS
}

/** The system ends a string at its first NUL. */
function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value)
  if (value.includes('\0')) throw outOfRange(name, 'a string without a NUL', value)
}
