import type { Report } from 'endswell'
import { FakeClock } from 'endswell/testing'
import type { Act, Plan, ResourcePlan, Temper } from './model-plans.ts'
import { Rules } from './model-rules.ts'
import { type Behaviour, type Item, type ScopeRecord, Tree } from './model-tree.ts'
import { wait } from './stubs.ts'

/** How long a thing may take that was forced. */
const WINDOW = 1_000

/** A well-behaved resource, for those that are registered on the way. */
const decent: ResourcePlan = {
  sort: 'defer',
  close: { does: 'resolve', after: 10 },
  force: { does: 'return', after: 0 },
  grace: undefined,
  acts: [],
}

type How = 'close' | 'dispose' | 'force' | 'shorten'

/** Somebody's wish that something end, and when that was answered. */
interface Wish {
  readonly what: string
  readonly madeAt: number
  settledAt: number | undefined
}

/** A tree of lifecycles that lives through a plan. */
export class World implements Behaviour {
  readonly clock = new FakeClock()
  readonly rules = new Rules(this.clock)
  readonly wishes: Wish[] = []
  readonly reports: Report[] = []
  /** Everything that was thrown by a resource. */
  readonly thrown = new Set<Error>()
  readonly tree: Tree
  readonly #plan: Plan

  constructor(plan: Plan) {
    this.#plan = plan
    this.tree = new Tree(plan.root, this.clock, this)
    this.#listen(this.tree.root)
  }

  #listen({ life }: ScopeRecord): void {
    life.subscribe((event) => this.rules.hear(event, this.tree.scopes, this.tree.items))
  }

  /** Lives through the plan, until nothing moves any more. */
  async live(): Promise<void> {
    const { before, moves, end, during } = this.#plan
    const { root, scopes } = this.tree
    for (const act of before) void this.#act(act, root)
    await this.#drain(40)
    for (const target of moves) this.#move(this.tree.scopeAt(target))
    void this.#end(root, end)
    for (const { after, act } of during) {
      await this.clock.advance(after)
      void this.#act(act, root)
    }
    await this.#drain(Number.POSITIVE_INFINITY)
    for (const scope of scopes.filter(({ life }) => life.state !== 'closed')) {
      const { path, state } = scope.life
      if (!this.#isLost(scope)) this.rules.broken.push(`${path} is ${state} after all has ended`)
      void this.#end(scope, 'close')
    }
    await this.#drain(Number.POSITIVE_INFINITY)
  }

  /** Whether it, or one above it, was forgotten or moved out: then the root does not end it. */
  #isLost({ own, parent }: ScopeRecord): boolean {
    return parent === undefined ? own !== undefined : this.#isLost(parent)
  }

  async #drain(ms: number): Promise<void> {
    const until = this.clock.now() + ms
    await this.clock.advance(0)
    for (let turn = 0; turn < 2_000 && this.clock.pending > 0 && this.clock.now() < until; turn += 1) {
      await this.clock.next()
    }
  }

  begin(item: Item): void {
    this.rules.begin(item)
  }

  /** What ending a resource gently does: its acts, and then what its temper says. */
  close(item: Item, { acts, close }: ResourcePlan): unknown {
    item.closes += 1
    if (!item.begun) this.begin(item)
    const done = acts.map((act) => this.#act(act, item.scope))
    const awaited = done.filter((_, at) => acts[at]?.awaits)
    if (awaited.length === 0) return this.#behave(close, item.name)
    return Promise.all(awaited).then(() => this.#behave(close, item.name))
  }

  force(item: Item, { force }: ResourcePlan): unknown {
    item.forces += 1
    if (!item.begun) this.begin(item)
    return this.#behave(force, item.name)
  }

  endEarly({ close }: ResourcePlan, name: string): unknown {
    return this.#behave(close, name)
  }

  told(error: unknown): void {
    this.rules.tell(error)
  }

  #behave({ does, after }: Temper, name: string): unknown {
    const fail = (): never => {
      const error = new Error(`${name} fails`)
      this.thrown.add(error)
      throw error
    }
    if (does === 'return') return undefined
    if (does === 'throw') return fail()
    if (does === 'hang') return new Promise(() => {})
    const waited = after === 0 ? Promise.resolve() : wait(this.clock, after)
    return does === 'resolve' ? waited : waited.then(fail)
  }

  async #act({ does, when, target }: Act, own: ScopeRecord): Promise<void> {
    if (when === 'after a turn') await undefined
    if (when === 'later') await wait(this.clock, 15)
    if (does === 'register') return this.#registerLate(own)
    if (does === 'release' || does === 'forget') return this.#lose(does, target)
    const [how, whose] = does.split(' ') as [How, 'own' | 'parent' | 'root' | 'any']
    const { root } = this.tree
    const scope = { own, parent: own.parent ?? own, root, any: this.tree.scopeAt(target) }[whose]
    await this.#end(scope, how)
  }

  #registerLate(scope: ScopeRecord): void {
    const { state } = scope.life
    try {
      this.tree.register(scope, decent, { last: false, dependsOn: [], requiredBy: [] })
      if (state !== 'open') this.rules.broken.push(`a ${state} lifecycle took a resource`)
    } catch (error) {
      if (state === 'open' || (error as Error).constructor !== ReferenceError) throw error
    }
  }

  async #lose(does: 'release' | 'forget', target: number): Promise<void> {
    const { items } = this.tree
    const item = items[target % Math.max(1, items.length)]
    if (item === undefined || item.end !== undefined) return
    const { name, inside, scope } = item
    if (does === 'forget') {
      if (scope.life.forget(name) && inside !== undefined) this.#isOnItsOwn(inside)
      return
    }
    item.touched = true
    const wish = this.#wish(`release of ${name}`)
    await scope.life.release(name)
    wish.settledAt = this.clock.now()
  }

  #move(scope: ScopeRecord): void {
    if (scope.life.state !== 'open') return
    scope.life = scope.life.move()
    if (scope.parent !== undefined) this.#isOnItsOwn(scope)
  }

  #isOnItsOwn(scope: ScopeRecord): void {
    this.#listen(scope)
    scope.parent = undefined
  }

  #wish(what: string): Wish {
    const wish: Wish = { what, madeAt: this.clock.now(), settledAt: undefined }
    this.wishes.push(wish)
    return wish
  }

  /** Ends a scope, in one way or another, and writes down when that is over. */
  async #end(scope: ScopeRecord, how: How): Promise<void> {
    const { life, own } = scope
    const now = this.clock.now()
    const wish = this.#wish(`${how} of ${life.path}`)
    if (own !== undefined && life.state === 'open') own.touched = true
    if (how === 'force') scope.deadline = Math.min(scope.deadline, now)
    if (how === 'shorten' && life.state === 'open') scope.timeout = 25
    else if (how === 'shorten') scope.deadline = Math.min(scope.deadline, now + 25)
    if (how === 'dispose') await life.disposeAsync().catch((error) => this.rules.tell(error))
    else {
      const report = await life.close({ force: how === 'force', ...(how === 'shorten' ? { timeout: 25 } : {}) })
      this.reports.push(report)
      for (const { error } of report.rows) this.rules.tell(error)
    }
    wish.settledAt = this.clock.now()
    const limit = Math.max(now, this.rules.deadlineOf(scope)) + WINDOW
    if (wish.settledAt > limit) this.rules.broken.push(`${wish.what} settled too late`)
  }
}
