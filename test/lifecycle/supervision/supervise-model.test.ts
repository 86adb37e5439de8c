import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Lifecycle, type LifecycleEvent } from '../../../src/index.ts'
import { scopeOf } from '../../../src/lifecycle/lifecycle.ts'
import { RESTARTS, type Restart, STRATEGIES, type Strategy } from '../../../src/lifecycle/supervision/restart.ts'
import { supervise } from '../../../src/lifecycle/supervision/supervise.ts'
import { superviseGroup } from '../../../src/lifecycle/supervision/supervise-group.ts'
import type { Supervised, SupervisedState } from '../../../src/lifecycle/supervision/supervised.ts'
import { FakeClock } from '../../../src/testing/index.ts'
import { listeners } from '../../fixtures/listeners.ts'
import { wait } from '../stubs.ts'

type Inner = Parameters<typeof scopeOf>[0]

/** What one life does. */
interface LifePlan {
  /** After how many ms it is ready; -1 is never, 0 at once. */
  readonly readyAfter: number
  readonly lasts: number
  /** `hang` goes on until its scope closes, `deaf` also after that, and `close` closes its own. */
  readonly ends: 'end' | 'crash' | 'throw' | 'hang' | 'deaf' | 'close'
  /** How many ms its scope takes to close. */
  readonly closes: number
}

interface MemberPlan {
  readonly restart: Restart
  readonly lives: readonly LifePlan[]
}

/** What somebody does from outside, at a moment. */
interface Act {
  readonly at: number
  readonly what: 'restart' | 'stop' | 'stopAll' | 'close' | 'closeLate'
  readonly member: number
}

interface Plan {
  readonly alone: boolean
  readonly strategy: Strategy
  readonly members: readonly MemberPlan[]
  readonly max: number
  readonly acts: readonly Act[]
}

const FIRST = 8
const MOST = 20
const PERIOD = 100
const GRACE = 30
const READY_TIMEOUT = 40

const often = <T>(value: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(value) }, { weight: 3, arbitrary: fc.constantFrom(value, ...others) })
const lifePlan: fc.Arbitrary<LifePlan> = fc.record({
  readyAfter: fc.constantFrom(0, 0, 3, 10, -1),
  lasts: fc.integer({ min: 0, max: 60 }),
  ends: often<LifePlan['ends']>('hang', 'end', 'crash', 'crash', 'throw', 'deaf', 'close'),
  closes: fc.constantFrom(0, 0, 5, 15),
})
const plan: fc.Arbitrary<Plan> = fc.record({
  alone: fc.boolean(),
  strategy: fc.constantFrom(...STRATEGIES),
  members: fc.array(
    fc.record({
      restart: often<Restart>('permanent', ...RESTARTS),
      lives: fc.array(lifePlan, { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  max: fc.integer({ min: 0, max: 8 }),
  acts: fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 200 }),
      what: often<Act['what']>('restart', 'stop', 'stopAll', 'close', 'closeLate'),
      member: fc.nat(3),
    }),
    { maxLength: 5 },
  ),
})

/** Which states may follow which. */
const allowed: Readonly<Record<SupervisedState, readonly SupervisedState[]>> = {
  starting: ['ready', 'stopping', 'stopped'],
  ready: ['stopping'],
  stopping: ['backing-off', 'starting', 'stopped', 'failed'],
  'backing-off': ['starting', 'stopped'],
  stopped: [],
  failed: [],
}

/** One thing that is supervised, as its plan plays it, with what must be true of it at every moment. */
class Played {
  readonly plan: MemberPlan
  readonly clock: FakeClock
  readonly path: string
  handle: Supervised | undefined = undefined
  state: SupervisedState | undefined = undefined
  living = 0
  deaf = 0
  restarts = 0
  /** When its policy was asked about an end. */
  askedAt = 0
  begun = 0
  notBefore = 0
  scope: ReturnType<typeof scopeOf> | undefined = undefined

  constructor(plan: MemberPlan, clock: FakeClock, path: string) {
    this.plan = plan
    this.clock = clock
    this.path = path
  }

  get life(): LifePlan {
    return this.plan.lives[(this.begun - 1) % this.plan.lives.length] as LifePlan
  }

  readonly start = (face: Inner): unknown => {
    expect(this.living).toBe(0)
    expect(this.scope?.state ?? 'closed').toBe('closed')
    expect(this.clock.now()).toBeGreaterThanOrEqual(this.notBefore)
    expect(face.path).toBe(`${this.path}/${this.begun + 1}`)
    this.begun += 1
    this.scope = scopeOf(face)
    const { ends, lasts, closes } = this.life
    if (closes > 0) face.defer(() => wait(this.clock, closes))
    if (ends === 'throw') throw new Error('at once')
    this.living += 1
    if (ends === 'deaf') this.deaf += 1
    return this.#live(face, ends, lasts).finally(() => {
      this.living -= 1
    })
  }

  async #live(face: Inner, ends: LifePlan['ends'], lasts: number): Promise<void> {
    const told = new Promise<void>((resolve) => face.signal.addEventListener('abort', () => resolve()))
    if (ends === 'deaf') return await new Promise(() => {})
    if (ends === 'hang') return await told
    await Promise.race([told, wait(this.clock, lasts)])
    if (ends === 'close') void face.close()
    if (ends === 'crash') throw new Error('crash')
  }

  readonly readyWhen = (): unknown => {
    const { readyAfter } = this.life
    if (readyAfter === -1) return new Promise(() => {})
    return readyAfter === 0 ? undefined : wait(this.clock, readyAfter)
  }

  /** Checks a change, and takes it over. */
  changed({ state, incarnation, timeout }: LifecycleEvent): void {
    const next = state as SupervisedState
    if (this.state === undefined) expect(['starting', 'stopped', 'failed']).toContain(next)
    else expect([this.path, ...allowed[this.state]]).toContain(next)
    expect(this.handle?.state ?? next).toBe(next)
    this.state = next
    // It is told before `start` is called.
    expect(incarnation).toBe(next === 'starting' ? this.begun + 1 : this.begun)
    if (next !== 'backing-off') return
    this.notBefore = this.clock.now() + (timeout ?? 0)
    if (timeout === undefined) return
    expect(timeout).toBeGreaterThanOrEqual(FIRST / 2)
    expect(timeout).toBeLessThanOrEqual(MOST)
  }
}

/** Plays a plan to its end, and far beyond it. */
async function play({ alone, strategy, members, max, acts }: Plan): Promise<void> {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, grace: GRACE })
  const all = (alone ? members.slice(0, 1) : members).map(
    (member, at) => new Played(member, clock, alone ? '/app/it' : `/app/it/m${at}`),
  )
  const failures: unknown[] = []
  /** When one of its own ends led to another life. */
  const restarts: number[] = []
  const count = (): void => {
    for (const played of all) {
      const { restarts: now = 0 } = played.handle ?? {}
      if (now > played.restarts) restarts.push(played.askedAt)
      expect(now - played.restarts).toBeLessThanOrEqual(1)
      played.restarts = now
    }
  }
  life.subscribe((event) => {
    if (event.type !== 'supervised.changed') return
    try {
      count()
      // Where they belong together, a new end replaces the wait that is under way, and they wait as one.
      if (strategy !== 'one_for_one') {
        if (event.state === 'stopping') for (const each of all) each.notBefore = 0
        if (event.timeout !== undefined) for (const each of all) each.notBefore = clock.now() + event.timeout
      }
      all.find(({ path }) => path === event.path)?.changed(event)
    } catch (error) {
      failures.push(error)
    }
  })
  const definitions = all.map((played) => ({
    start: (scope: Inner) => {
      try {
        // Those before it are there, or will never be; later on, only where the strategy says that it needs them.
        const before = strategy === 'one_for_one' && played.begun > 0 ? [] : all.slice(0, all.indexOf(played))
        for (const { handle, begun } of before)
          if (begun > 0) expect(['ready', 'stopped', 'failed']).toContain(handle?.state)
        return played.start(scope)
      } catch (error) {
        if ((error as Error).message !== 'at once') failures.push(error)
        throw error
      }
    },
    readyWhen: played.readyWhen,
    giveUpWhen: () => {
      played.askedAt = clock.now()
      return false
    },
    readyTimeout: READY_TIMEOUT,
    restart: played.plan.restart,
    backoff: { first: FIRST, max: MOST, jitter: 0.5 },
    stable: 30,
  }))
  const options = { intensity: { max, period: PERIOD } }
  const [only] = definitions
  const stopAll: () => Promise<void> = alone && only !== undefined ? single() : several()
  function single(): () => Promise<void> {
    const { start, ...policy } = only as NonNullable<typeof only>
    const handle = supervise(life, 'it', start, { ...policy, ...options })
    for (const played of all) played.handle = handle
    return () => handle.stop()
  }
  function several(): () => Promise<void> {
    const named = Object.fromEntries(definitions.map((definition, at) => [`m${at}`, definition]))
    const group = superviseGroup(life, 'it', named, { strategy, ...options })
    for (const [at, played] of all.entries()) played.handle = group.members[`m${at}`] as Supervised
    return () => group.stop()
  }

  for (const { at, what, member } of acts) {
    clock.setTimeout(() => {
      const played = all[member % all.length] as Played
      // Whatever waits may begin now, since a person wants it so.
      if (what === 'restart') for (const each of all) each.notBefore = 0
      if (what === 'restart') void played.handle?.restart()
      else if (what === 'stop') void played.handle?.stop()
      else if (what === 'stopAll') void stopAll()
      else {
        // Another's closing comes first, and takes a while.
        if (what === 'closeLate' && life.state === 'open') life.defer(() => wait(clock, 25))
        void life.close()
      }
    }, at)
  }
  await clock.advance(1_000)
  count()
  const closing = life.close()
  await clock.advance(1_000)
  await closing
  expect(failures).toEqual([])
  const begun = all.map((played) => played.begun)
  await clock.advance(1_000)

  for (const played of all) {
    expect(['stopped', 'failed']).toContain(played.state)
    expect(await played.handle?.ended).toMatchObject({ state: played.state })
    expect(played.handle?.incarnation).toBe(played.begun)
    expect(played.scope?.state ?? 'closed').toBe('closed')
    // Those that heed nothing live on; nobody was put beside one.
    expect(played.living).toBe(played.deaf)
    expect(played.deaf).toBeLessThanOrEqual(1)
  }
  expect(all.map((played) => played.begun)).toEqual(begun)
  const sorted = restarts.toSorted((one, other) => one - other)
  for (const [at, moment] of sorted.entries()) {
    const oldest = sorted[at - max]
    if (max > 0 && oldest !== undefined) expect(moment - oldest).toBeGreaterThan(PERIOD)
  }
  if (max === 0) expect(restarts).toEqual([])
  const scope = scopeOf(life)
  expect([scope.entries.size, clock.pending, listeners(scope.signal)]).toEqual([0, 0, { abort: 0 }])
}

test('whatever its lives do and whoever steps in, one lives at a time, and nothing is left', async () => {
  await fc.assert(fc.asyncProperty(plan, play), { numRuns: 300 })
})
