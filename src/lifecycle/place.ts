import { checkBoolean, checkName, checkObject, checkOptions, checkTimeout, wrongType } from './check.ts'
import type { PlaceOptions, Reference, ResourceOptions } from './contract.ts'
import type { Entries } from './entries.ts'
import type { Entry } from './entry.ts'
import { coded } from './errors.ts'
import { findCycle } from './order.ts'

/** Options of a place among siblings. */
export const PLACE = ['dependsOn', 'requiredBy', 'last'] as const

/** Where a resource is to stand: checked, with its siblings found, and nothing changed yet. */
export interface Place {
  readonly name: string | undefined
  readonly grace: number | undefined
  readonly last: boolean
  readonly dependencies: Entry[]
  readonly dependants: Entry[]
}

/**
 * Checks the options of a registration and finds the siblings that they name.
 *
 * @throws TypeError or RangeError for bad options, an unknown sibling, an ambiguous name or a cycle.
 */
export function findPlace(
  household: Household,
  options: ResourceOptions,
  more: readonly string[],
  value: unknown,
): Place {
  checkObject('options', options)
  checkOptions('options', options, ['name', 'grace', ...PLACE, ...more])
  const { name, grace, last = false } = options
  if (name !== undefined) checkName('options.name', name)
  if (grace !== undefined) checkTimeout('options.grace', grace)
  checkBoolean('options.last', last)
  const own = name ?? 'the new resource'
  const siblings = (option: 'dependsOn' | 'requiredBy'): Entry[] => {
    const { [option]: references = [] } = options
    if (!Array.isArray(references)) throw wrongType(`options.${option}`, 'an array of names or values', references)
    return references.flatMap((reference: Reference) => {
      if (!['string', 'object', 'function'].includes(typeof reference) || reference === null)
        throw wrongType(`Each of options.${option}`, 'a name, or a value that was registered', reference)
      if (value !== undefined && reference === value) throw cycleError([own, own])
      return findSiblings(household, reference, `options.${option}`)
    })
  }
  const dependencies = siblings('dependsOn')
  const dependants = siblings('requiredBy')
  const cycle = findCycle(dependencies, dependants)
  if (cycle !== undefined) throw cycleError([own, ...cycle.map((entry) => entry.label), own])
  return { name, grace, last, dependencies, dependants }
}

/** What siblings are looked for in. */
interface Household {
  readonly path: string
  readonly entries: Entries
}

/**
 * The entries that a reference names: one by name, or all that use a value.
 *
 * @throws RangeError where there is none, or a name is ambiguous.
 */
export function findSiblings({ path, entries }: Household, reference: Reference, what: string): readonly Entry[] {
  const byName = typeof reference === 'string'
  const found = byName ? entries.byName(reference) : entries.byValue(reference)
  if (found.length === 0) {
    const shown = byName ? `the name '${reference}'` : 'that value'
    const message = `${what}: ${path} holds nothing under ${shown}. Register it first, in the same lifecycle.`
    throw coded(new RangeError(message), 'ERR_UNKNOWN_RESOURCE')
  }
  if (byName && found.length > 1) {
    const labels = found.map(({ detail }) => `'${reference}#${detail?.repeat}'`).join(', ')
    const message = `${what}: '${reference}' is ambiguous in ${path}. Say which: ${labels}, or pass the value.`
    throw coded(new RangeError(message), 'ERR_AMBIGUOUS_NAME')
  }
  return found
}

/** Puts an entry where it is to stand, with its edges. */
export function settleAt(entry: Entry, { name, grace, last, dependencies, dependants }: Place): void {
  const detail = entry.detailed()
  detail.name = name
  detail.grace = grace
  detail.last = last
  for (const dependant of dependants) link(dependant, entry)
  for (const dependency of dependencies) link(entry, dependency)
}

function link(dependant: Entry, dependency: Entry): void {
  const from = dependant.detailed()
  const to = dependency.detailed()
  from.dependencies ??= new Set()
  to.dependants ??= new Set()
  from.dependencies.add(dependency)
  to.dependants.add(dependant)
}

/** Checks the name and the options of what is registered by a name of its own, so that no option may name it. */
export function checkNamed(name: string, options: object, more: readonly string[]): void {
  checkName('name', name)
  checkObject('options', options)
  checkOptions('options', options, ['grace', ...PLACE, ...more])
}

const NONE: Entry[] = []

/** A place with a name and no edges, for what the library itself registers. The name has been checked. */
export function named(name: string): Place {
  return { name, grace: undefined, last: false, dependencies: NONE, dependants: NONE }
}

/** Parts the options that say where a resource stands from the others. */
export function splitPlace<T extends PlaceOptions>(options: T): [PlaceOptions, Omit<T, keyof PlaceOptions>] {
  const { dependsOn, requiredBy, last, ...others } = options
  const place: PlaceOptions = {}
  if (dependsOn !== undefined) place.dependsOn = dependsOn
  if (requiredBy !== undefined) place.requiredBy = requiredBy
  if (last !== undefined) place.last = last
  return [place, others]
}

/** Options of a registration that has none, which most are: known by identity. */
export const PLAIN: object = Object.freeze({})

function cycleError(labels: readonly string[]): Error {
  const message = `These would wait for one another: ${labels.join(' → ')}. Take one of dependsOn and requiredBy away.`
  return coded(new RangeError(message), 'ERR_CYCLE')
}
