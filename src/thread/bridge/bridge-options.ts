import type { WorkerOptions } from 'node:worker_threads'
import type { BackoffOptions } from '../../lifecycle/backoff.ts'
import {
  checkName,
  checkObject,
  checkOneOf,
  checkOptions,
  checkTimeout,
  outOfRange,
  wrongType,
} from '../../lifecycle/check.ts'
import type { PlaceOptions } from '../../lifecycle/contract.ts'
import { PLACE } from '../../lifecycle/place.ts'
import { checkPolicy, type IntensityOptions } from '../../lifecycle/supervision/supervise-policy.ts'

/** Options of a `WorkerBridge`. Durations are ms. */
export interface WorkerBridgeOptions extends PlaceOptions {
  /** Its place in paths. Default: `bridge`. */
  name?: string
  /** How many threads it has at least, 0 or more, and at most. Default: `min` 1, and `max` as many as `min`. */
  threads?: { min?: number; max?: number }
  /** How many calls are in one thread at a time, 1 to 65 536. Default: 1. More suits handlers that mostly wait. */
  maxInFlight?: number
  /** How many calls may wait for a thread, 0 or more; Infinity for any number. Default: 1024. */
  maxQueue?: number
  /**
   * What becomes of a call when the queue is full: it rejects (`ERR_QUEUE_FULL`), or it waits in line behind all others,
   * as long as its `queueTimeout` lasts: then `room()` is what holds a busy caller back. Default: `reject`.
   */
  overflow?: 'reject' | 'wait'
  /** How many ms a call may run, from the moment on that it is sent to a thread. Infinity: any time. Default: 30 000. */
  taskTimeout?: number
  /** How many ms a call may wait for a thread. Infinity: any time. Default: 30 000. */
  queueTimeout?: number
  /** How many ms calls have to finish when the bridge closes. Default: 5 000. */
  grace?: number
  /** How many ms a call that was cancelled has to end before its thread is terminated. Default: 500. */
  cancelGrace?: number
  /**
   * How many ms a thread has to end once it is terminated, 1 000 or more. One that has not, because it hangs in native
   * code, is abandoned. Default: 2 000.
   */
  terminateTimeout?: number
  /** How many ms a thread beyond `threads.min` has nothing to do before it ends. Default: 30 000. */
  idleTimeout?: number
  /** How many threads may be abandoned, each with another one in its place, before the bridge fails. Default: 1. */
  maxAbandoned?: number
  /** Which share of `maxQueue` is much (`high`, default 0.8), and which is little again (`low`, default 0.5). */
  pressure?: { high?: number; low?: number }
  /** How many events of one thread may be under way before `emit` says that there is no room, 1 or more. Default: 1024. */
  maxEvents?: number
  /** How many lines of each thread's output are kept, 0 to 1 000. Default: 20. */
  lastWords?: number
  /** What is done with the output of the threads: it goes to ours, nowhere, or line by line to a function. Default: `inherit`. */
  output?: 'inherit' | 'ignore' | ((line: string, from: 'stdout' | 'stderr') => void)
  /** How many ms a thread has to call `serve()`. Default: 30 000. */
  readyTimeout?: number
  /** Passed on to Node. The bridge reads the output itself: `output` says what becomes of it. */
  worker?: Omit<WorkerOptions, 'stdin' | 'stdout' | 'stderr'>
  /** How long to wait before a thread that failed is started again, as `supervise` does. */
  backoff?: BackoffOptions
  /** How often a thread may be started again, as `supervise` has it. */
  intensity?: IntensityOptions
}

/** Complete options. */
export type BridgeSettings = Readonly<
  Required<Omit<WorkerBridgeOptions, 'threads' | 'pressure' | 'backoff' | 'intensity' | keyof PlaceOptions>>
> & {
  readonly min: number
  readonly max: number
  /** From how many waiting calls on there are many, and up to how many there are few. */
  readonly high: number
  readonly low: number
  readonly supervision: { readonly backoff?: BackoffOptions; readonly intensity?: IntensityOptions }
}

const OPTIONS = [
  'name',
  'threads',
  'maxInFlight',
  'maxQueue',
  'overflow',
  'taskTimeout',
  'queueTimeout',
  'grace',
  'cancelGrace',
  'terminateTimeout',
  'idleTimeout',
  'maxAbandoned',
  'pressure',
  'maxEvents',
  'lastWords',
  'output',
  'readyTimeout',
  'worker',
  'backoff',
  'intensity',
  ...PLACE,
] as const

/** Checks options and completes them. The place is checked by the lifecycle. */
export function settingsOf(options: WorkerBridgeOptions): BridgeSettings {
  checkObject('options', options)
  checkOptions('options', options, OPTIONS)
  const { threads = {}, pressure = {}, worker = {}, backoff, intensity } = options
  checkObject('options.threads', threads)
  checkOptions('options.threads', threads, ['min', 'max'])
  checkObject('options.pressure', pressure)
  checkOptions('options.pressure', pressure, ['high', 'low'])
  const { min = 1, max = Math.max(1, min) } = threads
  const { high = 0.8, low = 0.5 } = pressure
  const settings = { ...DEFAULTS, ...defined(options), worker, min, max, high, low }
  check(settings)
  const supervision = { ...(backoff && { backoff }), ...(intensity && { intensity }) }
  checkPolicy(supervision)
  const { maxQueue } = settings
  const isBounded = maxQueue !== Number.POSITIVE_INFINITY
  return {
    ...settings,
    high: isBounded ? Math.max(1, Math.ceil(high * maxQueue)) : Number.POSITIVE_INFINITY,
    low: isBounded ? Math.floor(low * maxQueue) : Number.POSITIVE_INFINITY,
    supervision,
  }
}

const DEFAULTS = {
  name: 'bridge',
  maxInFlight: 1,
  maxQueue: 1_024,
  overflow: 'reject',
  taskTimeout: 30_000,
  queueTimeout: 30_000,
  grace: 5_000,
  cancelGrace: 500,
  terminateTimeout: 2_000,
  idleTimeout: 30_000,
  maxAbandoned: 1,
  maxEvents: 1_024,
  lastWords: 20,
  output: 'inherit',
  readyTimeout: 30_000,
} as const

/** The options that were given: `undefined` is as good as nothing. */
function defined(options: WorkerBridgeOptions): Omit<WorkerBridgeOptions, 'threads' | 'pressure'> {
  const { threads, pressure, ...others } = options
  return Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined))
}

/** The longest list of last words, and the most calls in a thread. */
const MOST_WORDS = 1_000
const MOST_IN_FLIGHT = 65_536

function check(settings: Omit<BridgeSettings, 'supervision'>): void {
  const { min, max, high, low, output, worker, terminateTimeout } = settings
  checkName('options.name', settings.name)
  checkCount('options.threads.min', min, 0)
  checkCount('options.threads.max', max, Math.max(1, min))
  checkCount('options.maxInFlight', settings.maxInFlight, 1, MOST_IN_FLIGHT)
  if (settings.maxQueue !== Number.POSITIVE_INFINITY) checkCount('options.maxQueue', settings.maxQueue, 0)
  checkCount('options.maxAbandoned', settings.maxAbandoned, 0)
  checkCount('options.maxEvents', settings.maxEvents, 1)
  checkCount('options.lastWords', settings.lastWords, 0, MOST_WORDS)
  checkOneOf('options.overflow', settings.overflow, ['reject', 'wait'])
  for (const name of ['taskTimeout', 'queueTimeout'] as const) checkLimit(`options.${name}`, settings[name])
  for (const name of ['grace', 'cancelGrace', 'terminateTimeout', 'idleTimeout', 'readyTimeout'] as const)
    checkTimeout(`options.${name}`, settings[name])
  if (terminateTimeout < 1_000) throw outOfRange('options.terminateTimeout', 'at least 1000 ms', terminateTimeout)
  for (const [name, share] of Object.entries({ high, low })) checkShare(`options.pressure.${name}`, share)
  if (low > high) throw outOfRange('options.pressure.low', `at most options.pressure.high, ${high}`, low)
  if (typeof output !== 'function') checkOneOf('options.output', output, ['inherit', 'ignore'])
  checkObject('options.worker', worker)
  for (const key of ['stdin', 'stdout', 'stderr']) {
    if (key in worker)
      throw outOfRange('options.worker', `without '${key}'`, worker, 'The option output says what becomes of it.')
  }
}

/** Refuses anything but a whole number in a range. */
export function checkCount(name: string, value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (Number.isInteger(value) && value >= least && value <= most) return
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`
  throw outOfRange(name, `a whole number, ${range}`, value)
}

/** Refuses anything but a time in ms, or Infinity for any. */
export function checkLimit(name: string, value: unknown): void {
  if (value !== Number.POSITIVE_INFINITY) checkTimeout(name, value)
}

function checkShare(name: string, value: unknown): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number from 0 to 1', value)
  if (!(value >= 0 && value <= 1)) throw outOfRange(name, 'a number from 0 to 1', value)
}

/** Refuses what no worker can be made of. */
export function checkSource(url: unknown): void {
  if (typeof url === 'string' && url !== '') return
  const isUrl = typeof url === 'object' && url !== null && 'href' in url && 'protocol' in url
  const mend = "Say new URL('./worker.js', import.meta.url)."
  if (!isUrl) throw wrongType('url', 'the URL or path of a file that calls serve()', url, mend)
}
