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

/** Where the standard's classes keep what an enumeration does not find. */
const HIDDEN = ['cause', 'errors', 'error', 'suppressed']

/** Makes something thrown ready to be sent. What comes out can always be sent. */
export function pack(thrown: unknown): Packed {
  return packValue(thrown, new Map())
}

/** What was thrown, out of a message. */
export function unpack(packed: Packed): unknown {
  return unpackValue(packed, new Map())
}

/** What to say of something that the engine refuses to send. */
export function uncloneable(what: string, value: unknown, cause: unknown): string {
  const why = cause instanceof Error ? ` (${cause.message})` : ''
  return `${what} cannot be sent to another thread${why}: ${shown(value)}.`
}

function packValue(value: unknown, known: Map<Error, PackedError>): Packed {
  try {
    if (value instanceof Error) return { error: packError(value, known) }
    return { value: clone(value) }
  } catch (cause) {
    const message = uncloneable('What was thrown', value, cause)
    return { error: packError(new EndswellError('ERR_UNCLONEABLE', message, { cause: shown(cause) }), known) }
  }
}

/** Anything that hangs on an error may throw when it is looked at: then the whole is as good as uncloneable. */
function packError(error: Error, known: Map<Error, PackedError>): PackedError {
  const before = known.get(error)
  if (before !== undefined) return before
  const { name, message, stack } = error
  const type = classes.find(([, each]) => error instanceof each)?.[0] ?? 'Error'
  const rest: Property[] = []
  const packed = { type, name: `${name}`, message: `${message}`, stack: stack === undefined ? stack : `${stack}`, rest }
  known.set(error, packed)
  for (const key of new Set([...HIDDEN.filter((each) => Object.hasOwn(error, each)), ...Object.keys(error)])) {
    if (key === 'name' || key === 'message' || key === 'stack') continue
    rest.push([
      key,
      packProperty(error[key as keyof Error], known),
      Object.prototype.propertyIsEnumerable.call(error, key),
    ])
  }
  return packed
}

/** A socket or a function that hangs on an error is no reason to lose the error: its text comes instead. */
function packProperty(value: unknown, known: Map<Error, PackedError>): Packed {
  if (value instanceof Error) return packValue(value, known)
  if (Array.isArray(value)) return { list: value.map((each) => packProperty(each, known)) }
  try {
    return { value: clone(value) }
  } catch {
    return { value: shown(value) }
  }
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
  return inspect(value, { depth: 1, maxArrayLength: 5, maxStringLength: 200, breakLength: Number.POSITIVE_INFINITY })
}
