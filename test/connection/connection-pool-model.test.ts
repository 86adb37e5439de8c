import type { ConnectionPool, Lease } from 'endswell/connection'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Backend, settled, type Wire } from './backend.ts'

const rounds = Number(process.env['ENDSWELL_ROUNDS'] ?? 1)
const runs = 1_000 * rounds

const number = fc.nat({ max: 1_000 })
const ms = fc.constantFrom(0, 1, 5, 20, 100, 600, 3_000)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('acquire' as const), timeout: ms, signal: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('release' as const), which: number }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms }) },
  fc.record({
    do: fc.constantFrom('again' as const, 'destroy' as const, 'abort' as const, 'gone' as const),
    which: number,
  }),
  fc.record({ do: fc.constantFrom('clear' as const, 'sweep' as const, 'deliver' as const) }),
  fc.record({ do: fc.constant('weather' as const), create: fc.constantFrom('ok', 'fail', 'throw', 'slow') }),
  fc.record({ do: fc.constant('health' as const), validate: fc.constantFrom('ok', 'bad', 'throw', 'slow') }),
)
const plan = fc.record({
  max: fc.integer({ min: 1, max: 4 }),
  min: fc.integer({ min: 0, max: 2 }),
  maxWaiting: fc.integer({ min: 1, max: 6 }),
  maxConnecting: fc.integer({ min: 1, max: 3 }),
  maxUses: fc.constantFrom(2, Number.POSITIVE_INFINITY),
  idleTimeout: fc.constantFrom(50, 10_000),
  maxLifetime: fc.constantFrom(200, 10_000),
  validateAfter: fc.constantFrom(0, 10),
  steps: fc.array(step, { minLength: 5, maxLength: 40 }),
})
type Plan = typeof plan extends fc.Arbitrary<infer P> ? P : never
type Step = Plan['steps'][number]

/** A pool that is played with, and what must hold of it all the time. */
class Play {
  readonly broken: string[] = []
  readonly backend = new Backend()
  readonly pool: ConnectionPool<Wire>
  readonly #plan: Plan
  readonly #leases: Lease<Wire>[] = []
  readonly #released: Lease<Wire>[] = []
  readonly #controllers: AbortController[] = []
  readonly #owners = new Map<Wire, Lease<Wire>>()
  readonly #slow: (() => void)[] = []
  #validate: () => unknown = () => true
  #asked = 0
  #lastServed = 0
  #pending = 0
  #gone = 0

  constructor(plan: Plan) {
    this.#plan = plan
    const { steps: _, ...options } = plan
    this.pool = this.backend.pool({
      ...options,
      min: Math.min(plan.min, plan.max),
      createTimeout: 1_000,
      validateTimeout: 100,
      validate: () => this.#validate(),
    })
  }

  async run(): Promise<string[]> {
    for (const step of this.#plan.steps) {
      await this.#take(step)
      await settled()
      this.#look(JSON.stringify(step))
    }
    await this.#end()
    return this.broken
  }

  #check(holds: boolean, what: string): void {
    if (!holds) this.broken.push(what)
  }

  async #take(step: Step): Promise<void> {
    if (step.do === 'acquire') return this.#acquire(step.timeout, step.signal)
    if (step.do === 'wait') return await this.backend.clock.advance(step.ms)
    if (step.do === 'weather') return this.#weather(step.create)
    if (step.do === 'health') return this.#health(step.validate)
    if (step.do === 'release' || step.do === 'destroy') return this.#giveBack(pick(this.#leases, step.which), step.do)
    if ('which' in step) return this.#disturb(step.do, step.which)
    if (step.do === 'clear') return this.pool.clear()
    if (step.do === 'deliver') return this.#deliver()
    this.pool.sweep({ pressure: { level: 'critical', usage: 1 } })
  }

  #acquire(timeout: number, withSignal: boolean): void {
    this.#asked += 1
    this.#pending += 1
    const asked = this.#asked
    const { clock } = this.backend
    const deadline = clock.now() + timeout
    const controller = new AbortController()
    if (withSignal) this.#controllers.push(controller)
    this.pool.acquire({ timeout, ...(withSignal && { signal: controller.signal }) }).then(
      (lease) => this.#got(lease, asked, deadline),
      (error) => {
        this.#pending -= 1
        const isLate = error?.code === 'ERR_TIMEOUT'
        this.#check(
          !isLate || clock.now() === deadline,
          `a waiter of ${timeout} ms was late by ${clock.now() - deadline}`,
        )
      },
    )
  }

  #got(lease: Lease<Wire>, asked: number, deadline: number): void {
    this.#pending -= 1
    const wire = lease.value
    this.#check(!this.#owners.has(wire), `connection ${wire.id} has two owners`)
    this.#check(this.backend.open.has(wire.id), `connection ${wire.id} was lent after its end`)
    this.#check(asked > this.#lastServed, `${asked} was served after ${this.#lastServed}`)
    this.#check(this.backend.clock.now() <= deadline, `${asked} was served after its deadline`)
    this.#lastServed = asked
    this.#owners.set(wire, lease)
    this.#leases.push(lease)
  }

  #giveBack(lease: Lease<Wire> | undefined, how: 'release' | 'destroy'): void {
    if (lease === undefined) return
    this.#leases.splice(this.#leases.indexOf(lease), 1)
    this.#released.push(lease)
    this.#owners.delete(lease.value)
    lease[how]()
  }

  #disturb(how: 'again' | 'abort' | 'gone', which: number): void {
    if (how === 'again') pick(this.#released, which)?.release()
    else if (how === 'abort') pick(this.#controllers, which)?.abort('off')
    else {
      this.#gone += 1
      pick([...this.backend.leave.values()], which)?.()
    }
  }

  #deliver(): void {
    for (const open of this.#slow.splice(0)) open()
  }

  #slowly<T>(bring: () => T): Promise<T> {
    return new Promise((resolve) => this.#slow.push(() => resolve(bring())))
  }

  #weather(create: string): void {
    const { backend } = this
    if (create === 'ok') backend.create = undefined
    else if (create === 'fail') backend.create = () => Promise.reject(new Error('refused'))
    else if (create === 'slow') backend.create = () => this.#slowly(() => backend.connect())
    else {
      backend.create = () => {
        throw new Error('refused')
      }
    }
  }

  #health(validate: string): void {
    if (validate === 'ok') this.#validate = () => true
    else if (validate === 'bad') this.#validate = () => Promise.resolve(false)
    else if (validate === 'slow') this.#validate = () => this.#slowly(() => true)
    else {
      this.#validate = () => {
        throw new Error('bad')
      }
    }
  }

  #look(after: string): void {
    const { size, idle, leased, checking, ending, connecting, waiting, opened, closed, failed } = this.pool.stats()
    const { max, maxWaiting, maxConnecting } = this.#plan
    const open = this.backend.open.size
    this.#check(size === idle + leased + checking + ending, `${after}: ${size} connections, and states of others`)
    this.#check(size + connecting <= max, `${after}: ${size} open and ${connecting} being opened`)
    this.#check(open === size && open === opened - closed, `${after}: ${open} are open, and it says ${size}`)
    this.#check(waiting <= maxWaiting && connecting <= maxConnecting, `${after}: too many wait or are opened`)
    this.#check(waiting === this.#pending, `${after}: ${this.#pending} wait, and it says ${waiting}`)
    // After failures, and where connections are gone again and again, it waits before it opens another.
    const isPausing = failed > 0 || this.#gone > 3
    const isAtItsLimit = size + connecting === max || connecting === maxConnecting || isPausing
    this.#check(isAtItsLimit || waiting <= checking + connecting, `${after}: ${waiting} wait for nothing`)
    this.#check(idle === 0 || waiting <= checking + connecting, `${after}: ${waiting} wait and ${idle} are idle`)
  }

  async #end(): Promise<void> {
    const { clock, open } = this.backend
    let isOver = false
    const closing = this.pool.close({ timeout: 100 }).then((end) => {
      isOver = true
      return end
    })
    await settled()
    this.#check(this.#pending === 0, `${this.#pending} wait after the close`)
    await clock.advance(600)
    this.#check(isOver, 'it is not closed')
    this.#deliver()
    await settled()
    await closing
    this.#check(open.size === 0, `${open.size} connections are left`)
    this.#check(clock.pending === 0, `${clock.pending} timers are left`)
    this.#check(new Set(this.backend.destroyed).size === this.backend.destroyed.length, 'one was ended twice')
  }
}

function pick<T>(all: readonly T[], which: number): T | undefined {
  return all[which % Math.max(1, all.length)]
}

test(`one owner, in order, in time and never too many, in ${runs} random stories`, async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (story) => {
      expect(await new Play(story).run()).toEqual([])
    }),
    { numRuns: runs },
  )
}, 600_000)
