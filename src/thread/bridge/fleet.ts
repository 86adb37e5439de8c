import { Alarm } from '../../lifecycle/alarm.ts'
import type { Clock } from '../../lifecycle/clock.ts'
import { wordOf } from '../../lifecycle/errors.ts'
import { type Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import type { SupervisionEnd } from '../../lifecycle/supervision/supervised.ts'
import type { BridgeSettings } from './bridge-options.ts'
import { quiet } from './deadlines.ts'
import type { LiveThread } from './live-thread.ts'
import { Seat, type SeatHost, type SeatPlan } from './seat.ts'
import type { ThreadSource } from './thread-source.ts'

/** Who is told of all threads together. */
export interface FleetHost extends Omit<SeatHost, 'onIdle' | 'onStuck' | 'onStillborn' | 'onLeft'> {
  /** More threads serve, or fewer. */
  onCrewed(): void
  /** There is no thread any more, and there will be none. */
  onHopeless(cause: unknown): void
}

/** The threads of a bridge: as many as are needed, from `min` to `max`. */
export class Fleet {
  readonly seats: Seat[] = []
  readonly #scope: Scope
  readonly #clock: Clock
  readonly #settings: BridgeSettings
  readonly #host: FleetHost
  readonly #plan: SeatPlan
  /** Those that take calls. */
  #serving: LiveThread[] = []
  readonly #idle: Alarm
  #serial = 0
  #abandoned = 0
  readonly #trials = new Map<Seat, (error: unknown) => void>()

  constructor(home: Lifecycle, settings: BridgeSettings, source: ThreadSource, host: FleetHost) {
    this.#scope = scopeOf(home)
    this.#clock = this.#scope.clock
    this.#settings = settings
    this.#host = host
    this.#idle = new Alarm(quiet(this.#clock), () => this.#shrink())
    this.#plan = { home, settings, source, host: this.#seatHost(), hasServed: false }
  }

  /** Starts the least number of threads. */
  start(): void {
    for (let left = this.#settings.min; left > 0; left -= 1) this.open()
  }

  /** How many threads take calls, of how many there should be at least. */
  get isCrewed(): boolean {
    return this.#serving.length >= this.#settings.min
  }

  /** Whether some thread serves, or may soon. While the bridge closes none is started any more. */
  get hasHope(): boolean {
    const isOpen = this.#scope.state === 'open'
    return this.seats.some((seat) => (isOpen ? !seat.isRetiring : seat.live !== undefined && seat.hasHope))
  }

  /** The thread with a free place that has least to do. */
  free(): LiveThread | undefined {
    let best: LiveThread | undefined
    for (const thread of this.#serving) {
      if (thread.hasRoom && (best === undefined || thread.inFlight < best.inFlight)) best = thread
    }
    return best
  }

  /** So many calls wait: another thread is started if those that are starting are not enough. */
  need(waiting: number): void {
    const { max, maxInFlight } = this.#settings
    if (this.seats.length >= max) return
    const coming = this.seats.length - this.#serving.length
    if (waiting > coming * maxInFlight) this.open()
  }

  /** Opens a place for another thread; `undefined` where that is too late. */
  open(trial?: (error: unknown) => void): Seat | undefined {
    if (this.#scope.state !== 'open') return undefined
    this.#serial += 1
    const seat = new Seat(`thread-${this.#serial}`, this.#plan, trial !== undefined)
    this.seats.push(seat)
    if (trial !== undefined) this.#trials.set(seat, trial)
    return seat
  }

  seatOf(thread: LiveThread): Seat | undefined {
    return this.seats.find(({ live }) => live === thread)
  }

  /** Gives a thread no more calls. */
  withdraw(thread: LiveThread): void {
    this.#serving = this.#serving.filter((other) => other !== thread)
    this.#host.onCrewed()
  }

  close(): void {
    this.#idle.clear()
  }

  #seatHost(): SeatHost {
    const host = this.#host
    return {
      onServing: (thread) => {
        this.#serving = [...this.#serving, thread]
        if (this.seats.length > this.#settings.min) this.#watchIdle(thread)
        this.#plan.hasServed = true
        // What waits goes to this thread, before it is looked whether another is needed.
        host.onServing(thread)
        host.onCrewed()
      },
      onSettled: (call, isValue, value) => host.onSettled(call, isValue, value),
      onItem: (call, value) => host.onItem(call, value),
      onEvent: (...event) => host.onEvent(...event),
      onIdle: (thread) => {
        if (this.seats.length > this.#settings.min) this.#watchIdle(thread)
      },
      onLost: (thread, ...lost) => {
        host.onLost(thread, ...lost)
        this.withdraw(thread)
      },
      onStuck: (thread) => {
        this.seatOf(thread)?.again()
      },
      onAbandoned: (thread) => host.onAbandoned(thread),
      onStillborn: (seat, error) => this.#trials.get(seat)?.(error),
      onLeft: (seat, end) => this.#left(seat, end),
    }
  }

  #left(seat: Seat, { state, cause }: SupervisionEnd): void {
    this.seats.splice(this.seats.indexOf(seat), 1)
    this.#trials.delete(seat)
    const isAbandoned = wordOf(cause, 'code') === 'ERR_ABANDONED'
    if (isAbandoned) this.#abandoned += 1
    if (this.#scope.state !== 'open' || state === 'stopped') return this.#host.onCrewed()
    if (isAbandoned && this.#abandoned <= this.#settings.maxAbandoned) this.open()
    else if (isAbandoned || this.seats.length === 0) this.#host.onHopeless(cause)
    this.#host.onCrewed()
  }

  #watchIdle(thread: LiveThread): void {
    const now = this.#clock.now()
    thread.idleSince = now
    this.#idle.set(now + this.#settings.idleTimeout, now)
  }

  /** Ends threads beyond the least number that have had nothing to do for long. */
  #shrink(): void {
    const now = this.#clock.now()
    const { min, idleTimeout } = this.#settings
    for (const seat of this.seats.toReversed()) {
      const { live, recycling, isTrial } = seat
      const staying = this.seats.filter(({ isRetiring }) => !isRetiring).length
      if (staying <= min || live?.state !== 'ready' || live.inFlight > 0 || recycling || isTrial || seat.isRetiring)
        continue
      const due = live.idleSince + idleTimeout
      if (due > now) this.#idle.set(due, now)
      else {
        this.withdraw(live)
        void live.drain()
        void seat.retire()
      }
    }
  }
}
