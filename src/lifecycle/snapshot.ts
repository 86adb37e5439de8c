import type { ResourceSnapshot, Snapshot } from './contract.ts'
import { scopeIn } from './core-kinds.ts'
import { type Entry, LIVE } from './entry.ts'
import { inspect } from './inspect.ts'
import type { Scope } from './scope.ts'

/** What a scope holds now, as plain data that nothing can change. */
export function snapshotOf(scope: Scope): Snapshot {
  const { path, state, entries } = scope
  const resources = [...entries].map((entry) => resourceOf(scope, path, entry))
  return Object.freeze({ path, state, size: entries.size, resources: Object.freeze(resources) })
}

function resourceOf(scope: Scope, path: string, entry: Entry): ResourceSnapshot {
  const { kind, detail, born } = entry
  const description = describe(entry)
  const scopeInside = scopeIn(entry)
  return Object.freeze({
    path: `${path}/${entry.label}`,
    kind: kind.name,
    state: entry.state === LIVE ? 'open' : 'closing',
    ...(born < 0 ? {} : { age: Math.max(0, Math.floor(scope.clock.now() / 1_000) - born) * 1_000 }),
    ...(description === undefined ? {} : { description }),
    ...(detail?.site === undefined ? {} : { site: detail.site }),
    ...(scopeInside === undefined ? {} : { inside: snapshotOf(scopeInside) }),
  })
}

/** A kind that fails at describing must not keep the others from being seen. */
function describe({ kind, value }: Entry): string | undefined {
  try {
    return kind.describe?.(value)
  } catch (error) {
    return `cannot be described: ${inspect(error, { depth: 0 })}`
  }
}
