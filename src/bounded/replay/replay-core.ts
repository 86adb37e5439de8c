import { Alarm } from '../../lifecycle/alarm.ts'
import { outOfRange, wrongType } from '../../lifecycle/check.ts'
import { guarded } from '../../lifecycle/outcry.ts'
import { Voice } from '../../lifecycle/voice.ts'
import { ReplayItems } from './replay-items.ts'
import type { ReplayDropReason, ReplaySettings } from './replay-options.ts'
import type { ReplayEnd, ReplayStats } from './replay-stats.ts'

/** What a replay buffer does: it keeps the last items within its limits. */
export class ReplayCore<T> {
  readonly voice: Voice
  readonly items = new ReplayItems<T>()
  readonly #settings: ReplaySettings<T>
  readonly #alarm: Alarm
  readonly #dropped: Record<ReplayDropReason, number> = { count: 0, bytes: 0, age: 0, pressure: 0, clear: 0, close: 0 }
  #end: Promise<ReplayEnd> | undefined = undefined

  constructor(settings: ReplaySettings<T>) {
    this.#settings = settings
    this.voice = new Voice('replay-buffer', settings.name)
    this.#alarm = new Alarm(settings.clock, () => this.dropOld(), { ref: false })
  }

  get isOpen(): boolean {
    return this.#end === undefined
  }

  push(item: T): number {
    const { items } = this
    const { weigh, max, maxBytes } = this.#settings
    const bytes = weigh(item)
    checkBytes(bytes)
    const now = this.#now()
    const isKept = bytes <= maxBytes
    if (isKept) items.push(item, now, bytes)
    else items.pass()
    // Its number, whatever a callback pushes before it is returned.
    const id = items.latest
    this.#dropOld(now)
    while (items.bytes > maxBytes) this.#dropFirst('bytes')
    while (items.places > max) this.#dropFirst('count')
    if (!isKept) this.#announce(item, 'bytes', id)
    return id
  }

  /** Drops what is too old. Returns how many there were. */
  dropOld(): number {
    return this.items.places === 0 ? 0 : this.#dropOld(this.#now())
  }

  /** Drops the first of the places. Returns how many items were in them. */
  drop(places: number, reason: ReplayDropReason): number {
    const first = this.items.first + places
    let dropped = 0
    // Not by the size: who is told of one may push another.
    for (; this.items.places > 0 && this.items.first < first; dropped += 1) this.#dropFirst(reason)
    return dropped
  }

  stats(): ReplayStats {
    const { size, bytes, latest } = this.items
    const { max } = this.#settings
    return Object.freeze({ size, max, bytes, pushed: latest, dropped: Object.freeze({ ...this.#dropped }) })
  }

  close(): Promise<ReplayEnd> {
    if (this.#end !== undefined) return this.#end
    const end = Promise.withResolvers<ReplayEnd>()
    this.#end = end.promise
    this.#alarm.clear()
    end.resolve(Object.freeze({ dropped: this.drop(this.items.places, 'close') }))
    this.voice.over()
    return this.#end
  }

  /** Nobody asks the time where nothing grows old. */
  #now(): number {
    return this.#settings.ttl === Number.POSITIVE_INFINITY ? 0 : this.#settings.clock.now()
  }

  #dropOld(now: number): number {
    const { ttl } = this.#settings
    if (ttl === Number.POSITIVE_INFINITY) return 0
    let dropped = 0
    for (; this.items.since + ttl <= now; dropped += 1) this.#dropFirst('age')
    // A timer that is set need not be moved: it rings for the oldest there was, and looks at the one there is.
    if (this.isOpen) this.#alarm.set(this.items.since + ttl + resolutionOf(ttl), now)
    return dropped
  }

  #dropFirst(reason: ReplayDropReason): void {
    const { item, id } = this.items.shift()
    this.#announce(item, reason, id)
  }

  #announce(item: T, reason: ReplayDropReason, id: number): void {
    const { onDrop } = this.#settings
    this.#dropped[reason] += 1
    if (this.voice.isHeard('item.dropped')) this.voice.tell('item.dropped', { item: id, reason })
    if (onDrop !== undefined) guarded(this.voice, () => onDrop(item, reason, id))
  }
}

/** How many ms an item that is too old may stay where nobody asks for it: so that a timer does not ring for each. */
function resolutionOf(ttl: number): number {
  return Math.max(1_000, ttl / 60)
}

function checkBytes(bytes: unknown): void {
  if (typeof bytes !== 'number') throw wrongType('What options.weigh brings', 'a number of bytes', bytes)
  if (!(bytes >= 0 && bytes < Number.POSITIVE_INFINITY))
    throw outOfRange('What options.weigh brings', 'a number of bytes, 0 or more', bytes)
}
