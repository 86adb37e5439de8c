import { channelOf, isHeardOn } from '../../lifecycle/events.ts'
import { guarded } from '../../lifecycle/outcry.ts'
import type { Voice } from '../../lifecycle/voice.ts'

/**
 * Why a value left a {@link BoundedCache}: `evict`, something else needed its place; `expire`, its time was over;
 * `delete` and `clear`, you said so, or closed the cache; `replace`, another value was set under its key; `pressure`, the
 * cache was trimmed.
 */
export type CacheDropReason = 'evict' | 'expire' | 'delete' | 'replace' | 'clear' | 'pressure'

/** A value that is gone, and of which nobody was told yet. */
export type Gone<K, V> = readonly [key: K, value: V, reason: CacheDropReason]

/** Counts the values that leave, by reason, and tells those who want to know: once for each, when it is gone. */
export class Farewells<K, V> {
  readonly counts: Record<CacheDropReason, number> = {
    evict: 0,
    expire: 0,
    delete: 0,
    replace: 0,
    clear: 0,
    pressure: 0,
  }
  readonly #voice: Voice
  readonly #channel = channelOf('item.dropped')
  readonly #onEvict: ((key: K, value: V, reason: CacheDropReason) => unknown) | undefined

  constructor(voice: Voice, onEvict: ((key: K, value: V, reason: CacheDropReason) => unknown) | undefined) {
    this.#voice = voice
    this.#onEvict = onEvict
  }

  /** Whether somebody wants to hear of those that are cleared. */
  get hasCallback(): boolean {
    return this.#onEvict !== undefined
  }

  /** Whether somebody wants to hear of those that are evicted. */
  get isHeard(): boolean {
    return this.#onEvict !== undefined || isHeardOn(this.#voice, this.#channel)
  }

  /** One that leaves is counted, and told. */
  say(key: K, value: V, reason: CacheDropReason): void {
    this.counts[reason] += 1
    this.tell(key, value, reason)
  }

  /** Tells of one that has been counted. */
  tell(key: K, value: V, reason: CacheDropReason): void {
    const onEvict = this.#onEvict
    if (onEvict !== undefined) guarded(this.#voice, () => onEvict(key, value, reason))
    // What the user takes out is known to the user.
    if (reason === 'evict' || reason === 'expire' || reason === 'pressure') {
      if (this.#voice.isHeard('item.dropped')) this.#voice.tell('item.dropped', { item: key, reason })
    }
  }
}
