import { EndswellError } from '../../lifecycle/errors.ts'
import { inspect } from '../../lifecycle/inspect.ts'
import { SuppressedError } from '../../lifecycle/suppressed-error.ts'

/**
 * Something thrown, on its way to another thread: an error taken apart, or any other value as it is. Sent whole, an error
 * would lose its `code` and its name, and one function that hangs on it would stop it altogether.
 */
export type Packed =
  | { readonly error: PackedError }
  | { readonly list: readonly Packed[] }
  | { readonly value: unknown }

/** Errors that name each other are joined in a circle here, too: what goes over a port may be. */
interface PackedError {
  /** The nearest of the standard's own classes. */
  readonly type: string
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** All else that hangs on it. */
  readonly rest: Property[]
}

type Property = readonly [key: string, value: Packed, enumerable: boolean]

/** The standard's classes that take a message alone. */
const plain = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError }
const classes = Object.entries({ ...plain, AggregateError, DOMException, SuppressedError })

/** How many characters are enough to know a value by. */
const LONGEST = 200

/** Where the standard's classes keep what an enumeration does not find. */
const HIDDEN = ['cause', 'errors', 'error', 'suppressed']

/** Makes something thrown ready to be sent. What comes out can always be sent. */
export function pack(thrown: unknown): Packed {
  return packAnyway(thrown, new Map())
}

/** As `pack`, but throws where the whole can't be sent: never for an error, of which only a part may be missing. */
export function packWhole(thrown: unknown): Packed {
  return packValue(thrown, new Map())
}

/** What was thrown, out of a message. */
export function unpack(packed: Packed): unknown {
  return unpackValue(packed, new Map())
}

/** What to say of something that the engine refuses to send. */
export function uncloneable(what: string, value: unknown, cause: unknown): string {
  const why = cause instanceof Error ? ` (${short(cause.message)})` : ''
  return `${what} cannot be sent to another thread${why}: ${shown(value)}.`
}

function packValue(value: unknown, known: Map<Error, PackedError>): Packed {
  return value instanceof Error ? { error: packError(value, known) } : { value: clone(value) }
}

function packAnyway(value: unknown, known: Map<Error, PackedError>): Packed {
  try {
    return packValue(value, known)
  } catch (cause) {
    const error = new EndswellError('ERR_UNCLONEABLE', uncloneable('What was thrown', value, cause))
    return { error: packError(error, known) }
  }
}

function packError(error: Error, known: Map<Error, PackedError>): PackedError {
  const before = known.get(error)
  if (before !== undefined) return before
  const [name, message, stack] = [text(error, 'name'), text(error, 'message'), text(error, 'stack')]
  const type = classes.find(([, each]) => error instanceof each)?.[0] ?? 'Error'
  const rest: Property[] = []
  const packed = { type, name: name ?? type, message: message ?? '', stack, rest }
  known.set(error, packed)
  for (const key of new Set([...HIDDEN.filter((each) => Object.hasOwn(error, each)), ...Object.keys(error)])) {
    if (key === 'name' || key === 'message' || key === 'stack') continue
    rest.push([key, packProperty(read(error, key), known), Object.prototype.propertyIsEnumerable.call(error, key)])
  }
  return packed
}

/** A socket or a function that hangs on an error is no reason to lose the error: its text comes instead. */
function packProperty(value: unknown, known: Map<Error, PackedError>): Packed {
  if (value instanceof Error) return packAnyway(value, known)
  if (Array.isArray(value)) return { list: value.map((each) => packProperty(each, known)) }
  try {
    return { value: clone(value) }
  } catch {
    return { value: shown(value) }
  }
}

/** Anything that hangs on an error may throw when it is looked at: then that comes in its place, in words. */
function read(error: Error, key: string): unknown {
  try {
    return error[key as keyof Error]
  } catch (thrown) {
    return `(cannot be read: ${shown(thrown)})`
  }
}

function text(error: Error, key: string): string | undefined {
  const value = read(error, key)
  return value === undefined || typeof value === 'string' ? value : shown(value)
}

/** Throws where it cannot be sent. */
function clone(value: unknown): unknown {
  return typeof value === 'string' || typeof value === 'number' ? value : structuredClone(value)
}

function unpackValue(packed: Packed, known: Map<PackedError, Error>): unknown {
  if ('error' in packed) return unpackError(packed.error, known)
  if ('list' in packed) return packed.list.map((each) => unpackValue(each, known))
  return packed.value
}

function unpackError(packed: PackedError, known: Map<PackedError, Error>): Error {
  const before = known.get(packed)
  if (before !== undefined) return before
  const { name, stack, rest } = packed
  const error = make(packed)
  known.set(packed, error)
  if (error.name !== name) define(error, 'name', name, false)
  define(error, 'stack', stack, false)
  for (const [key, value, enumerable] of rest) define(error, key, unpackValue(value, known), enumerable)
  return error
}

function make({ type, name, message }: PackedError): Error {
  if (type === 'AggregateError') return new AggregateError([], message)
  if (type === 'DOMException') return new DOMException(message, name)
  if (type === 'SuppressedError') return new SuppressedError(undefined, undefined, message)
  return new (plain[type as keyof typeof plain] ?? Error)(message)
}

function define(error: Error, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true })
}

function shown(value: unknown): string {
  return short(inspect(value, { depth: 1, maxArrayLength: 5, breakLength: Number.POSITIVE_INFINITY }))
}

/** In one line, without the stacks of errors and the bodies of functions in it. */
function short(words: string): string {
  const line = words.replaceAll(/\n\s+at [^\n]*/g, '').replaceAll(/\s+/g, ' ')
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}
