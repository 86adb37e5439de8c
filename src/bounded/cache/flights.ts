/** A value that is being loaded, and those who wait for it. */
interface Flight<V> extends PromiseWithResolvers<V> {
  readonly controller: AbortController
  waiting: number
}

/** Brings the value of a key that has none. */
export type Load<K, V> = (key: K, context: { readonly signal: AbortSignal }) => V | PromiseLike<V>

/** The loads that are under way, one for each key. */
export class Flights<K, V> {
  readonly #byKey = new Map<K, Flight<V>>()
  /** Also those whose key was left. */
  readonly #all = new Set<Flight<V>>()

  get size(): number {
    return this.#all.size
  }

  /**
   * Waits for the load of a key, which is begun where none is under way. What comes is kept by `keep`, unless the key has
   * been left meanwhile. When nobody waits any more, the load's signal aborts.
   */
  join(key: K, load: Load<K, V>, keep: (value: V) => void, signal: AbortSignal | undefined): Promise<V> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const flight = this.#byKey.get(key) ?? this.#begin(key, load, keep)
    flight.waiting += 1
    if (signal === undefined) return flight.promise
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        flight.waiting -= 1
        if (flight.waiting === 0) this.#abort(key, flight, signal.reason)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      const stay = (): void => signal.removeEventListener('abort', leave)
      flight.promise.finally(stay).then(resolve, reject)
    })
  }

  #begin(key: K, load: Load<K, V>, keep: (value: V) => void): Flight<V> {
    const flight: Flight<V> = { ...Promise.withResolvers<V>(), controller: new AbortController(), waiting: 0 }
    // Those who left don't hear that it failed.
    flight.promise.catch(() => {})
    this.#byKey.set(key, flight)
    this.#all.add(flight)
    void this.#run(key, flight, load, keep)
    return flight
  }

  async #run(key: K, flight: Flight<V>, load: Load<K, V>, keep: (value: V) => void): Promise<void> {
    try {
      const value = await load(key, { signal: flight.controller.signal })
      if (this.#land(key, flight)) keep(value)
      flight.resolve(value)
    } catch (error) {
      this.#land(key, flight)
      flight.reject(error)
    }
  }

  /** A flight is over. Says whether it still was that of its key. */
  #land(key: K, flight: Flight<V>): boolean {
    this.#all.delete(flight)
    return this.#byKey.get(key) === flight && this.#byKey.delete(key)
  }

  #abort(key: K, flight: Flight<V>, reason: unknown): void {
    this.#land(key, flight)
    flight.controller.abort(reason)
    flight.reject(reason)
  }

  /** A key has a value, or none, by other hands: what its load brings is for those who wait, and isn't kept. */
  leave(key: K): void {
    this.#byKey.delete(key)
  }

  leaveAll(): void {
    this.#byKey.clear()
  }

  /** Aborts all, and rejects those who wait. Returns how many loads that were. */
  abortAll(reason: unknown): number {
    const all = [...this.#all]
    this.#byKey.clear()
    this.#all.clear()
    for (const { controller, reject } of all) {
      controller.abort(reason)
      reject(reason)
    }
    return all.length
  }
}
