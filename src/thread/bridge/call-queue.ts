import type { Bucket, PendingCall } from './pending-call.ts'

/**
 * The calls that wait: those of higher priority first, and in order of their coming where that is equal. Adding, taking
 * and removing cost the same however many wait; only a priority that nobody else has right now must find its place.
 */
export class CallQueue {
  /** Highest priority first. None is empty, except for the only one. */
  readonly #buckets: Bucket[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds a call behind those of its priority. */
  push(call: PendingCall): void {
    const bucket = this.#bucketOf(call.priority)
    const { last } = bucket
    call.bucket = bucket
    call.previous = last
    if (last === undefined) bucket.first = call
    else last.next = call
    bucket.last = call
    this.#size += 1
  }

  /** Puts a call back before those of its priority. */
  unshift(call: PendingCall): void {
    const bucket = this.#bucketOf(call.priority)
    const { first } = bucket
    call.bucket = bucket
    call.next = first
    if (first === undefined) bucket.last = call
    else first.previous = call
    bucket.first = call
    this.#size += 1
  }

  /** Takes the call whose turn it is. */
  shift(): PendingCall | undefined {
    const call = this.#buckets[0]?.first
    if (call !== undefined) this.remove(call)
    return call
  }

  /** Takes a call out, wherever it stands. */
  remove(call: PendingCall): void {
    const { bucket, previous, next } = call
    if (bucket === undefined) return
    if (previous === undefined) bucket.first = next
    else previous.next = next
    if (next === undefined) bucket.last = previous
    else next.previous = previous
    call.bucket = call.previous = call.next = undefined
    this.#size -= 1
    if (bucket.first === undefined && this.#buckets.length > 1) this.#buckets.splice(this.#buckets.indexOf(bucket), 1)
  }

  /** In the order in which their turn comes. */
  *[Symbol.iterator](): Generator<PendingCall, void, undefined> {
    for (const { first } of this.#buckets) {
      for (let call = first; call !== undefined; call = call.next) yield call
    }
  }

  #bucketOf(priority: number): Bucket {
    const buckets = this.#buckets
    const [only] = buckets
    if (only !== undefined && only.priority === priority) return only
    let from = 0
    let to = buckets.length
    while (from < to) {
      const middle = (from + to) >> 1
      const bucket = buckets[middle] as Bucket
      if (bucket.priority === priority) return bucket
      if (bucket.priority > priority) from = middle + 1
      else to = middle
    }
    const made: Bucket = { priority, first: undefined, last: undefined }
    // One that is empty is the only one, and not needed any more.
    if (only?.first === undefined) buckets.splice(0, 1, made)
    else buckets.splice(from, 0, made)
    return made
  }
}
