import { type Ending, Lifecycle, type LifecycleEvent, type Report } from 'endswell'
import { FakeClock } from 'endswell/testing'
import type { Act, ItemPlan, Plan, ResourcePlan, ScopePlan, Temper } from './model-plans.ts'
import { wait } from './stubs.ts'

/** How long a thing may take that was forced. */
const WINDOW = 1_000

/** One thing in a tree, and what became of it. */
interface Item {
  readonly name: string
  readonly scope: ScopeRecord
  /** Older and younger siblings that must not begin to end before this one has ended. */
  readonly dependencies: Set<Item>
  readonly inside: ScopeRecord | undefined
  /** How often each of its functions was called. */
  closes: number
  forces: number
  /** Whether its end is no longer its scope's affair alone: somebody released it or closes it. */
  touched: boolean
  /** How it left, once it has. */
  end: 'ended' | 'left' | 'forgotten' | undefined
  begun: boolean
  /** Whether it is a task that ends by itself, whatever it is told. */
  isEarly: boolean
}

/** One lifecycle of the tree. */
interface ScopeRecord {
  life: Lifecycle
  parent: ScopeRecord | undefined
  readonly plan: ScopePlan
  readonly items: Item[]
  readonly own: Item | undefined
  /** From when on everything in it is forced. */
  deadline: number
  closing: boolean
  /** What `close()` was given when it began. */
  timeout: number | undefined
}

/** Somebody's wish that something end, and when that was answered. */
interface Wish {
  readonly of: ScopeRecord
  readonly what: string
  readonly madeAt: number
  settledAt: number | undefined
}

/** A tree of lifecycles that lives through a plan, and writes down every rule that is broken. */
export class World {
  readonly clock = new FakeClock()
  readonly broken: string[] = []
  readonly scopes: ScopeRecord[] = []
  readonly items: Item[] = []
  readonly wishes: Wish[] = []
  readonly reports: Report[] = []
  /** Everything that was thrown by a resource, and everything that was told of. */
  readonly thrown = new Set<Error>()
  readonly told = new Set<unknown>()
  readonly #plan: Plan
  #serial = 0

  constructor(plan: Plan) {
    this.#plan = plan
    this.#open(plan.root, undefined, { last: false, dependsOn: [], requiredBy: [] })
  }

  get #root(): ScopeRecord {
    return this.scopes[0] as ScopeRecord
  }

  /** Lives through the plan, until nothing moves any more. */
  async live(): Promise<void> {
    const { before, moves, end, during } = this.#plan
    for (const act of before) void this.#act(act, this.#root)
    await this.#drain(40)
    for (const target of moves) this.#move(this.#scopeAt(target))
    const root = this.#root
    if (end === 'dispose') void this.#wish(root, 'dispose')
    else void this.#wish(root, end === 'close' ? 'close' : end)
    for (const { after, act } of during) {
      await this.clock.advance(after)
      void this.#act(act, root)
    }
    await this.#drain(Number.POSITIVE_INFINITY)
    for (const scope of this.scopes.filter(({ life }) => life.state !== 'closed')) {
      if (!this.#isLost(scope)) this.broken.push(`${scope.life.path} is ${scope.life.state} after all has ended`)
      void this.#wish(scope, 'close')
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
    for (let turn = 0; turn < 2_000 && this.clock.pending > 0 && this.clock.now() < until; turn += 1)
      await this.clock.next()
  }

  #open(plan: ScopePlan, parent: ScopeRecord | undefined, place: Omit<ItemPlan, 'what'>): Item | undefined {
    const { order, timeout, grace } = plan
    const options = { order, ...(timeout === undefined ? {} : { timeout }), ...(grace === undefined ? {} : { grace }) }
    const name = this.#name('s')
    const register = (more: object): Lifecycle => parent?.life.scope(name, { ...options, ...more }) as Lifecycle
    let own: Item | undefined
    const record: ScopeRecord = {
      life: undefined as unknown as Lifecycle,
      parent,
      plan,
      items: [],
      get own() {
        return own
      },
      deadline: Number.POSITIVE_INFINITY,
      closing: false,
      timeout: undefined,
    }
    if (parent === undefined) record.life = new Lifecycle({ name, clock: this.clock, ...options })
    else
      own = this.#add(
        parent,
        name,
        place,
        (more) => {
          record.life = register(more)
        },
        record,
      )
    if (parent === undefined) record.life.subscribe((event) => this.#hear(event))
    this.scopes.push(record)
    for (const item of plan.items) this.#register(record, item)
    return own
  }

  #register(scope: ScopeRecord, item: ItemPlan): void {
    if ('items' in item.what) this.#open(item.what, scope, item)
    else this.#resource(scope, item.what, item)
  }

  #name(letter: string): string {
    this.#serial += 1
    return `${letter}${this.#serial}`
  }

  /** Registers something with its edges; without those that would make a circle. */
  #add(
    scope: ScopeRecord,
    name: string,
    { last, dependsOn, requiredBy }: Omit<ItemPlan, 'what'>,
    register: (edges: { last: boolean; dependsOn: string[]; requiredBy: string[] }) => void,
    inside?: ScopeRecord,
  ): Item {
    const siblings = scope.items.filter(({ end }) => end === undefined)
    const pick = (places: readonly number[]): Item[] =>
      siblings.length === 0 ? [] : places.map((at) => siblings[at % siblings.length] as Item)
    const item: Item = {
      name,
      scope,
      dependencies: new Set(),
      inside,
      closes: 0,
      forces: 0,
      touched: false,
      end: undefined,
      begun: false,
      isEarly: false,
    }
    const [older, younger] = [pick(dependsOn), pick(requiredBy)]
    const names = (items: Item[]): string[] => items.map((each) => each.name)
    this.items.push(item)
    scope.items.push(item)
    try {
      register({ last, dependsOn: names(older), requiredBy: names(younger) })
      for (const each of younger) each.dependencies.add(item)
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_CYCLE') {
        this.items.pop()
        scope.items.pop()
        throw error
      }
      register({ last, dependsOn: names(older), requiredBy: [] })
    }
    for (const each of older) item.dependencies.add(each)
    return item
  }

  #resource(scope: ScopeRecord, plan: ResourcePlan, place: Omit<ItemPlan, 'what'>): void {
    const { sort, grace } = plan
    const name = this.#name('r')
    let item: Item
    const close = (): unknown => this.#close(item, plan)
    const force = (): unknown => this.#force(item, plan)
    item = this.#add(scope, name, place, (edges) => {
      const options = { ...edges, ...(grace === undefined ? {} : { grace }) }
      if (sort === 'defer') scope.life.defer(close, { name, ...options })
      else if (sort === 'use') scope.life.use({ [Symbol.asyncDispose]: close }, { name, ...options })
      else if (sort === 'rungs') scope.life.use({}, { name, close: close as Ending<object>, force, ...options })
      else void this.#task(scope, name, sort === 'early task', plan, close, options)
    })
    item.isEarly = sort === 'early task'
  }

  #task(
    scope: ScopeRecord,
    name: string,
    early: boolean,
    plan: ResourcePlan,
    close: () => unknown,
    options: object,
  ): void {
    const work = (signal: AbortSignal): unknown => {
      if (early) return wait(this.clock, 5).then(() => this.#end(plan.close, name))
      return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())).then(close)
    }
    scope.life.task(name, work, options).catch((error) => this.told.add(error))
  }

  /** What ending a resource gently does: it checks that it may begin, does its acts, and ends as its temper is. */
  #close(item: Item, plan: ResourcePlan): unknown {
    item.closes += 1
    if (item.closes > 1) this.broken.push(`${item.name} was closed ${item.closes} times`)
    this.#begin(item)
    const awaited = plan.acts.map((act) => this.#act(act, item.scope)).filter((_, at) => plan.acts[at]?.awaits)
    if (awaited.length === 0) return this.#end(plan.close, item.name)
    return Promise.all(awaited).then(() => this.#end(plan.close, item.name))
  }

  #force(item: Item, plan: ResourcePlan): unknown {
    item.forces += 1
    if (item.forces > 1) this.broken.push(`${item.name} was forced ${item.forces} times`)
    if (!item.begun) this.#begin(item)
    return this.#end(plan.force, item.name)
  }

  #end({ does, after }: Temper, name: string): unknown {
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

  /** The rules of order, which hold until everything is forced, and for what nobody ends out of turn. */
  #begin(item: Item): void {
    item.begun = true
    const { scope } = item
    if (item.touched || this.#isHurried(scope) || !scope.closing) return
    for (const other of scope.items) {
      if (other === item || other.end !== undefined) continue
      if (other.dependencies.has(item))
        this.broken.push(`${item.name} began before ${other.name}, which depends on it, ended`)
      const isUnderWay = other.begun && !other.touched
      if (scope.plan.order === 'reverse' && isUnderWay)
        this.broken.push(`${item.name} began while ${other.name} was under way`)
    }
  }

  #isHurried(scope: ScopeRecord): boolean {
    return this.clock.now() >= this.deadlineOf(scope)
  }

  /** The moment from which on everything in a scope is forced: its own, or one above. */
  deadlineOf(scope: ScopeRecord): number {
    return Math.min(
      scope.deadline,
      scope.parent === undefined ? Number.POSITIVE_INFINITY : this.deadlineOf(scope.parent),
    )
  }

  #hear(event: LifecycleEvent): void {
    this.told.add(event.error)
    const name = event.path.split('/').at(-1)
    const scope = this.scopes.find(({ life }) => life.path === event.path)
    const item = this.items.find((each) => each.name === name)
    if (event.type === 'lifecycle.closing' && scope !== undefined) this.#closingBegins(scope)
    if (item === undefined) return
    if (event.type === 'resource.ended') this.#gone(item, 'ended')
    if (event.type === 'resource.left') this.#gone(item, 'left')
    if (event.type === 'resource.forgotten') this.#gone(item, 'forgotten')
  }

  #gone(item: Item, end: 'ended' | 'left' | 'forgotten'): void {
    if (item.end !== undefined) this.broken.push(`${item.name} ${end} after it had ${item.end}`)
    item.end = end
  }

  #closingBegins(scope: ScopeRecord): void {
    scope.closing = true
    const { own } = scope
    const timeout =
      scope.timeout ??
      scope.plan.timeout ??
      (own === undefined || own.touched ? this.#inheritedTimeout(scope) : Number.POSITIVE_INFINITY)
    scope.deadline = Math.min(scope.deadline, this.clock.now() + timeout)
    if (own !== undefined && own.end === undefined) this.#begin(own)
  }

  #inheritedTimeout({ plan, parent }: ScopeRecord): number {
    return plan.timeout ?? (parent === undefined ? 25_000 : this.#inheritedTimeout(parent))
  }

  #scopeAt(target: number): ScopeRecord {
    return this.scopes[target % this.scopes.length] as ScopeRecord
  }

  #move(scope: ScopeRecord): void {
    if (scope.life.state !== 'open') return
    scope.life = scope.life.move()
    if (scope.parent !== undefined) this.#isOnItsOwn(scope)
  }

  #isOnItsOwn(scope: ScopeRecord): void {
    scope.life.subscribe((event) => this.#hear(event))
    scope.parent = undefined
  }

  async #act(act: Act, own: ScopeRecord): Promise<void> {
    if (act.when === 'after a turn') await undefined
    if (act.when === 'later') await wait(this.clock, 15)
    const { does, target } = act
    const any = this.#scopeAt(target)
    if (does === 'register') return this.#registerLate(own)
    if (does === 'release' || does === 'forget') return this.#lose(does, target)
    const [how, whom] = does.split(' ') as [
      'close' | 'dispose' | 'force' | 'shorten',
      'own' | 'parent' | 'root' | 'any',
    ]
    const whose = { own, parent: own.parent ?? own, root: this.#root, any }[whom]
    await this.#wish(whose, how)
  }

  #registerLate(scope: ScopeRecord): void {
    const plan: ResourcePlan = {
      sort: 'defer',
      close: { does: 'resolve', after: 10 },
      force: { does: 'return', after: 0 },
      grace: undefined,
      acts: [],
    }
    const { state } = scope.life
    try {
      this.#resource(scope, plan, { last: false, dependsOn: [], requiredBy: [] })
      if (state !== 'open') this.broken.push(`a ${state} lifecycle took a resource`)
    } catch (error) {
      if (state === 'open' || (error as Error).constructor !== ReferenceError) throw error
    }
  }

  async #lose(does: 'release' | 'forget', target: number): Promise<void> {
    const item = this.items[target % Math.max(1, this.items.length)]
    if (item === undefined || item.end !== undefined) return
    const { life } = item.scope
    if (does === 'forget') {
      if (life.forget(item.name) && item.inside !== undefined) this.#isOnItsOwn(item.inside)
      return
    }
    item.touched = true
    if (item.inside !== undefined && item.inside.life.state === 'open') item.inside.deadline = Number.POSITIVE_INFINITY
    const wish = this.#made(item.inside ?? item.scope, `release of ${item.name}`)
    await life.release(item.name)
    wish.settledAt = this.clock.now()
  }

  #made(of: ScopeRecord, what: string): Wish {
    const wish: Wish = { of, what, madeAt: this.clock.now(), settledAt: undefined }
    this.wishes.push(wish)
    return wish
  }

  /** Closes a scope, in one way or another, and writes down when that is over. */
  async #wish(scope: ScopeRecord, how: 'close' | 'dispose' | 'force' | 'shorten'): Promise<void> {
    const { life, own } = scope
    if (own !== undefined && life.state === 'open') own.touched = true
    const now = this.clock.now()
    const wish = this.#made(scope, how)
    if (how === 'force') scope.deadline = Math.min(scope.deadline, now)
    if (how === 'dispose') {
      await life.disposeAsync().catch((error) => this.#unchain(error))
    } else {
      const options = { force: how === 'force', ...(how === 'shorten' ? { timeout: 25 } : {}) }
      if (how === 'shorten' && life.state === 'open') scope.timeout = 25
      else if (how === 'shorten') scope.deadline = Math.min(scope.deadline, now + 25)
      const report = await life.close(options)
      this.reports.push(report)
      for (const { error } of report.rows) this.told.add(error)
    }
    wish.settledAt = this.clock.now()
    if (wish.settledAt > Math.max(wish.madeAt, this.deadlineOf(scope)) + WINDOW)
      this.broken.push(`${how} settled too late`)
  }

  #unchain(error: unknown): void {
    this.told.add(error)
    const { error: newer, suppressed } = error as { error?: unknown; suppressed?: unknown }
    if (newer !== undefined) this.#unchain(newer)
    if (suppressed !== undefined) this.#unchain(suppressed)
  }
}
