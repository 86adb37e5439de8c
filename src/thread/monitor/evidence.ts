/**
 * What is held of a thread:
 *
 * - `booting`: it is still loaded, or has not got to its first microtask. `running`: it beats. `stopping`: it has been asked to end.
 * - `busy`: it works without a pause, and is not stuck: it beats, or goes from task to task without its event loop.
 * - `parked`: it waits, by its own account or as was found out, and means to.
 * - `hung`: it runs JavaScript that does not come back to its event loop.
 * - `native`: it is in native code that does not come back.
 * - `debugged`: somebody's debugger has stopped it.
 * - `unseen`: no sign of it, and nobody knows it.
 */
export type Verdict = 'booting' | 'running' | 'stopping' | 'busy' | 'parked' | 'hung' | 'native' | 'debugged' | 'unseen'

/** What a thread has counted so far. */
export interface Tallies {
  /** When that was, on the monitor's clock. */
  readonly now: number
  /** How often it has come round to its microtasks after it was asked to count that. */
  readonly turns: number
  /** How often it has gone to sleep of itself; `undefined` where nobody counts. */
  readonly sleeps: number | undefined
}

/** What a close examination has brought. */
export type Evidence =
  | {
      /** JavaScript was stopped where it runs. */
      readonly stop: 'stopped'
      /** Whether that is a call of `Atomics.wait`. */
      readonly waits: boolean
      /** Which share of a core it wanted after that; `undefined` where nobody knows. */
      readonly cpu: number | undefined
      /** What it had counted by then. */
      readonly tallies: Tallies
    }
  /** Nobody can stop it. */
  | { readonly stop: 'unreachable'; readonly cpu: number | undefined; readonly tallies: Tallies }
  /** It never stopped, or was stopped already. */
  | { readonly stop: 'native' | 'debugged' }

/** A share of a core below which a thread does nothing. */
export const IDLE = 0.05

/**
 * What the evidence says of a thread that has been silent for too long, and what it has counted since.
 *
 * @param circle for how many ms a thread must have come round to its microtasks without ever going to sleep to be taken
 * for one that goes in a circle of promises.
 */
export function weigh(evidence: Evidence, now: Tallies, circle: number): Verdict {
  if (!('tallies' in evidence)) return evidence.stop
  const { cpu, tallies } = evidence
  if (evidence.stop === 'unreachable') {
    // Nobody is accused of what nobody has seen.
    if (cpu === undefined || cpu < IDLE) return 'parked'
    return hasSlept(evidence, now) ? 'busy' : 'hung'
  }
  // What does nothing and yet can be stopped waits, whatever its source calls that.
  if (cpu === undefined ? evidence.waits : cpu < IDLE) return 'parked'
  if (now.turns === tallies.turns) return 'hung'
  return hasSlept(evidence, now) || now.now - tallies.now < circle ? 'busy' : 'hung'
}

/** Whether a thread has gone to sleep since it was examined; where nobody counts, that it may have. */
export function hasSlept(evidence: Evidence, { sleeps }: Tallies): boolean {
  const before = 'tallies' in evidence ? evidence.tallies.sleeps : undefined
  return sleeps === undefined || before === undefined ? evidence.stop === 'stopped' : sleeps > before
}
