import { type BackoffOptions, checkBackoff } from '../../lifecycle/backoff.ts'
import {
  checkBoolean,
  checkFunction,
  checkName,
  checkObject,
  checkOptions,
  checkTimeout,
  outOfRange,
  wrongType,
} from '../../lifecycle/check.ts'
import type { Ending, PlaceOptions } from '../../lifecycle/contract.ts'
import { checkKind, type Kind } from '../../lifecycle/kind.ts'
import type { Lifecycle } from '../../lifecycle/lifecycle.ts'
import { PLACE } from '../../lifecycle/place.ts'
import { backoffOf, checkPolicy, type IntensityOptions } from '../../lifecycle/supervision/supervise-policy.ts'

/** How a kept connection is asked whether it lives. */
export interface HeartbeatOptions<T> {
  /** How many ms lie between two questions, 1 to 2 147 483 647. Default: 30 000. */
  interval?: number
  /** How many ms the answer may take, 0 to 2 147 483 647. Default: 10 000. */
  timeout?: number
  /**
   * Asks, and settles with the answer: `false`, a throw, or none in time and the connection is lost. Default: that of
   * `ws` is sent a ping; for others there is none.
   */
  ping?: (value: T, signal: AbortSignal) => unknown
}

/** Options of `keepConnected`. */
export interface KeepOptions<T> extends PlaceOptions {
  /** Its place in paths. Default: `connection`. */
  name?: string
  /**
   * Makes a connection and returns it, open or still opening. What it registers in `scope` ends with this connection, and
   * so does what it returns. `signal` aborts when time is up and when the connection is not wanted any more.
   */
  connect: (scope: Lifecycle, signal: AbortSignal) => T | Promise<T>
  /** How many ms it may take until a connection is open, 0 to 2 147 483 647. Default: 15 000. */
  connectTimeout?: number
  /** How a connection ends: a kind. Default: as `life.use` knows, and for a `WebSocket` or an `EventSource` its own way. */
  kind?: Kind<T>
  /** Ends a connection gently: a function or the name of a method. Default: as its kind. */
  close?: Ending<T>
  /** Ends it now, where `close` has not done so within its grace, or nothing is heard of it any more. */
  force?: Ending<T>
  /**
   * Calls `lost` when a connection has ended by itself, and returns the undo. Default: it is lost on the events `close`,
   * `end` and `error`.
   */
  onGone?: (value: T, lost: (error?: unknown) => void) => (() => void) | undefined
  /** How it is found out that nobody is at the other end any more. Default: it isn't. */
  heartbeat?: HeartbeatOptions<T>
  /** How long to wait before the next attempt. Default: 200 ms at first, doubled up to 30 000, each up to a fifth shorter. */
  backoff?: BackoffOptions
  /** How many ms a connection must have held for the waits to begin anew after it, 0 to 2 147 483 647. Default: 10 000. */
  stableAfter?: number
  /** It gives up when there would be more attempts than this. Default: it never does, `{ max: Infinity }`. */
  intensity?: IntensityOptions
  /** Whether what an attempt or a connection ended with is a reason to give up at once. Default: nothing is. */
  giveUpWhen?: (error: unknown) => boolean
  /** Whether giving up starts the shutdown of the whole lifecycle. Default: false. */
  fatal?: boolean
  /** How many ms each thing of a connection gets to close before it is forced. Default: the lifecycle's. */
  grace?: number
  /** How many subscriptions there may be at once, a whole number from 1. Default: 10 000. */
  maxSubscriptions?: number
}

const OWN = ['name', 'connect', 'connectTimeout', 'kind', 'close', 'force', 'onGone', 'heartbeat', 'backoff'] as const
const MORE = ['stableAfter', 'intensity', 'giveUpWhen', 'fatal', 'grace', 'maxSubscriptions'] as const
const MENDS = 'It is called for each attempt, and returns the connection.'

/** Refuses what could not be kept to, before anything is opened. */
export function checkKeep<T>(options: KeepOptions<T>): void {
  checkObject('options', options)
  checkOptions('keepConnected', options, [...OWN, ...MORE, ...PLACE])
  const { name, connect, kind, onGone, giveUpWhen, heartbeat, backoff, intensity = {}, fatal } = options
  checkFunction('options.connect', connect, MENDS)
  if (name !== undefined) checkName('options.name', name)
  if (kind !== undefined) checkKind('options.kind', kind as Kind<never>)
  if (onGone !== undefined) checkFunction('options.onGone', onGone)
  if (giveUpWhen !== undefined) checkFunction('options.giveUpWhen', giveUpWhen)
  if (fatal !== undefined) checkBoolean('options.fatal', fatal)
  for (const way of ['close', 'force'] as const) {
    const { [way]: value } = options
    if (value !== undefined && typeof value !== 'function' && typeof value !== 'string')
      throw wrongType(`options.${way}`, 'a function or the name of a method', value)
  }
  for (const time of ['connectTimeout', 'stableAfter', 'grace'] as const) {
    if (options[time] !== undefined) checkTimeout(`options.${time}`, options[time])
  }
  if (backoff !== undefined) {
    checkObject('options.backoff', backoff)
    checkBackoff('options.backoff', backoffOf(backoff))
  }
  if (heartbeat !== undefined) checkHeartbeat(heartbeat)
  checkPolicy({ intensity })
  const { maxSubscriptions = 1 } = options
  if (!(Number.isSafeInteger(maxSubscriptions) && maxSubscriptions >= 1))
    throw outOfRange('options.maxSubscriptions', 'a whole number from 1', maxSubscriptions)
}

function checkHeartbeat<T>(heartbeat: HeartbeatOptions<T>): void {
  checkObject('options.heartbeat', heartbeat)
  checkOptions('options.heartbeat', heartbeat, ['interval', 'timeout', 'ping'])
  const { interval, timeout, ping } = heartbeat
  if (ping !== undefined) checkFunction('options.heartbeat.ping', ping)
  if (timeout !== undefined) checkTimeout('options.heartbeat.timeout', timeout)
  if (interval === undefined) return
  checkTimeout('options.heartbeat.interval', interval)
  if (interval < 1) throw outOfRange('options.heartbeat.interval', 'at least 1 ms', interval)
}
