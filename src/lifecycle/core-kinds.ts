import type { Context } from './context.ts'
import type { Entry, Method } from './entry.ts'
import type { Kind } from './kind.ts'
import type { Scope } from './scope.ts'

/** A kind of the core, which may bound its own end: then it gets no grace and no window, only the deadline. */
export interface CoreKind<T = unknown> extends Kind<T> {
  readonly bounded?: boolean
}

/** The scope that an entry stands for. Its kind is asked: a value of the user's may not even bear to be looked at. */
export function scopeIn({ kind, value }: Entry): Scope | undefined {
  return (kind as CoreKind).bounded === true ? (value as Scope) : undefined
}

const never = (): boolean => false

/**
 * The kinds that the standard itself knows keep their function in the entry, so that a million of them need no object
 * more, and they have one rung only. This one is for `defer` and `adopt`.
 */
export const callback: Kind = Object.freeze({ name: 'callback', matches: never, close: never })

/** An object's own `[Symbol.asyncDispose]`. */
export const asyncDisposer: Kind = Object.freeze({ name: 'custom', matches: never, close: never })

/** An object's own `[Symbol.dispose]`: what it returns is not awaited, as the standard has it. */
export const syncDisposer: Kind = Object.freeze({ name: 'custom', matches: never, close: never })

/** Whether an entry is one of those that the standard knows. */
export function isStandard({ kind }: Entry): boolean {
  return kind === callback || kind === asyncDisposer || kind === syncDisposer
}

/** Starts the gentle closing of a standard entry. What it returns is to be awaited; it may throw. */
export function call({ kind, value, method }: Entry): unknown {
  if (kind === asyncDisposer) return (method as Method).call(value)
  if (kind === syncDisposer) return disposeInStep(value, method as Method)
  // A callback has no receiver, and one argument or none.
  if (method !== undefined) return method(value)
  const deferred = value as () => unknown
  return deferred()
}

/** The standard turns the throw of a sync disposer into a rejection, which settles one turn later. */
function disposeInStep(value: unknown, method: Method): unknown {
  try {
    method.call(value)
  } catch (error) {
    return Promise.reject(error)
  }
  return undefined
}

/** Starts the gentle closing of any entry. */
export function begin(entry: Entry, context: Context): unknown {
  return isStandard(entry) ? call(entry) : entry.kind.close(entry.value, context)
}
