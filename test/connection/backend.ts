import { ConnectionPool, type ConnectionPoolOptions } from 'endswell/connection'
import { FakeClock } from 'endswell/testing'

/** A connection as the tests have it. */
export interface Wire {
  readonly id: number
  readonly isOpen: boolean
}

/** What connections are opened to: it counts, and can be told to fail or to hang. */
export class Backend {
  /** All that are open, by number. */
  readonly open = new Map<number, Wire>()
  /** How often a connection was asked for, and at which moments. */
  readonly creates: number[] = []
  readonly destroyed: number[] = []
  readonly clock = new FakeClock()
  /** What the next `create` does instead of opening. */
  create: (() => Wire | Promise<Wire>) | undefined = undefined
  destroy: ((wire: Wire) => unknown) | undefined = undefined
  /** By number, what tells the pool that a connection has ended. */
  readonly leave = new Map<number, () => void>()
  mostOpen = 0
  #serial = 0

  connect(): Wire {
    this.#serial += 1
    const wire = { id: this.#serial, isOpen: true }
    this.open.set(wire.id, wire)
    this.mostOpen = Math.max(this.mostOpen, this.open.size)
    return wire
  }

  end(wire: Wire): void {
    this.destroyed.push(wire.id)
    this.open.delete(wire.id)
  }

  pool(options: Partial<ConnectionPoolOptions<Wire>> = {}): ConnectionPool<Wire> {
    return new ConnectionPool<Wire>({
      create: () => {
        this.creates.push(this.clock.now())
        return this.create === undefined ? this.connect() : this.create()
      },
      destroy: (wire) => (this.destroy === undefined ? this.end(wire) : this.destroy(wire)),
      onGone: (wire, leave) => {
        this.leave.set(wire.id, leave)
        return () => void this.leave.delete(wire.id)
      },
      clock: this.clock,
      ...options,
    })
  }
}

/** Lets all promises settle that can. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** What a promise rejects with, by its code. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => 'fulfilled',
    (error) => error?.code ?? error,
  )
}
