import { checkFunction, checkObject, checkOptions, isObject, outOfRange, wrongType } from '../lifecycle/check.ts'
import { PLAIN } from '../lifecycle/place.ts'
import { isOpenToView, type Link, linksOf, ownValue } from './links/own-links.ts'

/** Options of {@link findCycles}. */
export interface FindCyclesOptions {
  /** What the root is called in paths. Default: `root`. */
  name?: string
  /** The only properties that are followed; what is in arrays, Maps and Sets always is. Default: all that are seen. */
  keys?: readonly string[]
  /** Whether an object is left out, with all that is only reached through it. Default: none is. */
  ignore?: (object: object, path: string) => boolean
  /** How many objects are looked at, at most: a whole number from 1. Default: 10 000. */
  maxNodes?: number
  /** How many links away from the root it looks, at most: a whole number from 1. Default: 100. */
  maxDepth?: number
}

/** A cycle of ownership: an object that leads back to itself. Plain words, which hold none of the objects. */
export interface Cycle {
  /** The link that closes it, from the root: `manager.connections[3].manager`. */
  readonly path: string
  /** Where that leads back to: `manager`. */
  readonly to: string
  /** How many objects are in it, arrays and Maps between them included. */
  readonly length: number
  /** The classes of those objects, from where it begins: `WebSocketManager`, `Array`, `Connection`. */
  readonly names: readonly string[]
}

/** What {@link findCycles} brings. */
export interface FoundCycles {
  /** The cycles, each once. */
  readonly cycles: readonly Cycle[]
  /** How many objects were looked at. */
  readonly nodes: number
  /** Whether that was all: false where `maxNodes` or `maxDepth` cut the search short. */
  readonly complete: boolean
}

/** An object on the way that is being looked at, and the links of it that are left. */
interface Step {
  readonly object: object
  readonly path: string
  readonly links: Iterator<Link>
}

/**
 * Looks for cycles of ownership: manager to connection to manager. Each is given once, by the link that closes it; take
 * those links away, and there is none left.
 *
 * A cycle by itself is no leak: V8 collects what no root leads to, cycles included. But whatever holds one member holds
 * all of them, so a cycle makes small leaks big, and hides in a heap snapshot who is to blame.
 *
 * It runs no getter and sees no private fields; a `WeakRef` is no ownership. In O(links), without recursion.
 *
 * @throws TypeError or RangeError for a bad argument, and what `ignore` throws.
 * @example
 * ```ts
 * const { cycles } = findCycles(manager, { name: 'manager' })
 * cycles[0] // { path: 'manager.registry.manager', to: 'manager', length: 2, names: ['Manager', 'Registry'] }
 * ```
 */
export function findCycles(root: object, options: FindCyclesOptions = PLAIN): FoundCycles {
  if (!isObject(root)) throw wrongType('root', 'an object', root)
  const { name = 'root', keys, ignore, maxNodes = 10_000, maxDepth = 100 } = checked(options)
  const cycles: Cycle[] = []
  const way: Step[] = []
  /** Where an object stands on the way, or -1 where all behind it is known. */
  const seen = new Map<object, number>()
  let complete = true

  const enter = (object: object, path: string): void => {
    if (seen.size >= maxNodes || way.length > maxDepth) {
      complete = false
      return
    }
    seen.set(object, way.length)
    way.push({ object, path, links: linksOf(object, keys) })
  }

  enter(root, name)
  for (let here = way.at(-1); here !== undefined; here = way.at(-1)) {
    const { done, value: link } = here.links.next()
    if (done) {
      seen.set(here.object, -1)
      way.pop()
      continue
    }
    const [step, to] = link
    const path = here.path + step
    const at = seen.get(to)
    if (at === undefined) {
      if (ignore?.(to, path) !== true) enter(to, path)
    } else if (at >= 0) cycles.push(cycleOf(way.slice(at), path))
  }
  return Object.freeze({ cycles: Object.freeze(cycles), nodes: seen.size, complete })
}

function cycleOf(members: readonly Step[], path: string): Cycle {
  const names = Object.freeze(members.map(({ object }) => classOf(object)))
  return Object.freeze({ path, to: members[0]?.path ?? path, length: members.length, names })
}

/** The name of an object's class, without asking the object itself. */
function classOf(object: object): string {
  if (typeof object === 'function') return 'Function'
  const prototype = isOpenToView(object) ? Reflect.getPrototypeOf(object) : null
  const maker = prototype === null ? undefined : ownValue(prototype, 'constructor')
  const name = typeof maker === 'function' ? ownValue(maker, 'name') : undefined
  return typeof name === 'string' && name !== '' ? name : 'Object'
}

function checked(options: FindCyclesOptions): FindCyclesOptions {
  checkObject('options', options)
  checkOptions('findCycles', options, ['name', 'keys', 'ignore', 'maxNodes', 'maxDepth'])
  const { name, keys, ignore } = options
  if (name !== undefined && typeof name !== 'string') throw wrongType('options.name', 'a string', name)
  if (keys !== undefined && !(Array.isArray(keys) && keys.every((key) => typeof key === 'string')))
    throw wrongType('options.keys', 'an array of names', keys)
  if (ignore !== undefined) checkFunction('options.ignore', ignore)
  for (const limit of ['maxNodes', 'maxDepth'] as const) {
    const { [limit]: value = 1 } = options
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw outOfRange(`options.${limit}`, 'a whole number from 1', value, 'A search without a bound may take for ever.')
  }
  return options
}
