import type { ClusterSettings } from 'node:cluster'
import { type BackoffOptions, checkBackoff } from '../../lifecycle/backoff.ts'
import { checkName, checkObject, checkOptions, checkTimeout, outOfRange, wrongType } from '../../lifecycle/check.ts'
import type { PlaceOptions } from '../../lifecycle/contract.ts'
import { PLACE } from '../../lifecycle/place.ts'
import { backoffOf, type IntensityOptions } from '../../lifecycle/supervision/supervise-policy.ts'

/** When workers are replaced, and how. All times are in ms, up to 2 147 483 647. */
export interface RecycleOptions extends PlaceOptions {
  /** Its place in paths, without `/`. Default: `cluster`, or `recycling` for a bridge. */
  name?: string
  /** How many requests or calls a worker serves before it is replaced, a whole number. Default: 0, any number. */
  maxRequests?: number
  /** Up to so many more, drawn for each worker at its birth, so that not all are due at once. Default: 0. */
  jitter?: number
  /** How long a worker serves. Default: 0, for ever. */
  maxAge?: number
  /** Up to so much longer, drawn at its birth. Default: 0. */
  ageJitter?: number
  /** Over how many bytes of its process (RSS) a worker is replaced. Cluster only. Default: none. */
  maxRss?: number
  /** Over how many bytes it is replaced at the first sample, and gets 1 s and no more to finish. Default: none. */
  hardRss?: number
  /** Over how many bytes of its heap in use a worker is replaced. Default: none. */
  maxHeap?: number
  /** How often memory, age and calls are looked at, from 1. Default: 5 000. */
  check?: number
  /** How many samples in a row have to be over `maxRss` or `maxHeap`, from 1. Default: 3. */
  samples?: number
  /** No worker that is younger is replaced, unless it is over `hardRss`. Default: 0. */
  minAge?: number
  /** How many workers may be missing meanwhile: so many are replaced without a stand-in. Cluster only. Default: 0. */
  maxUnavailable?: number
  /** How many workers may be there beyond the number that was asked for, while one replaces another. Default: 1. */
  maxSurge?: number
  /** How much time lies at least between the beginnings of two replacements. Default: 1 000. */
  spacing?: number
  /** How long a worker may take to be ready. Default: 30 000. */
  readyTimeout?: number
  /** How long a worker may take to finish and exit, once it is asked to. Then it is killed. Default: 30 000. */
  drain?: number
  /**
   * How long a worker that is replaced goes on serving the connections that it has, while its replies tell clients to go
   * elsewhere. Part of `drain`. Cluster only. Default: 1 000.
   */
  notice?: number
  /** How waits grow: before a crashed worker is begun again, and after a replacement that did not come up. */
  backoff?: BackoffOptions
  /** How often a worker is begun again before its place is given up. Cluster only. Default: 5 times in 60 000 ms. */
  intensity?: IntensityOptions
  /** How many workers there are, from 1. Cluster only. Default: as many as the machine can run at once. */
  count?: number
  /** What the workers run: given to `cluster.setupPrimary`. Cluster only. Default: what was set up before. */
  exec?: ClusterSettings
  /** What is added to their environment. Cluster only. Default: nothing. */
  env?: Readonly<Record<string, string>>
}

const NUMBERS = ['maxRequests', 'jitter', 'maxUnavailable', 'maxSurge'] as const
const TIMES = ['maxAge', 'ageJitter', 'check', 'minAge', 'spacing', 'readyTimeout', 'drain', 'notice'] as const
const BYTES = ['maxRss', 'hardRss', 'maxHeap'] as const
const CLUSTER = ['maxRss', 'hardRss', 'maxUnavailable', 'notice', 'intensity', 'count', 'exec', 'env'] as const
const OTHERS = ['name', 'samples', 'backoff', 'intensity', 'count', 'exec', 'env', ...PLACE] as const

/** Refuses what no recycling could keep to. */
export function checkRecycle(options: RecycleOptions, target: 'cluster' | 'bridge'): void {
  checkObject('options', options)
  checkOptions('options', options, [...NUMBERS, ...TIMES, ...BYTES, ...OTHERS])
  if (target === 'bridge') {
    const [alien] = CLUSTER.filter((name) => options[name] !== undefined)
    if (alien !== undefined) throw wrongType(`options.${alien}`, 'left out for a bridge', options[alien])
  }
  for (const name of NUMBERS) checkWhole(name, options[name], 0)
  for (const name of BYTES) checkWhole(name, options[name], 1)
  for (const name of ['samples', 'count'] as const) checkWhole(name, options[name], 1)
  for (const name of TIMES) if (options[name] !== undefined) checkTimeout(`options.${name}`, options[name])
  const { name, check = 5_000, maxSurge = 1, maxUnavailable = 0, backoff, exec, env } = options
  if (name !== undefined) checkName('options.name', name)
  if (check < 1) throw outOfRange('options.check', 'at least 1 ms', check)
  if (maxSurge + maxUnavailable < 1)
    throw outOfRange('options.maxSurge', 'at least 1 where maxUnavailable is 0', maxSurge, 'Else none can be replaced.')
  if (backoff !== undefined) checkBackoff('options.backoff', backoffOf(backoff))
  for (const each of [exec, env]) if (each !== undefined) checkObject('options.exec and options.env', each)
}

function checkWhole(name: string, value: unknown, least: number): void {
  if (value === undefined) return
  if (typeof value !== 'number') throw wrongType(`options.${name}`, 'a number', value)
  if (!Number.isSafeInteger(value) || value < least)
    throw outOfRange(`options.${name}`, `a whole number from ${least}`, value)
}
