import type { Clock } from '../lifecycle/clock.ts'

/** How many ms one message may take to be handed over: as long as `systemd-notify` itself waits for systemd. */
export const SEND_TIMEOUT = 5_000

/**
 * Hands one message over: lines of `VARIABLE=value`, which belong into one datagram. What it returns is awaited before
 * the next is sent; what it throws is told of. The signal aborts when it has taken too long.
 */
export type Send = (message: string, signal: AbortSignal) => unknown

/** What a message says: variables and their values. */
export type Message = Readonly<Record<string, string>>

/** These change what the service is, so what was said before them is sent before them. */
const turns = ['READY', 'STOPPING'] as const

/**
 * Messages on their way out: in order, one under way at a time. What has to wait is merged, the newest value of each
 * variable, so that a slow receiver gets fewer messages and not older ones.
 */
export class Outbox {
  readonly #send: Send
  readonly #clock: Clock
  readonly #failed: (error: unknown) => void
  readonly #waiting: Map<string, string>[] = []
  #underWay: { readonly message: Map<string, string>; readonly controller: AbortController } | undefined = undefined
  /** Whether the last one could not be sent. */
  #broken = false
  /** Who waits for a message to be gone. */
  #leaving: { readonly last: Map<string, string>; readonly leave: () => void }[] = []

  constructor(send: Send, clock: Clock, failed: (error: unknown) => void) {
    this.#send = send
    this.#clock = clock
    this.#failed = failed
  }

  /** Sends this, at once where nothing is under way. */
  tell(message: Message): void {
    if (this.#waiting.length === 0 || turns.some((turn) => turn in message)) this.#waiting.push(new Map())
    const last = this.#waiting.at(-1)
    for (const [name, value] of Object.entries(message)) last?.set(name, value)
    if (this.#underWay === undefined) void this.#pump()
  }

  /** Resolves when all that has been told by now is sent, or cannot be sent. Never rejects. */
  async flushed(): Promise<void> {
    const last = this.#waiting.at(-1) ?? this.#underWay?.message
    if (last === undefined || this.#broken) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#leaving.push({ last, leave: resolve })
    await promise
  }

  /** Gives up what is under way and what waits. */
  drop(): void {
    this.#waiting.length = 0
    this.#underWay?.controller.abort(new Error('It was given up, since there was no time left for it.'))
  }

  async #pump(): Promise<void> {
    for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift()) {
      const controller = new AbortController()
      this.#underWay = { message, controller }
      try {
        await this.#sendInTime(textOf(message), controller)
        this.#broken = false
      } catch (error) {
        this.#broken = true
        this.#failed(error)
      }
      this.#underWay = undefined
      this.#left(message)
    }
  }

  async #sendInTime(text: string, controller: AbortController): Promise<void> {
    const { signal } = controller
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    signal.addEventListener('abort', () => reject(signal.reason))
    const late = (): void => controller.abort(new Error(`It was not taken within ${SEND_TIMEOUT} ms.`))
    const timer = this.#clock.setTimeout(late, SEND_TIMEOUT)
    timer.unref()
    try {
      await Promise.race([aborted, this.#send(text, signal)])
    } finally {
      this.#clock.clearTimeout(timer)
    }
  }

  /** One that cannot be sent is no reason to wait for others: they have the same way to go. */
  #left(message: Map<string, string>): void {
    const all = this.#leaving
    this.#leaving = all.filter(({ last, leave }) => {
      const over = this.#broken || last === message
      if (over) leave()
      return !over
    })
  }
}

/** One line for each variable: a value cannot smuggle in another. */
function textOf(message: Map<string, string>): string {
  return [...message].map(([name, value]) => `${name}=${value.replaceAll(/[\r\n\0]+/g, ' ')}`).join('\n')
}
