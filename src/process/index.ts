export { ChildError } from './child/child-error.ts'
export type { ChildExit } from './child/child-exit.ts'
export type { SpawnChildOptions } from './child/launch-options.ts'
export type { ReadyWhen } from './child/ready-when.ts'
export type { ParentDeathGuard, SpawnedChild, StopOptions } from './child/spawned-child.ts'
export { childProcess } from './child-process.ts'
export { type KillTreeOptions, killTree } from './kill-tree.ts'
export { spawnChild } from './spawn-child.ts'
export { superviseProcess } from './supervise-process.ts'
export { type SupervisedProcesses, superviseProcesses } from './supervise-processes.ts'
export type {
  ProcessCommand,
  ProcessMember,
  ProcessPolicy,
  ProcessSpec,
  SuperviseProcessPolicy,
} from './supervision/process-policy.ts'
export type { SupervisedProcess } from './supervision/supervised-process.ts'
export type { KillTreeResult } from './tree/killing.ts'
export type { Survivor } from './tree/survivor.ts'
