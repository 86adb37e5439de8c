/**
 * What each kind of job costs. Shows a step of the start that brings a plain value: nothing has to be ended, but without
 * it nobody may order anything.
 */
import { kinds } from './jobs.ts'

/** Cents for each kind of job. */
export type Prices = ReadonlyMap<string, number>

/** Works the prices out, in step: it is the kind of function that blocks a start if there is a mistake in it. */
export function loadPrices(): Prices {
  return new Map(kinds.map((kind) => [kind, 10 * kind.length]))
}
