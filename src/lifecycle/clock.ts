import { builtin } from './builtin.ts'

// Importing it as a module would load what it only mentions, such as its promises, and that their streams.
const { setTimeout: start, clearTimeout: clear, setImmediate } = builtin('node:timers')

/** A timer of a {@link Clock}. It keeps the process alive unless `unref()` is called. */
export interface ClockTimer {
  /** Lets the process end although this timer is still waiting. */
  unref(): unknown
}

/**
 * The only source of time in this library, injected so that tests can move it by hand.
 *
 * @example
 * ```ts
 * const clock = new FakeClock()
 * const life = new Lifecycle({ clock })
 * ```
 */
export interface Clock {
  /** Milliseconds on a monotonic clock: only differences mean anything. */
  now(): number
  /** Calls `callback` once, `delay` ms from now (0 to 2 147 483 647). */
  setTimeout(callback: () => void, delay: number): ClockTimer
  /** Undoes `setTimeout`; a timer that has fired is no error. */
  clearTimeout(timer: ClockTimer): void
}

/** Real time: `performance.now()` (so a change of the wall clock moves nothing) and Node's timers. */
export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  setTimeout: (callback: () => void, delay: number) => start(callback, delay),
  clearTimeout: (timer: ClockTimer) => clear(timer as NodeJS.Timeout),
})

/** The date and time as the machine has it, in ms since 1970: for what is kept outside the process, where it may jump. */
export const wallClock = (): number => Date.now()

/** Calls `callback` in the next turn of the event loop, which is kept alive until then. */
export function soon(callback: () => void): void {
  setImmediate(callback)
}
