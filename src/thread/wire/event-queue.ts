import { Inbox } from './inbox.ts'

/** Options of a bridge's `events()`. */
export interface EventOptions {
  /** How many events may wait here, where some may be dropped: 1 or more. Default: 1024. */
  max?: number
  /**
   * What becomes of an event when there is no room for it.
   *
   * - `drop-oldest`, the default: the one that has waited longest is dropped.
   * - `drop-newest`: it is dropped itself.
   * - `wait`: nothing is dropped here. What waits counts as under way in its thread, of which the bridge's `maxEvents` is
   *   the limit, until it is taken: handlers that await `drained()` before each `emit` go at this consumer's pace and lose
   *   nothing, and one that does not await it is told `false`. Whoever stops taking must close it, or holds them up.
   *
   * With the other two the threads do not notice that the consumer is slow.
   */
  overflow?: 'drop-oldest' | 'drop-newest' | 'wait'
}

/** What a thread has told. */
export interface BridgeEvent {
  /** What sort of event it is: the first argument of `emit`. */
  readonly name: string
  /** The second argument of `emit`. */
  readonly value: unknown
  /** Path of the thread. */
  readonly thread: string
  /** The method whose call told it; `undefined` where the thread did, outside of a call or after its end. */
  readonly method: string | undefined
  /** The `id` that this call has among the bridge's `calls`. */
  readonly call: number | undefined
}

/**
 * What the threads of a bridge tell from now on, until the bridge closes or the consumer stops: by leaving its loop, or
 * from anywhere else by `return()`, which also ends a loop that waits for the next one.
 */
export interface BridgeEvents extends AsyncIterableIterator<BridgeEvent>, AsyncDisposable {
  /** How many were dropped because the consumer was too slow: none with `wait`. */
  readonly dropped: number
}

/** Counts those that hold an event. */
export interface Holding {
  hold(): void
  leave(): void
}

/** One consumer's events: a buffer of `max`, or one that is bounded by what may be under way. */
export class EventQueue implements BridgeEvents {
  readonly #inbox = new Inbox<Held>(({ holding }) => holding?.leave())
  readonly #max: number
  readonly #overflow: 'drop-oldest' | 'drop-newest' | 'wait'
  readonly #onClosed: (queue: EventQueue) => void
  #dropped = 0

  /** @param onClosed told once, when it takes no more events. */
  constructor({ max = 1_024, overflow = 'drop-oldest' }: EventOptions, onClosed: (queue: EventQueue) => void) {
    this.#max = max
    this.#overflow = overflow
    this.#onClosed = onClosed
  }

  get dropped(): number {
    return this.#dropped
  }

  add(event: BridgeEvent, holding: Holding): void {
    if (this.#overflow === 'wait') {
      holding.hold()
      return this.#inbox.push({ event, holding })
    }
    if (this.#inbox.size >= this.#max) {
      this.#dropped += 1
      if (this.#overflow === 'drop-newest') return
      this.#inbox.shift()
    }
    this.#inbox.push({ event, holding: undefined })
  }

  /** The bridge's: no more will come. What waits can still be taken. */
  close(): void {
    if (this.#inbox.ended) return
    this.#inbox.finish(undefined)
    this.#onClosed(this)
  }

  async next(): Promise<IteratorResult<BridgeEvent, undefined>> {
    const result = await this.#inbox.next()
    return result.done ? { done: true, value: undefined } : { done: false, value: result.value.event }
  }

  /** Ends it, as `break` does. What waits is dropped, and not counted: nobody wants it. */
  async return(): Promise<IteratorResult<BridgeEvent, undefined>> {
    this.close()
    for (const { holding } of this.#inbox.clear()) holding?.leave()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}

interface Held {
  readonly event: BridgeEvent
  /** Told when it is taken; not for those that do not count as under way. */
  readonly holding: Holding | undefined
}
