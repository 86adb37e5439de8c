import type { LifecycleEvent } from 'endswell'
import type { FakeClock } from 'endswell/testing'
import type { Item, ScopeRecord } from './model-tree.ts'

const ends = { 'resource.ended': 'ended', 'resource.left': 'left', 'resource.forgotten': 'forgotten' } as const

/** What hears of all that happens in a tree, and writes down which rules of order and of time are broken. */
export class Rules {
  readonly broken: string[] = []
  /** Every error that anybody was told of. */
  readonly told = new Set<unknown>()
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  /** An item begins to end. Until everything is forced, and for what nobody ends out of turn, it must be its turn. */
  begin(item: Item): void {
    item.begun = true
    const { scope } = item
    if (item.touched || !scope.closing || this.#clock.now() >= this.deadlineOf(scope)) return
    for (const other of scope.items) {
      if (other === item || other.end !== undefined) continue
      if (other.dependencies.has(item))
        this.broken.push(`${item.name} began before ${other.name} ended, which needs it`)
      if (scope.plan.order === 'reverse' && other.begun && !other.touched) {
        this.broken.push(`${item.name} began while ${other.name} was under way`)
      }
    }
    if (scope.plan.order === 'reverse') this.#checkTurn(item)
  }

  /** One by one, the newest comes that nothing needs any more; those that are last come after the others. */
  #checkTurn(item: Item): void {
    const { scope } = item
    const there = scope.items.filter(({ end }) => end === undefined)
    const waits = there.filter((other) => other === item || (!other.begun && !other.touched))
    const free = waits.filter((other) => !there.some(({ dependencies }) => dependencies.has(other)))
    const turn = free.findLast(({ last }) => !last) ?? free.at(-1)
    if (turn !== item) this.broken.push(`${item.name} began when it was the turn of ${turn?.name}`)
  }

  /** The moment from which on everything in a scope is forced: its own, or one above. */
  deadlineOf({ deadline, parent }: ScopeRecord): number {
    return parent === undefined ? deadline : Math.min(deadline, this.deadlineOf(parent))
  }

  /** Something happened, in a tree of those scopes and items. */
  hear(event: LifecycleEvent, scopes: readonly ScopeRecord[], items: readonly Item[]): void {
    this.tell(event.error)
    if (event.type === 'lifecycle.closing') {
      const scope = scopes.find(({ life }) => life.path === event.path)
      if (scope !== undefined) this.#closingBegins(scope)
    }
    const name = event.path.split('/').at(-1)
    const item = items.find((each) => each.name === name)
    if (item === undefined || !(event.type in ends)) return
    const how = ends[event.type as keyof typeof ends]
    if (item.end !== undefined) this.broken.push(`${item.name} ${how} after it had ${item.end}`)
    item.end = how
  }

  #closingBegins(scope: ScopeRecord): void {
    scope.closing = true
    const { own, plan } = scope
    const isOnItsOwn = own === undefined || own.touched
    const inherited = isOnItsOwn ? this.#inheritedTimeout(scope) : Number.POSITIVE_INFINITY
    const timeout = scope.timeout ?? plan.timeout ?? inherited
    scope.deadline = Math.min(scope.deadline, this.#clock.now() + timeout)
    if (own !== undefined && own.end === undefined) this.begin(own)
  }

  #inheritedTimeout({ plan, parent }: ScopeRecord): number {
    return plan.timeout ?? (parent === undefined ? 25_000 : this.#inheritedTimeout(parent))
  }

  /** Somebody was told of an error, and of what it hides. */
  tell(error: unknown): void {
    this.told.add(error)
    const { error: newer, suppressed, cause } = (error ?? {}) as Record<string, unknown>
    for (const hidden of [newer, suppressed, cause]) if (hidden !== undefined) this.tell(hidden)
  }
}
