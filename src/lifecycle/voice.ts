import { checkFunction, checkName } from './check.ts'
import type { LifecycleEvent } from './event.ts'
import { type Audible, isHeard, publish, subscribe } from './events.ts'

/** Where a resource stands in a lifecycle. */
export interface Home {
  readonly heardBy: Audible
  /** Its path there. */
  path(): string
}

/**
 * How a resource that may stand alone or in a lifecycle is called, tells what happens in it, and leaves when it is over.
 * What it tells is heard by its own listeners, by those of the lifecycle that it is used in, and on
 * `diagnostics_channel`. Without a listener that costs a look.
 *
 * @example
 * ```ts
 * if (voice.isHeard('item.dropped')) voice.tell('item.dropped', { item: key, reason: 'expire' })
 * ```
 */
export class Voice implements Audible {
  listeners: Set<(event: LifecycleEvent) => void> | undefined = undefined
  heardBy: Audible | undefined = undefined
  /** `/pool` as long as it stands alone, else its path in the lifecycle that it is in, or was in last. */
  path: string
  /** Whether what speaks by it has ended. */
  isOver = false
  readonly #kind: string
  /** What takes it out of each lifecycle that it is in. */
  readonly #homes = new Map<() => void, Home>()

  /** @throws TypeError or RangeError for a bad name. */
  constructor(kind: string, name: string = kind) {
    checkName('options.name', name)
    this.#kind = kind
    this.path = `/${name}`
  }

  /** Whether anybody listens to such events: asked before one is made. */
  isHeard(type: LifecycleEvent['type']): boolean {
    return isHeard(this, type)
  }

  /** Tells all who listen. */
  tell(type: LifecycleEvent['type'], more: Partial<LifecycleEvent> = {}): void {
    publish(this, Object.freeze({ type, path: this.path, kind: this.#kind, ...more }))
  }

  /** Calls `listener` with what happens here. Returns its undo. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void {
    checkFunction('listener', listener)
    return subscribe(this, listener)
  }

  /** It is used in a lifecycle from now on, out of which `leave` takes it. Returns the undo. */
  join(home: Home, leave: () => void): () => void {
    if (this.isOver) leave()
    this.#homes.set(leave, home)
    this.heardBy = home.heardBy
    this.path = home.path()
    return () => {
      this.#homes.delete(leave)
      this.heardBy = [...this.#homes.values()].at(-1)?.heardBy
    }
  }

  /** What speaks by it has ended: it leaves the lifecycles that it is in. */
  over(): void {
    this.isOver = true
    for (const leave of this.#homes.keys()) leave()
  }
}
