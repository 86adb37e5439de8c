import { outOfRange, wrongType } from './check.ts'

/** Refuses what is no path of a file. */
export function checkPath(name: string, path: unknown): void {
  if (typeof path !== 'string') throw wrongType(name, 'a path', path)
  if (path === '' || path.includes('\0')) throw outOfRange(name, 'a path, without a null character', path)
}

/** Refuses what are no permissions. */
export function checkMode(name: string, mode: unknown): void {
  if (typeof mode !== 'number') throw wrongType(name, 'a number', mode)
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o7777) throw outOfRange(name, 'permissions from 0 to 0o7777', mode)
}
