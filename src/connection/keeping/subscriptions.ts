import { Backoff, type BackoffOptions } from '../../lifecycle/backoff.ts'
import { EndswellError } from '../../lifecycle/errors.ts'
import type { Lifecycle, Undo } from '../../lifecycle/lifecycle.ts'

/** Begins a subscription on one connection. What it registers in `scope` ends with the subscription, or the connection. */
export type StartSubscription<T> = (value: T, scope: Lifecycle) => unknown

/** A connection that is there, and the scope that lives as long. */
export interface Link<T> {
  readonly value: T
  readonly scope: Lifecycle
}

/** Something that is wanted on every connection. */
class Subscription<T> {
  readonly key: unknown
  readonly start: StartSubscription<T>
  readonly backoff: Backoff
  /** What it has on the present connection. */
  scope: Lifecycle | undefined = undefined
  /** Calls off the next attempt at a start that has failed. */
  callOff: Undo | undefined = undefined

  constructor(key: unknown, start: StartSubscription<T>, backoff: Backoff) {
    this.key = key
    this.start = start
    this.backoff = backoff
  }

  async end(): Promise<void> {
    await this.callOff?.()
    await this.scope?.close({ reason: 'it is not wanted any more' })
  }
}

/** What a kept connection needs of its subscriptions, and they of it. */
export interface SubscriptionsHost {
  readonly path: string
  readonly max: number
  readonly backoff: BackoffOptions
  /** A start has thrown. */
  failed(path: string, error: unknown): void
}

/**
 * What is wanted on every connection: begun in order on each, and ended with it. One that can't be begun is tried again at
 * growing intervals, for as long as the connection is there; the others don't wait for it.
 */
export class Subscriptions<T> {
  readonly #host: SubscriptionsHost
  readonly #all = new Map<unknown, Subscription<T>>()
  /** What is on its way out, by its key: the next one of that key waits for it. */
  readonly #ending = new Map<unknown, Promise<void>>()
  #link: Link<T> | undefined = undefined

  constructor(host: SubscriptionsHost) {
    this.#host = host
  }

  get size(): number {
    return this.#all.size
  }

  /** The keys, in the order in which they were first wanted. */
  get keys(): readonly unknown[] {
    return [...this.#all.keys()]
  }

  /** Wants something from now on, in place of what is under that key. Returns the undo. */
  add(key: unknown, start: StartSubscription<T>): () => Promise<void> {
    const { max, path, backoff } = this.#host
    const old = this.#all.get(key)
    if (old === undefined && this.#all.size >= max) {
      const message = `${path} has ${max} subscriptions, and may have no more. End some, or raise maxSubscriptions.`
      throw new EndswellError('ERR_QUEUE_FULL', message, { path })
    }
    const subscription = new Subscription(key, start, new Backoff(backoff))
    this.#all.set(key, subscription)
    const before = old === undefined ? this.#ending.get(key) : this.#end(old)
    if (before === undefined) this.#begin(subscription)
    else before.then(() => this.#begin(subscription))
    return () => this.#drop(subscription)
  }

  /** Wants it no more. Says whether it was wanted. */
  async remove(key: unknown): Promise<boolean> {
    const subscription = this.#all.get(key)
    if (subscription !== undefined) await this.#drop(subscription)
    return subscription !== undefined
  }

  /** A connection is there: all are begun on it, in order, none waiting for another. */
  begin(link: Link<T>): void {
    this.#link = link
    for (const subscription of [...this.#all.values()]) {
      // One of them may have ended the connection.
      if (link === this.#link) this.#begin(subscription)
    }
  }

  /** The connection is gone. Its scope ends what was on it. */
  lose(): void {
    this.#link = undefined
    for (const subscription of this.#all.values()) {
      subscription.scope = undefined
      subscription.callOff = undefined
    }
  }

  clear(): void {
    this.#all.clear()
  }

  #isWanted(subscription: Subscription<T>): boolean {
    return this.#all.get(subscription.key) === subscription
  }

  async #drop(subscription: Subscription<T>): Promise<void> {
    const { key } = subscription
    if (!this.#isWanted(subscription)) return await this.#ending.get(key)
    this.#all.delete(key)
    await this.#end(subscription)
  }

  #end(subscription: Subscription<T>): Promise<void> {
    const { key } = subscription
    const all = Promise.all([this.#ending.get(key), subscription.end()])
    const ended = all.then(() => {
      if (this.#ending.get(key) === ended) this.#ending.delete(key)
    })
    this.#ending.set(key, ended)
    return ended
  }

  /** Begins one, where there is a connection on which it is wanted and has not begun. */
  #begin(subscription: Subscription<T>): void {
    const link = this.#link
    if (link === undefined || subscription.scope !== undefined || !this.#isWanted(subscription)) return
    const scope = link.scope.scope(nameOf(subscription.key))
    subscription.scope = scope
    this.#start(subscription, link, scope)
  }

  async #start(subscription: Subscription<T>, link: Link<T>, scope: Lifecycle): Promise<void> {
    try {
      await subscription.start(link.value, scope)
      subscription.backoff.reset()
    } catch (error) {
      // What it was on is being ended: that is how it heeds that.
      if (scope.disposed) return
      this.#host.failed(scope.path, error)
      await scope.close({ reason: 'it could not be begun' })
      if (!this.#isWanted(subscription) || link !== this.#link) return
      subscription.callOff = link.scope.after('subscribe again', subscription.backoff.next(), () => {
        subscription.callOff = undefined
        subscription.scope = undefined
        this.#begin(subscription)
      })
    }
  }
}

/** A key as a name, where it can be one. */
function nameOf(key: unknown): string {
  const isName = typeof key === 'string' && key !== '' && !key.includes('/') && !/#\d+$/.test(key)
  return isName ? key : 'subscription'
}
