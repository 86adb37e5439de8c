import { outOfRange } from '../../lifecycle/check.ts'

/** Where a duration may come from, in seconds. */
interface Variable {
  readonly name: string
  readonly least: number
  readonly most: number
}

/**
 * The ms that an environment variable gives in seconds, or undefined where it is not set or empty. It is read when it is
 * asked for, never at import.
 */
export function secondsFromEnvironment({ name, least, most }: Variable): number | undefined {
  const word = process.env[name]
  if (word === undefined || word === '') return undefined
  const seconds = /^\d+(\.\d+)?$/.test(word) ? Number(word) : Number.NaN
  if (seconds >= least && seconds <= most) return seconds * 1_000
  throw outOfRange(`The environment variable ${name}`, `a number of seconds from ${least} to ${most}`, word)
}
