// The thread's own code may put something else in its place.
const { Promise: OwnPromise } = globalThis

/** Those who wait for what happens once: it stays open. */
export class Gate {
  /** Resolves when it has happened. */
  readonly opened: Promise<void>
  /** It has happened. */
  readonly open: () => void

  constructor() {
    let open = (): void => {}
    this.opened = new OwnPromise((resolve) => {
      open = resolve
    })
    this.open = open
  }
}
