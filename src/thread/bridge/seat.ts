import { LONGEST_TIMEOUT } from '../../lifecycle/check.ts'
import { wordOf } from '../../lifecycle/errors.ts'
import type { Lifecycle } from '../../lifecycle/lifecycle.ts'
import { superviseOne } from '../../lifecycle/supervision/supervise.ts'
import type { SupervisePolicy } from '../../lifecycle/supervision/supervise-policy.ts'
import type { Supervised, SupervisionEnd } from '../../lifecycle/supervision/supervised.ts'
import { SupervisedHandle } from '../../lifecycle/supervision/supervised-handle.ts'
import type { BridgeSettings } from './bridge-options.ts'
import { LiveThread, type ThreadHost } from './live-thread.ts'
import type { ThreadSource } from './thread-source.ts'

/** Who is told of a seat. */
export interface SeatHost extends ThreadHost {
  /** A thread of it has failed before it served. */
  onStillborn(seat: Seat, error: unknown): void
  /** There will be no other thread in it. */
  onLeft(seat: Seat, end: SupervisionEnd): void
}

/** What a seat is made of. */
export interface SeatPlan {
  readonly home: Lifecycle
  readonly settings: BridgeSettings
  readonly source: ThreadSource
  readonly host: SeatHost
  /** Whether any thread of the bridge has ever served. */
  hasServed: boolean
}

/** One of a bridge's places for threads: supervised, so that a thread that fails is followed by another. */
export class Seat {
  readonly name: string
  /** The thread in it, or the one that was last. */
  live: LiveThread | undefined = undefined
  /** Whether it is there to take the place of another, and has not yet. */
  isTrial = false
  /** Whether it is to be left for good. */
  isRetiring = false
  /** The replacing of it that is under way. */
  recycling: Promise<void> | undefined = undefined
  readonly #plan: SeatPlan
  readonly #handle: Supervised

  constructor(name: string, plan: SeatPlan, isTrial: boolean) {
    const { home, settings, host } = plan
    this.name = name
    this.isTrial = isTrial
    this.#plan = plan
    const policy: SupervisePolicy<void> = {
      ...settings.supervision,
      readyWhen: 'told',
      // The thread itself knows better what to say when it is late.
      readyTimeout: Math.min(LONGEST_TIMEOUT, settings.readyTimeout + 1_000),
      giveUpWhen: ({ error }) => !this.isTrial && this.#isHopeless(error),
      // The calls come to their end before the threads do.
      requiredBy: ['calls'],
    }
    // Also while what is around the bridge closes: calls that come until it is the bridge's turn are to be done.
    const supervision = superviseOne(home, name, (face, ready) => this.#run(face, ready), policy, home)
    this.#handle = new SupervisedHandle(...supervision)
    this.#handle.ended.then((end) => host.onLeft(this, end))
  }

  /** Whether a thread in it serves, or may soon. */
  get hasHope(): boolean {
    const { state = 'starting' } = this.live ?? {}
    return !this.isRetiring && (state === 'starting' || state === 'ready')
  }

  /** Resolves when a thread in it serves. */
  ready(): Promise<void> {
    return this.#handle.ready()
  }

  /** Ends its thread, and starts another at once. */
  again(): void {
    if (this.isRetiring) void this.retire()
    else void this.#handle.restart()
  }

  /** Ends it for good. Resolves when its thread has ended. */
  retire(): Promise<void> {
    this.isRetiring = true
    return this.#handle.stop()
  }

  async #run(face: Lifecycle, told: () => void): Promise<void> {
    const { settings, source, host } = this.#plan
    try {
      const live = new LiveThread(face, settings, source, host, told)
      this.live = live
      await live.body.over
    } catch (error) {
      if (this.live?.body.hasServed !== true || this.live.path !== face.path) host.onStillborn(this, error)
      throw error
    }
  }

  /** Whether a thread that never served would fail alike the next time, as far as can be told. */
  #isHopeless(error: unknown): boolean {
    const { hasServed = false, hasRun = false, hasRunOut = false } = this.live?.body ?? {}
    if (hasServed) return false
    const code = wordOf(error, 'code')
    const hasExited = code === 'ERR_EXITED'
    // A start that fails is to say so: not after some attempts, when whoever waits for it has lost patience. But one that
    // somebody has ended before its program began has not failed.
    if (!this.#plan.hasServed && (hasRun || !hasExited)) return true
    // One that runs out of things to do before it serves does not call `serve`.
    return (hasExited && hasRunOut) || NOT_FOUND.includes(code) || isRefused(code)
  }
}

const NOT_FOUND: readonly unknown[] = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']

/** Whether Node would not even make the worker: a wrong path, or options that it can't take. */
function isRefused(code: unknown): boolean {
  return typeof code === 'string' && /^ERR_(WORKER_(PATH|INVALID|UNSUPPORTED)|INVALID_|UNKNOWN_FILE_EXT)/.test(code)
}
