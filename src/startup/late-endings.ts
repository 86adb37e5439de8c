/** What came too late, and is being ended: nobody waits for it but who is about to exit. */
export class LateEndings {
  readonly #all = new Set<Promise<void>>()

  /** Adds one, which never rejects. */
  add(ending: Promise<void>): void {
    this.#all.add(ending)
    ending.then(() => this.#all.delete(ending))
  }

  /** Resolves when all have ended that were added by now. */
  async over(): Promise<void> {
    await Promise.all(this.#all)
  }
}
