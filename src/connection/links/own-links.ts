/** One link from an object to another: how it reads in a path, and what it leads to. */
export type Link = readonly [step: string, to: object]

/** What every function has of its own, and no owner has put there. */
const FUNCTIONS_OWN = ['prototype', 'caller', 'arguments']

/**
 * What an object holds strongly, as far as it can be seen from outside: its own properties, what is in an array, a Map or
 * a Set. It runs no getter. Not seen are private fields, what a function has closed over, and prototypes, which are
 * shared. What a weak reference leads to is not held.
 */
export function* linksOf(object: object, keys: readonly string[] | undefined): Generator<Link> {
  if (ArrayBuffer.isView(object) || !isOpenToView(object)) return
  const isList = Array.isArray(object)
  for (const key of isList || keys === undefined ? ownKeys(object) : keys) {
    if (typeof object === 'function' && FUNCTIONS_OWN.includes(key)) continue
    const to = ownValue(object, key)
    if (isHeld(to)) yield [stepTo(key, isList), to]
  }
  if (object instanceof Map) yield* linksOfMap(object)
  else if (object instanceof Set) yield* linksOfSet(object)
}

/** Whether an object says what it is: a proxy may refuse even that, and one that is revoked always does. */
export function isOpenToView(object: object): boolean {
  try {
    Reflect.getPrototypeOf(object)
    return true
  } catch {
    return false
  }
}

/** The value of an own property, unless a getter would have to be run for it. */
export function ownValue(object: object, key: string | symbol): unknown {
  try {
    return Reflect.getOwnPropertyDescriptor(object, key)?.value
  } catch {
    // A proxy that refuses to be looked at is left alone.
    return undefined
  }
}

function ownKeys(object: object): readonly string[] {
  try {
    return Object.getOwnPropertyNames(object)
  } catch {
    return []
  }
}

function isHeld(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

// Past their own methods: a class of the user's may have others.
const { entries } = Map.prototype
const { values } = Set.prototype

function* linksOfMap(map: Map<unknown, unknown>): Generator<Link> {
  let at = 0
  for (const [key, value] of entries.call(map)) {
    if (isHeld(key)) yield [`.key(${at})`, key]
    if (isHeld(value)) yield [`.get(${isHeld(key) ? `key(${at})` : shown(key)})`, value]
    at += 1
  }
}

function* linksOfSet(set: Set<unknown>): Generator<Link> {
  let at = 0
  for (const value of values.call(set)) {
    if (isHeld(value)) yield [`.item(${at})`, value]
    at += 1
  }
}

function shown(key: unknown): string {
  return typeof key === 'string' ? `'${key}'` : String(key)
}

function stepTo(key: string, isList: boolean): string {
  if (isList && /^\d+$/.test(key)) return `[${key}]`
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `['${key}']`
}
