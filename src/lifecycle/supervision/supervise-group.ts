import { wrongType } from '../check.ts'
import { customInspect } from '../inspect.ts'
import { Lifecycle, scopeOf } from '../lifecycle.ts'
import { PLAIN } from '../place.ts'
import { homeIn } from './supervise.ts'
import {
  checkGroupPolicy,
  checkMembers,
  type Definition,
  type GroupMember,
  type GroupPolicy,
} from './supervise-policy.ts'
import type { Supervised, SupervisedState, SupervisionEnd } from './supervised.ts'
import { SupervisedHandle } from './supervised-handle.ts'
import type { SupervisedMember } from './supervised-member.ts'
import { Supervisor } from './supervisor.ts'

/** Several things that are kept alive together, as their owner sees them. Disposing of it stops them. */
export interface SupervisedGroup<Name extends string = string> extends AsyncDisposable {
  /** Names from the root, such as `/orders/workers`. Its member `mail` is `/orders/workers/mail`. */
  readonly path: string
  /** `ready` when each member is, or has ended for good; `backing-off` as soon as one waits; else as for one alone. */
  readonly state: SupervisedState
  /** Its members by name. One that is stopped by hand ends for good, and the others go on. */
  readonly members: Readonly<Record<Name, Supervised>>
  /**
   * Resolves when each member is ready or has ended for good. Rejects with an `EndswellError` (`ERR_GAVE_UP`) when the
   * group gives up, and a ReferenceError (`ERR_CLOSED`) where it is stopped or its lifecycle closes.
   */
  ready(): Promise<void>
  /** Resolves when everything is over. Never rejects. */
  readonly ended: Promise<SupervisionEnd>
  /** Ends all members for good, the last one first. */
  stop(): Promise<void>
}

/**
 * Keeps several things alive that belong together, as an Erlang/OTP supervisor does. They start in the order in which
 * they are written, each when the one before is ready, and end in reverse. When one ends and is to be begun again, the
 * `strategy` says who goes with it: those are ended in reverse order, wait as long as it does, and begin in order.
 *
 * The `intensity` counts for the whole group; when it gives up, all of it ends. Each member is published as
 * `supervised.changed`, the group itself is not.
 *
 * @throws ReferenceError (`ERR_CLOSED`) once closing has begun; TypeError or RangeError for a bad argument.
 * @example
 * ```ts
 * const group = superviseGroup(life, 'ingest', {
 *   broker: { start: (scope) => runBroker(scope), readyWhen: (_scope, signal) => brokerAnswers(signal) },
 *   reader: { start: (scope) => readAll(scope), restart: 'transient' },
 * }, { strategy: 'rest_for_one' })
 * await group.ready()
 * group.members.reader.state // 'ready'
 * ```
 */
export function superviseGroup<Values extends Readonly<Record<string, unknown>>>(
  life: Lifecycle,
  name: string,
  members: { readonly [Name in keyof Values]: GroupMember<Values[Name]> },
  policy: GroupPolicy = PLAIN,
): SupervisedGroup<keyof Values & string> {
  return openGroup(life, name, members, policy, (_, ...one) => new SupervisedHandle(...one))
}

/** A group whose members have such handles. */
export interface GroupOf<Handle> extends SupervisedGroup {
  /** Its members by name. */
  readonly members: Readonly<Record<string, Handle & Supervised>>
}

/** Begins to supervise a group; `handleOf` makes the face of each member. */
export function openGroup<Handle extends Supervised>(
  life: Lifecycle,
  name: string,
  members: Readonly<Record<string, Definition>>,
  policy: GroupPolicy,
  handleOf: (name: string, supervisor: Supervisor, member: SupervisedMember) => Handle,
): GroupOf<Handle> {
  if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
  scopeOf(life).checkOpen()
  checkMembers(members)
  checkGroupPolicy(policy)
  const { strategy = 'one_for_one' } = policy
  const home = homeIn(life, name, policy)
  const named = Object.entries(members)
  const homes = named.map(([own, member]) => [homeIn(home, own, graceOf(member)), member] as const)
  const supervisor = new Supervisor(home, { members: homes, strategy, options: policy })
  const handles = named.map(([own], at) => {
    return [own, handleOf(own, supervisor, supervisor.members[at] as SupervisedMember)] as const
  })
  return new GroupHandle(supervisor, Object.freeze(Object.fromEntries(handles)))
}

function graceOf({ grace }: Definition): { grace?: number } {
  return grace === undefined ? {} : { grace }
}

/** The face of a supervisor of several. */
class GroupHandle<Handle extends Supervised> implements GroupOf<Handle> {
  readonly members: Readonly<Record<string, Handle>>
  readonly #supervisor: Supervisor

  constructor(supervisor: Supervisor, members: Readonly<Record<string, Handle>>) {
    this.#supervisor = supervisor
    this.members = members
  }

  get path(): string {
    return this.#supervisor.path
  }

  get state(): SupervisedState {
    return this.#supervisor.state
  }

  get ended(): Promise<SupervisionEnd> {
    return this.#supervisor.ended
  }

  ready(): Promise<void> {
    return this.#supervisor.allReady
  }

  async stop(): Promise<void> {
    await this.#supervisor.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  [customInspect](): string {
    return `SupervisedGroup ${this.path}: ${this.state}`
  }
}
