import { checkFunction, wrongType } from './check.ts'
import type { Ending, UseOptions } from './contract.ts'
import { asyncDisposer, syncDisposer } from './core-kinds.ts'
import type { Method } from './entry.ts'
import { checkKind, type Kind, kindFor } from './kind.ts'
import { ownKindOf } from './own-kind.ts'

/** How a value that was given to `use` ends. */
export interface Way {
  readonly kind: Kind
  readonly method?: Method
}

/**
 * Decides how `value` ends: by hand where options say so, else by the first kind that matches, else by the kind that it
 * brings along, else by its own disposer. The kinds of Node match only where the disposer is missing or Node's own, which neither waits nor counts.
 *
 * @throws TypeError when there is no way to end it.
 */
export function wayToEnd(value: unknown, kinds: readonly Kind[], options: UseOptions<never>): Way {
  if (options.close !== undefined || options.force !== undefined) return { kind: byHand(value as object, options) }
  if (options.kind !== undefined && options.kind !== false) {
    checkKind('options.kind', options.kind, 'a kind or false')
    return { kind: options.kind as Kind }
  }
  const kind = options.kind === false ? undefined : (kindFor(value, kinds) ?? ownKindOf(value))
  if (kind !== undefined) return { kind }
  return ownDisposer(value as Disposable & AsyncDisposable)
}

// The standard reads each method once, at registration, and falls through where asyncDispose is undefined or null.
function ownDisposer(value: Disposable & AsyncDisposable): Way {
  let method: unknown = value[Symbol.asyncDispose]
  let kind = asyncDisposer
  if (method === undefined || method === null) {
    method = value[Symbol.dispose]
    kind = syncDisposer
  }
  const mend = "Say how it ends: use(value, { close: 'end', force: 'destroy' }), adopt(value, fn) or defer(fn)."
  checkFunction('The disposer of the value', method, mend)
  return { kind, method: method as Method }
}

function byHand(value: object, options: UseOptions<never>): Kind {
  const { close, force, kind } = options
  if (kind !== undefined) throw wrongType('options.kind', 'left out beside close and force', kind)
  const custom = { name: 'custom', matches: () => false, close: ending(value, 'close', close) }
  return force === undefined ? custom : { ...custom, force: ending(value, 'force', force) }
}

function ending(value: object, name: 'close' | 'force', way: Ending<never> | undefined): (value: unknown) => unknown {
  if (typeof way === 'function') return way as (value: unknown) => unknown
  const method = typeof way === 'string' || typeof way === 'symbol' ? (value as Record<PropertyKey, unknown>)[way] : way
  const mend =
    way === undefined ? 'There is no force without a close.' : `'${String(way)}' is not a method of the value.`
  checkFunction(`options.${name}`, method, mend)
  return () => (method as Method).call(value)
}
