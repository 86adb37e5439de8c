export type { Block, Frame } from './block.ts'
export { Watchdog, type WatchdogOptions } from './watchdog.ts'
