import { checkFunction, isObject, wrongType } from './check.ts'
import type { Reference, ResourceOptions, UseOptions } from './contract.ts'
import { callback, scopeIn } from './core-kinds.ts'
import { wayToEnd } from './disposer.ts'
import { type Entry, LIVE, type Method } from './entry.ts'
import { findSiblings } from './place.ts'
import type { Scope } from './scope.ts'

const MORE = ['kind', 'close', 'force'] as const

/** What `Lifecycle.use` does, in a scope. */
export function use<T>(scope: Scope, value: T, options: UseOptions<T>): T {
  scope.checkOpen()
  if (value === null || value === undefined) {
    scope.awaitsOnce = true
    return value
  }
  if (!isObject(value)) throw wrongType('value', 'an object', value)
  const place = scope.placeOf(options, MORE, value)
  const way = wayToEnd(value, scope.settings.kinds, options as unknown as UseOptions<never>)
  const entry = scope.add(way.kind, value, way.method, place)
  // Its kind may have found that it has ended already.
  if (entry.state === LIVE) scope.entries.index(entry)
  return value
}

/** What `Lifecycle.adopt` does, in a scope. */
export function adopt<T>(scope: Scope, value: T, onDispose: (value: T) => unknown, options: ResourceOptions): T {
  scope.checkOpen()
  checkFunction('onDispose', onDispose)
  const entry = scope.add(callback, value, onDispose as Method, scope.placeOf(options))
  if (isObject(value)) scope.entries.index(entry)
  return value
}

/** What `Lifecycle.defer` does, in a scope. */
export function defer(scope: Scope, onDispose: () => unknown, options: ResourceOptions): void {
  scope.checkOpen()
  checkFunction('onDispose', onDispose)
  scope.add(callback, onDispose, undefined, scope.placeOf(options))
}

/** The entries of a resource: none where a value is not, or no longer, held; a name that nothing has throws. */
export function entriesOf(scope: Scope, resource: Reference): readonly Entry[] {
  if (typeof resource === 'string') return findSiblings(scope, resource, 'resource')
  if (!isObject(resource)) throw wrongType('resource', 'a name, or the value that was registered', resource)
  return scope.entries.byValue(resource)
}

/** Stops tracking the entries of a resource. Says whether there were any. */
export function forget(scope: Scope, resource: Reference): boolean {
  const held = entriesOf(scope, resource).filter(({ state }) => state === LIVE)
  for (const entry of held) {
    if (entry.state !== LIVE) continue
    scope.remove(entry)
    scopeIn(entry)?.detach()
    if (scope.observes('resource.forgotten')) scope.publish('resource.forgotten', entry)
  }
  return held.length > 0
}
