import type { Lifecycle } from '../../src/index.ts'
import { scopeOf } from '../../src/lifecycle/lifecycle.ts'
import { readinessOf } from '../../src/lifecycle/readiness.ts'

/** One stage in the life of a lifecycle, and what probes are to say in it. */
export interface Stage {
  readonly name: string
  /** Whether live, ready and startup are healthy, in this order. */
  readonly healthy: readonly [live: boolean, ready: boolean, startup: boolean]
  readonly status: string
  /** Brings a lifecycle there. */
  set(life: Lifecycle): unknown
}

const of = (life: Lifecycle) => readinessOf(scopeOf(life))
const never = () => new Promise(() => {})

export const stages: readonly Stage[] = [
  {
    name: 'booting',
    healthy: [true, false, false],
    status: 'starting',
    set: (life) => of(life).begin(),
  },
  {
    name: 'waiting for a step',
    healthy: [true, false, true],
    status: 'starting',
    set: (life) => of(life).pending.add('/app/db'),
  },
  { name: 'ready', healthy: [true, true, true], status: 'ready', set: () => {} },
  {
    name: 'degraded',
    healthy: [true, true, true],
    status: 'ready',
    set: (life) => of(life).degraded.set('/app/mail', 'no mails are sent'),
  },
  { name: 'draining', healthy: [true, false, true], status: 'draining', set: (life) => of(life).drain() },
  {
    name: 'stopped while booting',
    healthy: [true, false, false],
    status: 'closing',
    set(life) {
      of(life).begin()
      hang(life)
    },
  },
  { name: 'closing', healthy: [true, false, true], status: 'closing', set: hang },
  { name: 'closed', healthy: [true, false, true], status: 'closed', set: (life) => life.close() },
]

/** Begins to close, and hangs there until it is forced. */
function hang(life: Lifecycle): void {
  life.use({}, { name: 'db', close: never, force: () => {} })
  void life.close()
}
