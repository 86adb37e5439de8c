import { outOfRange, wrongType } from './check.ts'

/** How many of anything there may be. */
const MOST = 2 ** 30

/** Refuses anything but a whole number from 1 to 2^30: without a limit nothing would be bounded. */
export function checkCount(name: string, value: unknown): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (Number.isInteger(value) && value >= 1 && value <= MOST) return
  throw outOfRange(name, `a whole number from 1 to ${MOST}`, value)
}
