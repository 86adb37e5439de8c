import { closedError } from '../../lifecycle/closed-error.ts'
import { EndswellError } from '../../lifecycle/errors.ts'
import { channelOf, isHeardOn } from '../../lifecycle/events.ts'
import { guarded } from '../../lifecycle/outcry.ts'
import { Ending } from '../../lifecycle/own-ending.ts'
import { Voice } from '../../lifecycle/voice.ts'
import { Pressure } from './pressure.ts'
import type { QueueDropReason, QueueSettings, QueueWaitOptions } from './queue-options.ts'
import type { QueueEnd, QueueStats } from './queue-stats.ts'
import { Ring } from './ring.ts'
import { WaitLine } from './wait-line.ts'

/** What a queue does: its items, and those who wait for one or for room. At any time only one of the two lines is there. */
export class QueueCore<T> {
  readonly voice: Voice
  readonly #settings: QueueSettings<T>
  readonly #max: number
  readonly #onDrop: QueueSettings<T>['onDrop']
  readonly #drops = channelOf('item.dropped')
  readonly #ring = new Ring<T>()
  readonly #takers: WaitLine<undefined, T>
  readonly #putters: WaitLine<T, boolean>
  readonly #pressure: Pressure
  readonly #ending: Ending<QueueEnd<T>>
  readonly #dropped: Record<QueueDropReason, number> = { oldest: 0, newest: 0, clear: 0, close: 0 }
  #pushed = 0
  #taken = 0
  #rejected = 0
  #highWater = 0
  #isOpen = true
  #isOver = false
  /** How many had been taken when the closing began. */
  #takenOpen = 0

  constructor(settings: QueueSettings<T>) {
    const { max, name, clock, high, low } = settings
    this.#settings = settings
    this.#max = max
    this.#onDrop = settings.onDrop
    this.voice = new Voice('queue', name)
    this.#takers = new WaitLine(clock)
    this.#putters = new WaitLine(clock)
    this.#pressure = new Pressure(high, low, (state) => {
      if (this.voice.isHeard('queue.pressure')) this.voice.tell('queue.pressure', { state })
    })
    this.#ending = new Ending(clock, () => this.#finish())
  }

  get size(): number {
    return this.#ring.size
  }

  /** Whether nothing is left, and nothing will come. */
  get isDrained(): boolean {
    return !this.#isOpen && this.#ring.size === 0
  }

  push(item: T): boolean {
    if (!this.#isOpen) throw closedError(this.voice.path)
    const ring = this.#ring
    if (this.#takers.size > 0) this.#handOver(item)
    else if (ring.size < this.#max) this.#enter(item)
    else return this.#overflow(item)
    return true
  }

  put(item: T, options: QueueWaitOptions): Promise<boolean> {
    const { signal } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    const { overflow, maxWaiting } = this.#settings
    if (overflow === 'wait' && this.#isOpen && this.size >= this.#max) {
      if (this.#putters.size >= maxWaiting) return Promise.reject(this.#full(`has ${maxWaiting} waiting for room`))
      return this.#putters.wait(item, options, this.voice.path, 'There was no room.')
    }
    try {
      return Promise.resolve(this.push(item))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  shift(): T | undefined {
    return this.size === 0 ? undefined : this.#takeFirst()
  }

  peek(): T | undefined {
    return this.size === 0 ? undefined : this.#ring.at(0)
  }

  take(options: QueueWaitOptions): Promise<T> {
    const { signal } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.size > 0) return Promise.resolve(this.#takeFirst())
    if (!this.#isOpen) return Promise.reject(closedError(this.voice.path))
    const { maxWaiting } = this.#settings
    if (this.#takers.size >= maxWaiting) return Promise.reject(this.#full(`has ${maxWaiting} waiting for an item`))
    return this.#takers.wait(undefined, options, this.voice.path, 'No item came.')
  }

  clear(): number {
    const items = this.#ring.clear()
    this.#refill()
    this.#pressure.set(this.size)
    for (const item of items) this.#drop(item, 'clear')
    this.#finishIfDrained()
    return items.length
  }

  stats(): QueueStats {
    return Object.freeze({
      size: this.size,
      max: this.#max,
      highWater: this.#highWater,
      pushed: this.#pushed,
      taken: this.#taken,
      rejected: this.#rejected,
      dropped: Object.freeze({ ...this.#dropped }),
      waiting: Object.freeze({ put: this.#putters.size, take: this.#takers.size }),
    })
  }

  close(timeout: number): Promise<QueueEnd<T>> {
    return this.#ending.by({ timeout }, () => {
      this.#isOpen = false
      this.#takenOpen = this.#taken
      this.#putters.refuse(closedError(this.voice.path))
      this.#finishIfDrained()
    })
  }

  #handOver(item: T): void {
    this.#pushed += 1
    this.#taken += 1
    this.#takers.shift()?.resolve(item)
  }

  #enter(item: T): void {
    const ring = this.#ring
    ring.push(item)
    this.#pushed += 1
    if (ring.size > this.#highWater) this.#highWater = ring.size
    this.#pressure.set(ring.size)
  }

  #overflow(item: T): boolean {
    switch (this.#settings.overflow) {
      case 'drop-oldest': {
        const oldest = this.#ring.exchange(item)
        this.#pushed += 1
        this.#dropped.oldest += 1
        if (this.#onDrop !== undefined || isHeardOn(this.voice, this.#drops)) this.#tell(oldest, 'oldest')
        return true
      }
      case 'drop-newest':
        this.#drop(item, 'newest')
        return false
      default:
        throw this.#full(`has ${this.#max} items already`)
    }
  }

  #takeFirst(): T {
    const item = this.#ring.shift()
    this.#taken += 1
    if (this.#putters.size > 0) this.#refill()
    this.#pressure.set(this.size)
    this.#finishIfDrained()
    return item
  }

  /** Who waits for room gets it before anybody else can. */
  #refill(): void {
    while (this.size < this.#max) {
      const putter = this.#putters.shift()
      if (putter === undefined) return
      this.#enter(putter.brought)
      putter.resolve(true)
    }
  }

  #drop(item: T, reason: QueueDropReason): void {
    this.#dropped[reason] += 1
    this.#tell(item, reason)
  }

  #tell(item: T, reason: QueueDropReason): void {
    const onDrop = this.#onDrop
    if (isHeardOn(this.voice, this.#drops)) this.voice.tell('item.dropped', { reason })
    if (onDrop !== undefined) guarded(this.voice, () => onDrop(item, reason))
  }

  #finishIfDrained(): void {
    if (this.isDrained) this.#finish()
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    const left = this.#ring.clear()
    this.#takers.refuse(closedError(this.voice.path))
    this.#pressure.set(0)
    for (const item of left) this.#drop(item, 'close')
    this.voice.over()
    this.#ending.over({ taken: this.#taken - this.#takenOpen, left: Object.freeze(left) })
  }

  #full(why: string): EndswellError {
    const { path } = this.voice
    this.#rejected += 1
    const mend = 'Take faster, or choose a larger limit or another overflow.'
    return new EndswellError('ERR_QUEUE_FULL', `${path} ${why}. ${mend}`, { path })
  }
}
