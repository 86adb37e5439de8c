import type { Supervised } from '../../lifecycle/supervision/supervised.ts'
import { SupervisedHandle } from '../../lifecycle/supervision/supervised-handle.ts'
import type { SupervisedMember } from '../../lifecycle/supervision/supervised-member.ts'
import type { Supervisor } from '../../lifecycle/supervision/supervisor.ts'
import type { ParentDeathGuard, SpawnedChild } from '../child/spawned-child.ts'
import type { Respawn } from './respawn.ts'

/** A process that is kept alive. What its lives end with, its `cause`, is a `ChildExit`, or why one was not ready. */
export interface SupervisedProcess extends Supervised {
  /** The child of the present life; `undefined` between two. Its own `stop()` ends that life, which is an end as any. */
  readonly child: SpawnedChild | undefined
  /** Its process number. */
  readonly pid: number | undefined
  /** What ends its tree when this process dies; `none` between two lives. */
  readonly parentDeathGuard: ParentDeathGuard
}

/** The face of a process that is supervised. */
export class ProcessHandle extends SupervisedHandle implements SupervisedProcess {
  readonly #respawn: Respawn

  constructor(supervisor: Supervisor, member: SupervisedMember, respawn: Respawn) {
    super(supervisor, member)
    this.#respawn = respawn
  }

  get child(): SpawnedChild | undefined {
    return this.#respawn.child
  }

  get pid(): number | undefined {
    return this.child?.pid
  }

  get parentDeathGuard(): ParentDeathGuard {
    return this.child?.parentDeathGuard ?? 'none'
  }
}
