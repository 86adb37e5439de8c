import { outOfRange, wrongType } from './check.ts'

/** Refuses anything but a number from 0 to 1. */
export function checkShare(name: string, value: unknown): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (!(value >= 0 && value <= 1)) throw outOfRange(name, 'a share from 0 to 1', value)
}
