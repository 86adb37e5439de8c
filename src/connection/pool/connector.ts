import { Alarm } from '../../lifecycle/alarm.ts'
import { Backoff } from '../../lifecycle/backoff.ts'
import { bounded } from './bounded.ts'
import type { Settings } from './options.ts'

/** What {@link Connector} tells the pool. */
interface Receiver<T> {
  readonly path: string
  /** A connection is there; `ms` is how long that took. `late`: it was given up before, and has no place of its own. */
  arrived(value: T, generation: number, ms: number, late: boolean): void
  /** An attempt has failed, and is no longer counted. */
  failed(error: unknown): void
  /** The wait after a failure is over. */
  pump(): void
  /** A call of `create` has settled, whether it was waited for or not. */
  settled(): void
}

/**
 * Opens connections, a few at a time. After a failure it waits, longer each time, and then tries one alone until one
 * succeeds: a server that comes back is not overrun, and one that stays away costs next to nothing.
 */
export class Connector<T> {
  /** How many are being opened. */
  connecting = 0
  /** How many calls of `create` have not settled, those given up included. */
  pending = 0
  /** What the last attempt failed with; `undefined` after a success. */
  lastError: { readonly error: unknown } | undefined = undefined
  readonly #settings: Settings<T>
  readonly #receiver: Receiver<T>
  readonly #backoff: Backoff
  readonly #alarm: Alarm
  readonly #closing = new AbortController()
  #isWaiting = false

  constructor(settings: Settings<T>, receiver: Receiver<T>) {
    this.#settings = settings
    this.#receiver = receiver
    this.#backoff = new Backoff(settings.backoff)
    // It holds no process: those who wait for a connection have a timer of their own.
    this.#alarm = new Alarm(settings.clock, () => this.#resume(), { ref: false })
  }

  /** How many may be begun now. */
  get room(): number {
    if (this.#isWaiting) return 0
    return Math.max(0, (this.#backoff.failures > 0 ? 1 : this.#settings.maxConnecting) - this.connecting)
  }

  /** Begins to open one. */
  begin(generation: number): void {
    const { create, createTimeout, clock } = this.#settings
    const since = clock.now()
    const deliver = (value: T, late: boolean): void => {
      this.#receiver.arrived(value, generation, clock.now() - since, late)
      this.#settle()
    }
    this.connecting += 1
    this.pending += 1
    bounded(
      `${this.#receiver.path}/create`,
      clock,
      createTimeout,
      async (context) => {
        try {
          return { value: await create(context) }
        } catch (error) {
          this.#settle()
          throw error
        }
      },
      { signal: this.#closing.signal, onLate: ({ value }) => deliver(value, true) },
    ).then(
      ({ value }) => {
        this.connecting -= 1
        this.#backoff.reset()
        this.lastError = undefined
        deliver(value, false)
      },
      (error) => this.#fail(error),
    )
  }

  /** Opens no more, and has what is being opened aborted. */
  stop(): void {
    this.#isWaiting = true
    this.#alarm.clear()
    this.#closing.abort()
  }

  #fail(error: unknown): void {
    this.connecting -= 1
    if (this.#closing.signal.aborted) return
    this.lastError = { error }
    // One that was begun before the first failure belongs to the same trouble.
    if (!this.#isWaiting) this.#pause()
    this.#receiver.failed(error)
  }

  #settle(): void {
    this.pending -= 1
    this.#receiver.settled()
  }

  #pause(): void {
    const now = this.#settings.clock.now()
    this.#isWaiting = true
    this.#alarm.set(now + this.#backoff.next(), now)
  }

  #resume(): void {
    this.#isWaiting = false
    this.#receiver.pump()
  }
}
