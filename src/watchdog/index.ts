export type { Frame } from '../lifecycle/frame.ts'
export type { Block } from './block.ts'
export { Watchdog, type WatchdogOptions } from './watchdog.ts'
