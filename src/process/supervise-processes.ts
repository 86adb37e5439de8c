import { checkObject, wrongType } from '../lifecycle/check.ts'
import { Lifecycle } from '../lifecycle/lifecycle.ts'
import { PLAIN } from '../lifecycle/place.ts'
import { openGroup, type SupervisedGroup } from '../lifecycle/supervision/supervise-group.ts'
import type { GroupPolicy } from '../lifecycle/supervision/supervise-policy.ts'
import { checkProcessMember, type ProcessMember } from './supervision/process-policy.ts'
import { Respawn } from './supervision/respawn.ts'
import { ProcessHandle, type SupervisedProcess } from './supervision/supervised-process.ts'

/** Several processes that are kept running together. */
export interface SupervisedProcesses<Name extends string = string> extends SupervisedGroup<Name> {
  /** Its processes by name. */
  readonly members: Readonly<Record<Name, SupervisedProcess>>
}

/**
 * Keeps several processes running that belong together: each as by `superviseProcess`, all as by `superviseGroup`. They
 * start in order, each when the one before is ready, and end in reverse.
 *
 * @throws ReferenceError (`ERR_CLOSED`) once closing has begun; TypeError or RangeError for a bad argument.
 * @example
 * ```ts
 * const search = superviseProcesses(life, 'search', {
 *   index: { command: 'indexd', readyWhen: /index loaded/, readyTimeout: 60_000 },
 *   proxy: { command: 'proxyd', readyWhen: /listening/ },
 * }, { strategy: 'rest_for_one' })
 * await search.ready()
 * ```
 */
export function superviseProcesses<Name extends string>(
  life: Lifecycle,
  name: string,
  specs: Readonly<Record<Name, ProcessMember>>,
  policy: GroupPolicy = PLAIN,
): SupervisedProcesses<Name> {
  if (!(life instanceof Lifecycle)) throw wrongType('life', 'a Lifecycle', life)
  checkObject('specs', specs)
  if (Array.isArray(specs)) throw wrongType('specs', 'an object of names and processes', specs)
  const named = Object.entries<ProcessMember>(specs)
  const respawns = new Map(named.map(([own, member]) => [own, new Respawn(...checkProcessMember(own, member))]))
  const members = Object.fromEntries([...respawns].map(([own, respawn]) => [own, respawn.definition]))
  return openGroup(life, name, members, policy, (own, supervisor, member) => {
    return new ProcessHandle(supervisor, member, respawns.get(own) as Respawn)
  }) as SupervisedProcesses<Name>
}
