/**
 * Listens to signals, with one listener each: a signal searches all its listeners to take one off, so a listener for each of
 * ten thousand tasks that share one would take a second.
 */
export class SharedSignals {
  readonly #callbacks = new Map<AbortSignal, { readonly all: Set<() => void>; readonly listener: () => void }>()

  /** Calls `callback` when that aborts. Returns its undo. */
  on(signal: AbortSignal, callback: () => void): () => void {
    const shared = this.#callbacks.get(signal) ?? this.#listen(signal)
    shared.all.add(callback)
    return () => {
      shared.all.delete(callback)
      if (shared.all.size > 0 || this.#callbacks.get(signal) !== shared) return
      this.#callbacks.delete(signal)
      signal.removeEventListener('abort', shared.listener)
    }
  }

  #listen(signal: AbortSignal): { readonly all: Set<() => void>; readonly listener: () => void } {
    const all = new Set<() => void>()
    const listener = (): void => {
      this.#callbacks.delete(signal)
      signal.removeEventListener('abort', listener)
      for (const callback of all) callback()
    }
    const shared = { all, listener }
    this.#callbacks.set(signal, shared)
    signal.addEventListener('abort', listener)
    return shared
  }
}
