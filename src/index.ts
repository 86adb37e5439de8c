export { listen } from './connection/listen.ts'
export { Lifecycle } from './kinds.ts'
export type { BackoffOptions } from './lifecycle/backoff.ts'
export type { Clock, ClockTimer } from './lifecycle/clock.ts'
export type * from './lifecycle/contract.ts'
export { Deadline, type DeadlineOptions, type TimeoutContext } from './lifecycle/deadline.ts'
export { EndswellError, type ErrorCode, type MisuseCode } from './lifecycle/errors.ts'
export type { LifecycleEvent } from './lifecycle/event.ts'
export { type CloseContext, defineKind, type Kind } from './lifecycle/kind.ts'
export type { Undo } from './lifecycle/lifecycle.ts'
export { type Emitter, Listener, type ListenerOptions, listener } from './lifecycle/listener.ts'
export type { Pressure, PressureLevel, PressureSource } from './lifecycle/pressure-source.ts'
export type { LifeEnd } from './lifecycle/supervision/life-end.ts'
export type { Restart, Strategy } from './lifecycle/supervision/restart.ts'
export { supervise } from './lifecycle/supervision/supervise.ts'
export { type SupervisedGroup, superviseGroup } from './lifecycle/supervision/supervise-group.ts'
export type {
  GroupMember,
  GroupPolicy,
  IntensityOptions,
  MemberPolicy,
  SupervisePolicy,
  SupervisionOptions,
} from './lifecycle/supervision/supervise-policy.ts'
export type { Supervised, SupervisedState, SupervisionEnd } from './lifecycle/supervision/supervised.ts'
export { SuppressedError } from './lifecycle/suppressed-error.ts'
export type { Sweepable, SweepContext, Swept } from './lifecycle/sweepable.ts'
export { TimeoutError } from './lifecycle/timeout-error.ts'
export type { WaitOptions } from './lifecycle/wait.ts'
export { type TimeoutOptions, withTimeout } from './lifecycle/with-timeout.ts'
export { type KillTreeOptions, killTree } from './process/kill-tree.ts'
export type { KillTreeResult } from './process/tree/killing.ts'
export type { Survivor } from './process/tree/survivor.ts'
export type { RunOptions } from './run/options.ts'
export { type Main, run } from './run/run.ts'
export {
  type BudgetName,
  type Budgets,
  type Finished,
  type PhaseOptions,
  type RetryOptions,
  type StageState,
  Startup,
  StartupError,
  type StartupOptions,
  type StartupReport,
  type StartupRow,
  type StepOptions,
} from './startup/index.ts'
