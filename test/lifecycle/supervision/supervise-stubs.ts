import { Lifecycle, type LifecycleEvent } from '../../../src/index.ts'
import { scopeOf } from '../../../src/lifecycle/lifecycle.ts'
import type { Scope } from '../../../src/lifecycle/scope.ts'
import { FakeClock } from '../../../src/testing/index.ts'
import { listeners } from '../../fixtures/listeners.ts'

type Inner = Parameters<typeof scopeOf>[0]

/** One life as its test sees it: it goes on until it is told otherwise, or its scope closes. */
export interface Life {
  readonly scope: Inner
  /** Ends it, as `start` would. */
  end(value?: unknown): void
  crash(error?: unknown): void
}

/** What is supervised in a test: each call of `start` is a life that waits for orders. */
export class Actor {
  readonly lives: Life[] = []
  /** How many live at this moment, and at most. */
  living = 0
  most = 0

  get last(): Life {
    const life = this.lives.at(-1)
    if (life === undefined) throw new Error('it has not lived yet')
    return life
  }

  readonly start = (scope: Inner): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.living += 1
    this.most = Math.max(this.most, this.living)
    this.lives.push({ scope, end: resolve, crash: (error = new Error('crash')) => reject(error) })
    const stop = (): void => reject(scope.signal.reason)
    if (scope.signal.aborted) stop()
    else scope.signal.addEventListener('abort', stop)
    return promise.finally(() => {
      this.living -= 1
    })
  }
}

/** A lifecycle on a clock of its own, and every change of what is supervised in it. */
export function setUp(options: { grace?: number } = {}) {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, ...options })
  const events: LifecycleEvent[] = []
  life.subscribe((event) => event.type === 'supervised.changed' && events.push(event))
  /** The changes as words, such as `feed 2 ready`. */
  const changes = (): string[] =>
    events.map(({ path, incarnation, state }) => `${path.slice(5)} ${incarnation} ${state}`)
  /** What is left in it: entries, listeners on its signal, timers. */
  const left = () => {
    const scope: Scope = scopeOf(life)
    return { held: scope.entries.size, listeners: listeners(scope.signal)['abort'], timers: clock.pending }
  }
  return { clock, life, events, changes, left }
}

/** Nothing at all. */
export const nothing = { held: 0, listeners: 0, timers: 0 }
