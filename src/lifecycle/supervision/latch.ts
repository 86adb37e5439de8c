/**
 * A promise that can be waited for again and again: while it is open it resolves at once, else when it opens. Whoever
 * drops what `passed` gave is not told of a refusal: it is marked as handled.
 */
export class Latch {
  #turn = handled()
  #isOpen = false

  /** Resolves when it is open, and rejects when it is refused before. */
  get passed(): Promise<void> {
    return this.#turn.promise
  }

  /** Lets all through who wait, and all who come. */
  open(): void {
    this.#isOpen = true
    this.#turn.resolve()
  }

  /** Has all who come wait. */
  shut(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#turn = handled()
  }

  /** Sends away all who wait; whoever comes later waits anew. */
  refuse(error: unknown): void {
    if (this.#isOpen) return
    this.#turn.reject(error)
    this.#turn = handled()
  }
}

function handled(): PromiseWithResolvers<void> {
  const turn = Promise.withResolvers<void>()
  turn.promise.catch(() => {})
  return turn
}

/** A promise that rejects, marked as handled. */
export function refused(error: unknown): Promise<never> {
  const promise = Promise.reject(error)
  promise.catch(() => {})
  return promise
}
