import { checkBoolean, checkObject, checkOptions, isObject, wrongType } from '../lifecycle/check.ts'
import { PLAIN } from '../lifecycle/place.ts'
import { isOpenToView, linksOf, ownValue } from './links/own-links.ts'
import { takeListeners } from './links/take-listeners.ts'

/** Options of {@link sever}. */
export interface SeverOptions {
  /** The properties that are cut. Default: `parent`, `child`, `children`, `manager`, `registry` and `owner`. */
  keys?: readonly string[]
  /** Whether the listeners of an emitter or an EventTarget are taken off. Default: true. */
  listeners?: boolean
  /** Whether what those properties led to is severed too, and so on, each object once. Default: false. */
  deep?: boolean
}

/** What {@link sever} has done. */
export interface Severed {
  /** How many listeners were taken off. */
  readonly listeners: number
  /** The properties that were cut, as often as they were. */
  readonly links: readonly string[]
  /** The properties that lead on, since they can't be changed. */
  readonly kept: readonly string[]
}

const KEYS = ['parent', 'child', 'children', 'manager', 'registry', 'owner'] as const

/**
 * Cuts an object that is done with off from what it knew: takes its listeners away, and sets the links to its owners and
 * its parts to `undefined`. Whoever still holds the object then holds nothing else by it.
 *
 * It runs no getter and no setter of its own accord, touches own properties only, and lets frozen ones be. An emitter of
 * Node gets one listener for `error` that does nothing: an error that comes late would else end the process. Not for what
 * is still in use: Node's own listeners go, too, and a socket without them no longer ends.
 *
 * @throws TypeError for a bad argument.
 * @example
 * ```ts
 * registry.delete(connection.id)
 * sever(connection) // { listeners: 3, links: ['manager', 'registry'], kept: [] }
 * ```
 */
export function sever(object: object, options: SeverOptions = PLAIN): Severed {
  if (!isObject(object)) throw wrongType('object', 'an object', object)
  checkSever(options)
  const { keys = KEYS, listeners = true, deep = false } = options
  const links: string[] = []
  const kept: string[] = []
  const known = new Set([object])
  let taken = 0
  // A Set that is added to while it is walked along comes to those, too.
  for (const each of known) {
    if (deep) for (const part of partsOf(each, keys)) known.add(part)
    if (listeners) taken += takeListeners(each)
    for (const key of keys) {
      if (!isObject(ownValue(each, key))) continue
      const list = cut(each, key) ? links : kept
      list.push(key)
    }
  }
  return Object.freeze({ listeners: taken, links: Object.freeze(links), kept: Object.freeze(kept) })
}

/** What the named properties lead to, and what is in there where that is an array, a Map or a Set. */
function* partsOf(object: object, keys: readonly string[]): Generator<object> {
  for (const [, to] of linksOf(object, keys)) {
    yield to
    if (isOpenToView(to) && isContainer(to)) for (const [, part] of linksOf(to, [])) yield part
  }
}

function isContainer(value: object): boolean {
  return Array.isArray(value) || value instanceof Map || value instanceof Set
}

/** Sets a property to `undefined`, past any setter. Says whether that could be. */
function cut(object: object, key: string): boolean {
  try {
    return Reflect.defineProperty(object, key, { value: undefined })
  } catch {
    // A proxy that refuses to be changed.
    return false
  }
}

function checkSever(options: SeverOptions): void {
  checkObject('options', options)
  checkOptions('sever', options, ['keys', 'listeners', 'deep'])
  const { keys = KEYS, listeners = true, deep = false } = options
  if (!Array.isArray(keys) || keys.some((key) => typeof key !== 'string'))
    throw wrongType('options.keys', 'an array of names', keys)
  checkBoolean('options.listeners', listeners)
  checkBoolean('options.deep', deep)
}
