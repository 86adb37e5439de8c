import { outOfRange, wrongType } from './check.ts'

/** Refuses anything but a positive number of ms, Infinity for never: what waits for it is armed anew, however long it is. */
export function checkSpan(name: string, value: unknown): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number of milliseconds', value)
  if (!(value > 0)) throw outOfRange(name, 'a positive number of milliseconds', value)
}
