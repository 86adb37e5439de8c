import { checkFunction, wrongType } from '../check.ts'
import { Lifecycle, scopeOf } from '../lifecycle.ts'
import { PLAIN, splitPlace } from '../place.ts'
import { checkPolicy, type Definition, type SupervisePolicy, type SupervisionOptions } from './supervise-policy.ts'
import type { Supervised } from './supervised.ts'
import { SupervisedHandle } from './supervised-handle.ts'
import type { SupervisedMember } from './supervised-member.ts'
import { type Plan, Supervisor } from './supervisor.ts'

/**
 * Keeps something alive: calls `start`, and again after each end, at growing intervals, until it is stopped, its
 * lifecycle closes, or it ends too often. The first call is made at once.
 *
 * The promise of `start` is the life: it settles when that is over. Each life has a scope of its own, `/orders/feed/3`,
 * which `start` is given and registers in what it opens. However a life ends, its scope is closed wholly before the next
 * begins, and `scope.signal` aborts when that closing begins. If something in it can't be ended, no other life is begun
 * on top of it: the supervision gives up.
 *
 * Waits grow as `backoff` says. More than `intensity.max` restarts within `intensity.period` ms, counted when a life
 * ends, and it gives up: `failed`. Each change of state is published as `supervised.changed`.
 *
 * @throws ReferenceError (`ERR_CLOSED`) once closing has begun; TypeError or RangeError for a bad argument.
 * @example
 * ```ts
 * const feed = supervise(life, 'feed', async (scope, ready) => {
 *   const socket = scope.use(connect(url))
 *   await once(socket, 'open', { signal: scope.signal })
 *   ready()
 *   for await (const message of messages(socket)) await handle(message)
 * }, { readyWhen: 'told', backoff: { max: 5_000 } })
 * await feed.ready()
 * ```
 */
export function supervise<T>(
  life: Lifecycle,
  name: string,
  start: (scope: Lifecycle, ready: () => void) => T | Promise<T>,
  policy: SupervisePolicy<Awaited<T>> = PLAIN,
): Supervised {
  return new SupervisedHandle(...superviseOne(life, name, start, policy))
}

/**
 * Begins to supervise, and gives what a handle is made of. Where something above `top` closes, lives go on beginning,
 * until it is the turn of `top`: for what has work to finish by then. Default: nothing begins as soon as anything closes.
 */
export function superviseOne<T>(
  life: Lifecycle,
  name: string,
  start: (scope: Lifecycle, ready: () => void) => T | Promise<T>,
  policy: SupervisePolicy<Awaited<T>>,
  top?: Lifecycle,
): [Supervisor, SupervisedMember] {
  if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
  scopeOf(life).checkOpen()
  checkFunction('start', start)
  checkPolicy(policy)
  const home = homeIn(life, name, policy)
  const definition: Definition = { ...policy, start }
  const plan: Plan = { members: [[home, definition]], strategy: 'one_for_one', options: policy }
  const supervisor = new Supervisor(home, plan, top && scopeOf(top))
  return [supervisor, supervisor.members[0] as SupervisedMember]
}

/** Opens the scope that all lives are in, at its place among its siblings. */
export function homeIn(life: Lifecycle, name: string, options: SupervisionOptions): Lifecycle {
  const [place] = splitPlace(options)
  const { grace } = options
  return life.scope(name, grace === undefined ? place : { ...place, grace })
}
