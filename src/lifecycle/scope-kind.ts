import { checkName } from './check.ts'
import { Closing } from './closing.ts'
import type { Context } from './context.ts'
import type { CloseOptions, ScopeOptions } from './contract.ts'
import type { CoreKind } from './core-kinds.ts'
import type { CloseContext } from './kind.ts'
import { named, PLACE, PLAIN, splitPlace } from './place.ts'
import { plainError } from './report.ts'
import { Scope } from './scope.ts'
import { checkSettings, DEFAULT_TIMEOUT, scopeSettings } from './settings.ts'

/** Starts the closing of a scope, or joins the one under way; `undefined` where nothing had to be done. */
export function closeScope(scope: Scope, options: CloseOptions, deadline: number, timed: boolean): Closing | undefined {
  if (scope.closing !== undefined) {
    const closing = scope.closing as Closing
    closing.join(options, deadline, timed)
    return closing
  }
  if (scope.state === 'closed') return undefined
  const isHeard = scope.observes('lifecycle.closing') || scope.observes('lifecycle.closed')
  if (scope.entries.size > 0 || scope.awaitsOnce || isHeard) {
    const { timeout = deadline === Number.POSITIVE_INFINITY ? timeoutOf(scope) : scope.settings.timeout } = options
    return new Closing(scope, { ...options, timeout, deadline, timed })
  }
  // Nothing to end and nobody to tell: most scopes of a busy service end so, and it should cost them nothing.
  scope.shut()
  scope.finish()
  return undefined
}

/** How long a scope may take that closes on its own: what it was given, else what those above it were. */
function timeoutOf({ settings: { timeout }, parent }: Scope): number {
  if (timeout !== Number.POSITIVE_INFINITY) return timeout
  return parent === undefined ? DEFAULT_TIMEOUT : timeoutOf(parent)
}

/** Something failed that the whole must not survive: the top closes, in the way that its owner chose. */
export function failAll(scope: Scope, error: unknown, path: string): void {
  const { root } = scope
  if (root.onFatal !== undefined) return root.onFatal(error, path)
  const plain = plainError(error)
  const message = typeof plain === 'string' ? plain : plain.message
  closeScope(root, { reason: `${path} failed: ${message}` }, Number.POSITIVE_INFINITY, false)
}

function closeInside(scope: Scope, context: CloseContext, force: boolean): Promise<void> | undefined {
  const { reason, deadline, timed } = context as Context
  const closing = closeScope(scope, { reason, force }, deadline, timed)
  if (closing === undefined || closing.done) return undefined
  return new Promise((resolve) => closing.whenDone(resolve))
}

/** A lifecycle inside another one: bounded by its own timeout and what its parent has left. */
const scopeKind: CoreKind<Scope> = Object.freeze({
  name: 'scope',
  bounded: true,
  matches: () => false,
  close: (scope: Scope, context: CloseContext) => closeInside(scope, context, false),
  force: (scope: Scope, context: CloseContext) => closeInside(scope, context, true),
})

/** Opens a scope inside another one; it is born closed where that one takes no more. */
export function openScope(parent: Scope, name: string, options: ScopeOptions): Scope {
  checkName('name', name)
  const plain = options === PLAIN
  if (!plain) checkSettings(options, PLACE)
  const [where, own] = plain ? [PLAIN, PLAIN] : splitPlace(options)
  const scope = new Scope(name, plain ? parent.scopeSettings : scopeSettings(own, parent.settings), parent)
  if (parent.state === 'open') {
    const place = where === PLAIN ? named(name) : parent.placeOf({ name, ...where })
    scope.place = parent.add(scopeKind, scope, undefined, place)
  } else {
    scope.shut()
    scope.finish()
  }
  return scope
}
