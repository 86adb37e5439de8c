import { Inbox } from './inbox.ts'

/** Options of a bridge's `events()`. */
export interface EventOptions {
  /** How many events may wait here: 1 or more. Default: 1024. */
  max?: number
  /**
   * Which one is dropped when there is no room.
   *
   * - `drop-oldest`, the default: the one that has waited longest. The threads do not notice that the consumer is slow.
   * - `drop-newest`: the one that has just come. What waits here counts as under way, so that a handler that awaits
   *   `drained()` goes at the consumer's pace, and nothing is lost where `max` has room for `maxEvents` of every thread.
   */
  overflow?: 'drop-oldest' | 'drop-newest'
}

/** What a thread has told. */
export interface BridgeEvent {
  /** What sort of event it is: the first argument of `emit`. */
  readonly name: string
  /** The second argument of `emit`. */
  readonly value: unknown
  /** Path of the thread. */
  readonly thread: string
  /** The method whose call told it; `undefined` where the thread did, outside of a call. */
  readonly method: string | undefined
}

/** What the threads of a bridge tell from now on, until the bridge closes or the consumer stops. */
export interface BridgeEvents extends AsyncIterableIterator<BridgeEvent>, AsyncDisposable {
  /** How many were dropped because the consumer was too slow. */
  readonly dropped: number
}

/** Counts those that hold an event. */
export interface Holding {
  hold(): void
  leave(): void
}

/** One consumer's events: a bounded buffer. */
export class EventQueue implements BridgeEvents {
  readonly #inbox = new Inbox<Held>(({ holding }) => holding?.leave())
  readonly #max: number
  readonly #overflow: 'drop-oldest' | 'drop-newest'
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
    const full = this.#inbox.size >= this.#max
    if (full) this.#dropped += 1
    if (this.#overflow === 'drop-oldest') {
      if (full) this.#inbox.shift()
      this.#inbox.push({ event, holding: undefined })
    } else if (!full) {
      holding.hold()
      this.#inbox.push({ event, holding })
    }
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
