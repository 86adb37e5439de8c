// What `endswell/disk` offers.
export { type AtomicWriteOptions, atomicWrite } from '../lifecycle/atomic-write.ts'
export { RetentionSweeper, type RetentionSweeperEnd, type RetentionSweeperStats } from './retention-sweeper.ts'
export type { RollingFileOptions } from './rolling/rolling-options.ts'
export { RollingFile, type RollingFileEnd, type RollingFileStats } from './rolling-file.ts'
export type { RetentionRule, SweptEntry, SweptKind } from './sweeping/rule.ts'
export type { SweepReport, SweepSample } from './sweeping/sweep-report.ts'
export type { RetentionSweeperOptions } from './sweeping/sweeper-options.ts'
