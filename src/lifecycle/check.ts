import { coded } from './errors.ts'
import { inspect } from './inspect.ts'

/** The longest timeout that Node's timers can wait: about 24.8 days. A longer one would fire after 1 ms. */
export const LONGEST_TIMEOUT = 2_147_483_647

function shown(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`
  return `${typeof value} ${inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 60 })}`
}

/** A `TypeError` that says what was expected, what came and how to mend it. */
export function wrongType(name: string, expected: string, came: unknown, mend = ''): TypeError {
  const message = `${name} must be ${expected}, but got ${shown(came)}.${mend && ` ${mend}`}`
  return coded(new TypeError(message), 'ERR_INVALID_ARG_TYPE')
}

/** A `RangeError` that says what was expected, what came and how to mend it. */
export function outOfRange(name: string, expected: string, came: unknown, mend = ''): RangeError {
  const message = `${name} must be ${expected}, but got ${shown(came)}.${mend && ` ${mend}`}`
  return coded(new RangeError(message), 'ERR_OUT_OF_RANGE')
}

/** Whether something can have properties of its own, so that it can be known by its identity. */
export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** Refuses anything but a function. */
export function checkFunction(name: string, value: unknown, mend?: string): void {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value, mend)
}

/** Refuses anything but an object. */
export function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw wrongType(name, 'an object', value)
}

/** Refuses anything but a boolean. */
export function checkBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw wrongType(name, 'true or false', value)
}

/** Refuses anything but a number of ms from 0 to {@link LONGEST_TIMEOUT}: no NaN, no Infinity, nothing negative. */
export function checkTimeout(name: string, value: unknown): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number of milliseconds', value)
  if (value >= 0 && value <= LONGEST_TIMEOUT) return
  const mend = value > LONGEST_TIMEOUT ? 'Nothing here waits for ever: choose a limit.' : ''
  throw outOfRange(name, `a number of milliseconds from 0 to ${LONGEST_TIMEOUT}`, value, mend)
}

/** Refuses what the system cannot take for a status: it would cut it to 8 bits, and 256 be a success. */
export function checkStatus(name: string, status: unknown): void {
  if (Number.isInteger(status) && (status as number) >= 0 && (status as number) <= 255) return
  throw outOfRange(name, 'a whole number from 0 to 255', status)
}

/** Refuses anything but a port, 0 for any that is free. */
export function checkPort(name: string, port: unknown): void {
  if (Number.isInteger(port) && (port as number) >= 0 && (port as number) <= 65_535) return
  throw outOfRange(name, 'a port from 0 to 65535', port)
}

/** Refuses a name that is empty, holds a `/` (paths are joined by it) or ends like a repeat (`#2`). */
export function checkName(name: string, value: unknown): void {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value)
  if (value === '') throw outOfRange(name, 'a name of at least one character', value)
  if (value.includes('/')) throw outOfRange(name, "a name without '/'", value, 'Paths are made of names joined by it.')
  if (value.includes('#') && /#\d+$/.test(value))
    throw outOfRange(name, "a name that does not end in '#' and a number", value, 'Repeats are numbered like that.')
}

/** Refuses what is no source of time. */
export function checkClock(name: string, value: unknown): void {
  checkObject(name, value)
  for (const method of ['now', 'setTimeout', 'clearTimeout'] as const) {
    checkFunction(`${name}.${method}`, (value as Record<typeof method, unknown>)[method])
  }
}

/** Refuses anything but one of the given words. */
export function checkOneOf(name: string, value: unknown, words: readonly unknown[]): void {
  if (words.includes(value)) return
  throw outOfRange(name, `one of ${words.map((word) => inspect(word)).join(', ')}`, value)
}

/** Refuses a property that no option has, which is nearly always a spelling mistake. */
export function checkOptions(name: string, options: object, known: readonly string[]): void {
  if (options instanceof AbortSignal)
    throw wrongType(`The options of ${name}`, 'an object', options, 'Pass { signal }.')
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const near = known
      .filter((word) => isNear(word.toLowerCase(), key.toLowerCase()))
      .sort((one, other) => Math.abs(one.length - key.length) - Math.abs(other.length - key.length))[0]
    const mend = near === undefined ? `Known are ${known.join(', ')}.` : `Did you mean '${near}'?`
    throw coded(new TypeError(`${name} has no option '${key}'. ${mend}`), 'ERR_UNKNOWN_OPTION')
  }
}

/** Whether one word is probably the other misspelt: it begins alike, or they share all letters but two. */
function isNear(one: string, other: string): boolean {
  if (one.startsWith(other.slice(0, 3))) return true
  const left = [...other]
  let missing = 0
  for (const letter of one) {
    const at = left.indexOf(letter)
    if (at === -1) missing += 1
    else left.splice(at, 1)
  }
  return missing + left.length <= 2
}
