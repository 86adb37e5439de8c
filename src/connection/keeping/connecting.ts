import { endLate } from '../../lifecycle/acquire.ts'
import { isObject, wrongType } from '../../lifecycle/check.ts'
import type { UseOptions } from '../../lifecycle/contract.ts'
import { kindFor } from '../../lifecycle/kind.ts'
import { type Lifecycle, scopeOf } from '../../lifecycle/lifecycle.ts'
import { Limit } from '../../lifecycle/limit.ts'
import { use } from '../../lifecycle/register.ts'
import { releaseOne } from '../../lifecycle/release.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import { waitFor } from '../../lifecycle/wait.ts'
import { guard, opened } from './known-events.ts'
import { final } from './misuse.ts'
import { webSocketKind } from './web-socket.ts'

/** How a connection is made, and how it ends. */
export interface Plan<T> {
  readonly connect: (scope: Lifecycle, signal: AbortSignal) => T | Promise<T>
  readonly timeout: number
  /** How it ends, as given by hand. */
  readonly ending: Pick<UseOptions<T>, 'kind' | 'close' | 'force'>
}

/**
 * Connects, registers what that brings, and waits until it is open: only so long, and not after its scope has closed.
 * What comes later is ended, in a scope of its own.
 */
export function open<T>(face: Lifecycle, { connect, timeout, ending }: Plan<T>): Promise<T> {
  const scope = scopeOf(face)
  const limit = new Limit(scope.path, scope.clock, timeout)
  const work = async ({ signal }: { signal: AbortSignal }): Promise<T> => {
    const before = scope.entries.size
    const value = await connect(face, signal)
    if (value === undefined) throw final(wrongType('What connect brings', 'a connection', value, 'Return it.'))
    guard(value)
    const register = (into: Scope): void => hold(into, value, ending, scope.entries.size > before)
    if (signal.aborted) return await endLate(scope, 'connect', register)
    register(scope)
    await opened(value, signal)
    return value
  }
  return waitFor(limit, work, { signal: scope.signal }, timeout) as Promise<T>
}

/** Registers a connection, unless it is registered already, or is no object, which needs no end. */
function hold<T>(scope: Scope, value: T, ending: Plan<T>['ending'], isElse: boolean): void {
  if (!isObject(value) || scope.entries.byValue(value).length > 0) return
  const isKnown = Object.keys(ending).length > 0 || kindFor(value, scope.settings.kinds) !== undefined
  const kind = isKnown ? undefined : webSocketKind(value)
  try {
    use(scope, value, { ...(ending as object), ...(kind && { kind }), name: 'connection' })
  } catch (error) {
    // What `connect` has registered in its stead is taken to end it.
    if (isElse && !isKnown) return
    throw error instanceof TypeError ? final(error) : error
  }
}

/** Cuts a connection of which nothing is heard: to say goodbye to it would only wait for its grace to be over. */
export function cut(face: Lifecycle, value: unknown): void {
  const scope = scopeOf(face)
  if (!isObject(value)) return
  for (const entry of scope.entries.byValue(value)) {
    releaseOne(scope, entry)
    entry.detail?.ladder?.force()
  }
}
