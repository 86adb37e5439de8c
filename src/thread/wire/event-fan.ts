import { type BridgeEvent, type BridgeEvents, type EventOptions, EventQueue, type Holding } from './event-queue.ts'

/** Where events come from: told how many of them are under way no more. */
export interface EventSource {
  consumed(count: number): void
}

/** Gives each event of a bridge to all its consumers, each of which has a buffer of its own. */
export class EventFan {
  readonly #queues = new Set<EventQueue>()
  /** By queues that are closed. */
  #dropped = 0
  #closed = false

  /** How many events have been dropped because their consumer was too slow. */
  get dropped(): number {
    let dropped = this.#dropped
    for (const queue of this.#queues) dropped += queue.dropped
    return dropped
  }

  /** A new consumer's events. After `close` it has ended. */
  open(options: EventOptions): BridgeEvents {
    const queue = new EventQueue(options, (closed) => {
      this.#queues.delete(closed)
      this.#dropped += closed.dropped
    })
    this.#queues.add(queue)
    if (this.#closed) queue.close()
    return queue
  }

  /** Hands out an event. Where nobody listens it is gone, and not counted. */
  publish(event: BridgeEvent, source: EventSource): void {
    if (this.#queues.size === 0) return source.consumed(1)
    const holding = new Holders(source)
    for (const queue of this.#queues) queue.add(event, holding)
    holding.leave()
  }

  /** No more will come: each consumer gets what waits for it, and then the end. */
  close(): void {
    this.#closed = true
    for (const queue of this.#queues) queue.close()
  }
}

class Holders implements Holding {
  readonly #source: EventSource
  /** The first is who hands it out. */
  #count = 1

  constructor(source: EventSource) {
    this.#source = source
  }

  hold(): void {
    this.#count += 1
  }

  leave(): void {
    this.#count -= 1
    if (this.#count === 0) this.#source.consumed(1)
  }
}
