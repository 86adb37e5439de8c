import type { IncomingMessage } from 'node:http'
import {
  checkFunction,
  checkName,
  checkObject,
  checkOneOf,
  checkOptions,
  checkTimeout,
  outOfRange,
  wrongType,
} from '../lifecycle/check.ts'
import type { Probe } from './probe.ts'

/** How many ms a check may take. The kubelet itself waits 1 s, unless told otherwise. */
const DEFAULT_CHECK_TIMEOUT = 1_000
/** How many ms the result of a check is kept. */
const DEFAULT_CACHE = 1_000

/** A function that looks whether something works: it fails by throwing, rejecting, returning `false`, or taking too long. */
export type CheckFunction = (signal: AbortSignal) => unknown

/** A check with options of its own. */
export interface CheckOptions {
  /** Looks whether it works. Its signal aborts when its time is up or the lifecycle closes. */
  check: CheckFunction
  /** How many ms it may take, 1 to 2 147 483 647. Default: 1 000. */
  timeout?: number
  /** How many ms its result is kept; 0 asks anew each time. Default: 1 000. */
  cache?: number
  /** Which probe it decides: one on `live` that fails has the process restarted. Default: `ready`. */
  on?: 'ready' | 'live'
}

/** Who sees more than the status: nobody, everybody, or whoever sends a request that the function says yes to. */
export type Details = 'never' | 'always' | ((request: IncomingMessage) => boolean)

/** Options of `healthHandler`. */
export interface HealthOptions {
  /** Where it answers. Default: `/livez`, `/readyz` and `/startupz`. Compared exactly, without the query string. */
  paths?: Partial<Record<Probe, string>>
  /** Who sees what is pending, degraded and closing, and how the checks went. Default: `never`. */
  details?: Details
  /** What must work as well, by name. Default: nothing. */
  checks?: Readonly<Record<string, CheckFunction | CheckOptions>>
}

/** A check, with its options checked and complete. */
export interface CheckPlan extends Required<CheckOptions> {
  readonly name: string
}

/** Options of `healthHandler`, checked and complete. */
export interface HealthPlan {
  /** Which probe a path is. */
  readonly probes: ReadonlyMap<string, Probe>
  readonly details: (request: IncomingMessage) => boolean
  readonly checks: readonly CheckPlan[]
}

const defaultPaths: Readonly<Record<Probe, string>> = { live: '/livez', ready: '/readyz', startup: '/startupz' }
const probes = Object.keys(defaultPaths) as readonly Probe[]

/** The options of `healthHandler`, for who has further ones. */
export const healthOptions = ['paths', 'details', 'checks'] as const

/** Checks the options of `healthHandler` and fills in the rest. Throws a TypeError or RangeError for a bad one. */
export function healthPlan(options: HealthOptions): HealthPlan {
  checkObject('options', options)
  checkOptions('healthHandler', options, healthOptions)
  const { paths = {}, details = 'never', checks = {} } = options
  checkObject('options.checks', checks)
  if (Array.isArray(checks)) throw wrongType('options.checks', 'an object of checks by name', checks)
  return {
    probes: probesAt(paths),
    details: detailsFor(details),
    checks: Object.entries(checks).map(([name, check]) => checkPlan(name, check)),
  }
}

function probesAt(paths: Partial<Record<Probe, string>>): Map<string, Probe> {
  checkObject('options.paths', paths)
  checkOptions('options.paths', paths, probes)
  const found = new Map<string, Probe>()
  for (const probe of probes) {
    const name = `options.paths.${probe}`
    const path: unknown = paths[probe] ?? defaultPaths[probe]
    if (typeof path !== 'string') throw wrongType(name, 'a path', path)
    if (!/^\/[^?#\s]*$/.test(path)) throw outOfRange(name, "a path that begins with '/', without query or space", path)
    if (found.has(path)) throw outOfRange(name, `a path of its own, not that of '${found.get(path)}'`, path)
    found.set(path, probe)
  }
  return found
}

function detailsFor(details: Details): (request: IncomingMessage) => boolean {
  if (typeof details === 'function') return details
  checkOneOf('options.details', details, ['never', 'always'])
  return () => details === 'always'
}

function checkPlan(name: string, given: CheckFunction | CheckOptions): CheckPlan {
  const option = `options.checks.${name}`
  checkName('The name of a check', name)
  if (typeof given === 'function') return checkPlan(name, { check: given })
  if (typeof given !== 'object' || given === null) throw wrongType(option, 'a function or { check, … }', given)
  checkOptions(option, given, ['check', 'timeout', 'cache', 'on'])
  const { check, timeout = DEFAULT_CHECK_TIMEOUT, cache = DEFAULT_CACHE, on = 'ready' } = given
  checkFunction(`${option}.check`, check)
  checkTimeout(`${option}.timeout`, timeout)
  if (timeout < 1) throw outOfRange(`${option}.timeout`, 'at least 1 ms', timeout, 'In less nothing can be checked.')
  checkTimeout(`${option}.cache`, cache)
  checkOneOf(`${option}.on`, on, ['ready', 'live'])
  return { name, check, timeout, cache, on }
}
