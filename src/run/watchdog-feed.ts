import { LONGEST_TIMEOUT } from '../lifecycle/check.ts'
import type { Clock, ClockTimer } from '../lifecycle/clock.ts'

/**
 * How often systemd's watchdog is to be fed, in ms: twice in the time that the unit gives. `undefined` where there is
 * none, or where it watches another process than this one.
 */
export function feedingInterval(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  const microseconds = Number(env['WATCHDOG_USEC'])
  const watched = env['WATCHDOG_PID'] ?? ''
  if (!(microseconds > 0) || (watched !== '' && Number(watched) !== pid)) return undefined
  return Math.min(LONGEST_TIMEOUT, Math.max(1, microseconds / 2_000))
}

/** Feeds the watchdog now and every `interval` ms, from the event loop: one that is blocked does not. Returns the undo. */
export function feedWatchdog(clock: Clock, interval: number, feed: () => void): () => void {
  let timer: ClockTimer
  const beat = (): void => {
    feed()
    timer = clock.setTimeout(beat, interval)
    timer.unref()
  }
  beat()
  return () => clock.clearTimeout(timer)
}
