import fc from 'fast-check'

/** How a function of a resource ends: `after` so many ms on the clock, where that is more than 0. */
export interface Temper {
  readonly does: 'return' | 'throw' | 'resolve' | 'reject' | 'hang'
  readonly after: number
}

/** What is done to the tree: from outside, or by a resource while it is ended. */
export interface Act {
  readonly does:
    | 'register'
    | 'release'
    | 'forget'
    | 'close own'
    | 'close parent'
    | 'close root'
    | 'close any'
    | 'dispose own'
    | 'dispose root'
    | 'force own'
    | 'force root'
    | 'shorten root'
    | 'shorten any'
  /** In the call itself, after an await, or after some ms. */
  readonly when: 'at once' | 'after a turn' | 'later'
  /** Whether the disposer waits for it: perhaps for itself. */
  readonly awaits: boolean
  /** Which resource or scope it is done to, counted among all. */
  readonly target: number
}

/** A resource: one rung (`defer`, `use`), two rungs, or a task, which may end by itself. */
export interface ResourcePlan {
  readonly sort: 'defer' | 'use' | 'rungs' | 'task' | 'early task'
  readonly close: Temper
  readonly force: Temper
  readonly grace: number | undefined
  readonly acts: readonly Act[]
}

/** A scope and what is in it, in order of registration. */
export interface ScopePlan {
  readonly order: 'reverse' | 'parallel'
  readonly timeout: number | undefined
  readonly grace: number | undefined
  readonly items: readonly ItemPlan[]
}

/** A place among siblings, and what stands there. The edges are to older siblings, counted from the first. */
export interface ItemPlan {
  readonly what: ResourcePlan | ScopePlan
  readonly last: boolean
  readonly dependsOn: readonly number[]
  readonly requiredBy: readonly number[]
}

/** A whole story: a tree, what is done to it while it is open, how it ends, and what happens meanwhile. */
export interface Plan {
  readonly root: ScopePlan
  readonly before: readonly Act[]
  readonly moves: readonly number[]
  readonly end: 'close' | 'dispose' | 'force' | 'shorten'
  readonly during: readonly { readonly after: number; readonly act: Act }[]
}

/** A long time in which something happens rarely, and a short one in which much does. */
const span = fc.constantFrom(0, 1, 10, 40, 150)
const temper: fc.Arbitrary<Temper> = fc.record({
  does: fc.constantFrom('return', 'return', 'throw', 'resolve', 'resolve', 'reject', 'hang'),
  after: span,
})
const act: fc.Arbitrary<Act> = fc.record({
  does: fc.constantFrom<Act['does'][]>(
    'register',
    'release',
    'release',
    'forget',
    'close own',
    'close parent',
    'close root',
    'close any',
    'dispose own',
    'dispose root',
    'force own',
    'force root',
    'shorten root',
    'shorten any',
  ),
  when: fc.constantFrom('at once', 'after a turn', 'later'),
  awaits: fc.boolean(),
  target: fc.nat(30),
})
const seldom = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(arbitrary, { maxLength: 2 }) })
const perhaps = (...values: number[]): fc.Arbitrary<number | undefined> => fc.constantFrom(undefined, ...values)

const resource: fc.Arbitrary<ResourcePlan> = fc.record({
  sort: fc.constantFrom('defer', 'defer', 'use', 'rungs', 'rungs', 'task', 'early task'),
  close: temper,
  force: temper,
  grace: perhaps(0, 20, 100),
  acts: seldom(act),
})
const { scope } = fc.letrec<{ item: ItemPlan; scope: ScopePlan }>((tie) => ({
  item: fc.record({
    what: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 4, arbitrary: resource },
      { weight: 1, arbitrary: tie('scope') },
    ),
    last: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    dependsOn: seldom(fc.nat(6)),
    requiredBy: seldom(fc.nat(6)),
  }),
  scope: fc.record({
    order: fc.constantFrom('reverse', 'reverse', 'parallel'),
    timeout: perhaps(0, 30, 200),
    grace: perhaps(0, 50),
    items: fc.array(tie('item'), { maxLength: 6 }),
  }),
}))

/** Any story. */
export const plan: fc.Arbitrary<Plan> = fc.record({
  root: scope,
  before: seldom(act),
  moves: seldom(fc.nat(10)),
  end: fc.constantFrom('close', 'close', 'close', 'dispose', 'dispose', 'force', 'shorten'),
  during: seldom(fc.record({ after: span, act })),
})
