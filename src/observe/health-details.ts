import { scopeIn } from '../lifecycle/core-kinds.ts'
import { ENDING } from '../lifecycle/entry.ts'
import { readinessOf } from '../lifecycle/readiness.ts'
import type { Scope } from '../lifecycle/scope.ts'
import type { CheckResult } from './health-check.ts'
import type { Phase } from './probe.ts'

/** How many closing resources are named: an answer to a probe must stay small. */
const NAMED = 100

/** What an answer tells to those who may see it, besides its status. */
export interface HealthDetails {
  /** Paths of what the start waits for. */
  readonly pending: readonly string[]
  /** Paths of what came up without being whole, and what is lost by that, if it was said. */
  readonly degraded: Readonly<Record<string, string | null>>
  /** Paths of what is on its way out right now, at most 100. */
  readonly closing: readonly string[]
  /** How the checks of this probe went, by name; none where none was run. */
  readonly checks: Readonly<Record<string, CheckResult>>
}

/** What a lifecycle tells at this moment. */
export function detailsOf(scope: Scope, phase: Phase, checks: Readonly<Record<string, CheckResult>>): HealthDetails {
  const { pending, degraded } = readinessOf(scope)
  return {
    pending: [...pending],
    degraded: Object.fromEntries([...degraded].map(([path, impact]) => [path, impact ?? null])),
    closing: phase === 'closing' ? closingIn(scope) : [],
    checks,
  }
}

/** Those of the whole house: what is inside of it goes when its turn comes. */
function closingIn(scope: Scope): string[] {
  const names: string[] = []
  for (const name of closingNames(scope.root)) {
    if (names.push(name) === NAMED) break
  }
  return names
}

function* closingNames(scope: Scope): Generator<string> {
  for (const entry of scope.entries) {
    if (entry.state !== ENDING) continue
    const inside = scopeIn(entry)
    if (inside !== undefined && inside.entries.size > 0) yield* closingNames(inside)
    else yield scope.pathOf(entry)
  }
}
