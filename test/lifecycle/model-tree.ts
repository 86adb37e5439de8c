import { type Ending, Lifecycle } from 'endswell'
import type { FakeClock } from 'endswell/testing'
import type { ItemPlan, ResourcePlan, ScopePlan } from './model-plans.ts'
import { wait } from './stubs.ts'

/** One thing in a tree, and what became of it. */
export interface Item {
  readonly name: string
  readonly scope: ScopeRecord
  readonly last: boolean
  /** The scope that it is, if it is one. */
  readonly inside: ScopeRecord | undefined
  /** Siblings that must not begin to end before this one has ended. */
  readonly dependencies: Set<Item>
  /** Whether it is a task that ends by itself, whatever it is told. */
  readonly isEarly: boolean
  /** How often each of its functions was called. */
  closes: number
  forces: number
  /** Whether its end is no longer its scope's affair alone: somebody released it or closes it. */
  touched: boolean
  begun: boolean
  /** How it left, once it has. */
  end: 'ended' | 'left' | 'forgotten' | undefined
}

/** One lifecycle of the tree. */
export interface ScopeRecord {
  life: Lifecycle
  /** The one that it is in, until it is moved out or forgotten. */
  parent: ScopeRecord | undefined
  readonly plan: ScopePlan
  readonly items: Item[]
  /** What it is in its first parent. */
  own: Item | undefined
  closing: boolean
  /** What `close()` was given when it began. */
  timeout: number | undefined
  /** From when on everything in it is forced. */
  deadline: number
}

/** What the resources of a tree do when they are ended. */
export interface Behaviour {
  /** A task is told to stop. */
  begin(item: Item): void
  close(item: Item, plan: ResourcePlan): unknown
  force(item: Item, plan: ResourcePlan): unknown
  /** What an early task does in the end. */
  endEarly(plan: ResourcePlan, name: string): unknown
  /** What the promise of a task rejects with. */
  told(error: unknown): void
}

type Place = Omit<ItemPlan, 'what'>
type Edges = { readonly last: boolean; readonly dependsOn: readonly string[]; readonly requiredBy: readonly string[] }

/** A tree of lifecycles, and a record of all that is in it. */
export class Tree {
  readonly scopes: ScopeRecord[] = []
  readonly items: Item[] = []
  readonly #clock: FakeClock
  readonly #behaviour: Behaviour

  constructor(plan: ScopePlan, clock: FakeClock, behaviour: Behaviour) {
    this.#clock = clock
    this.#behaviour = behaviour
    this.#open(plan, undefined, { last: false, dependsOn: [], requiredBy: [] })
  }

  get root(): ScopeRecord {
    return this.scopes[0] as ScopeRecord
  }

  scopeAt(target: number): ScopeRecord {
    return this.scopes[target % this.scopes.length] as ScopeRecord
  }

  #open(plan: ScopePlan, parent: ScopeRecord | undefined, place: Place): void {
    const { order, timeout, grace } = plan
    const options = { order, ...(timeout === undefined ? {} : { timeout }), ...(grace === undefined ? {} : { grace }) }
    const name = `s${this.scopes.length}`
    const deadline = Number.POSITIVE_INFINITY
    const state = { own: undefined, closing: false, timeout: undefined, deadline }
    const record: ScopeRecord = { life: undefined as unknown as Lifecycle, parent, plan, items: [], ...state }
    if (parent === undefined) record.life = new Lifecycle({ name, clock: this.#clock, ...options })
    else {
      const register = (edges: Edges): void => {
        record.life = parent.life.scope(name, { ...options, ...edges })
      }
      record.own = this.#add({ name, scope: parent, inside: record, isEarly: false }, place, register)
    }
    this.scopes.push(record)
    for (const item of plan.items) {
      if ('items' in item.what) this.#open(item.what, record, item)
      else this.register(record, item.what, item)
    }
  }

  /** Registers something with its edges; without those that would make a circle. */
  #add(
    what: Pick<Item, 'name' | 'scope' | 'inside' | 'isEarly'>,
    { last, dependsOn, requiredBy }: Place,
    register: (edges: Edges) => void,
  ): Item {
    const { scope } = what
    const siblings = scope.items.filter(({ end }) => end === undefined)
    const pick = (places: readonly number[]): Item[] =>
      siblings.length === 0 ? [] : places.map((at) => siblings[at % siblings.length] as Item)
    const names = (items: readonly Item[]): string[] => items.map(({ name }) => name)
    const state = { closes: 0, forces: 0, touched: false, begun: false, end: undefined }
    const item: Item = { ...what, last, dependencies: new Set(), ...state }
    const [older, younger] = [pick(dependsOn), pick(requiredBy)]
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

  /** Registers a resource. Throws what its lifecycle throws. */
  register(scope: ScopeRecord, plan: ResourcePlan, place: Place): void {
    const { sort, grace } = plan
    const name = `r${this.items.length}`
    let item: Item
    const close = (): unknown => this.#behaviour.close(item, plan)
    const force = (): unknown => this.#behaviour.force(item, plan)
    const isEarly = sort === 'early task'
    const work = async (signal: AbortSignal): Promise<unknown> => {
      const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      signal.addEventListener('abort', () => this.#behaviour.begin(item))
      if (!isEarly) return stopped.then(close)
      return wait(this.#clock, 5).then(() => this.#behaviour.endEarly(plan, name))
    }
    item = this.#add({ name, scope, inside: undefined, isEarly }, place, (edges) => {
      const options = { ...edges, ...(grace === undefined ? {} : { grace }) }
      if (sort === 'defer') scope.life.defer(close, { name, ...options })
      else if (sort === 'use') scope.life.use({ [Symbol.asyncDispose]: close }, { name, ...options })
      else if (sort === 'rungs') scope.life.use({}, { name, close: close as Ending<object>, force, ...options })
      else scope.life.task(name, work, options).catch((error) => this.#behaviour.told(error))
    })
  }
}
