import type { Readiness } from '../lifecycle/readiness.ts'
import { span } from '../lifecycle/report.ts'
import type { Scope } from '../lifecycle/scope.ts'
import { closingIn } from './leaves.ts'

/** How many names a status has room for before it counts the rest. */
const NAMED = 5

/** What a start waits for, in a line: the steps under way, and the phases in which nothing else is. */
export function startingWords(under: readonly string[]): string {
  const innermost = under.filter((path) => !under.some((other) => other.startsWith(`${path}/`)))
  return innermost.length === 0 ? 'starting' : `starting: ${listed(innermost)}`
}

/** That it serves, and what is missing. */
export function servingWords({ degraded }: Readiness): string {
  return degraded.size === 0 ? 'serving' : `serving, without ${listed([...degraded.keys()])}`
}

/** What a closing that has gone on for `ms` waits for right now, and how much is still to come. */
export function closingWords(scope: Scope, ms: number): string {
  const { closing, waiting } = closingIn(scope)
  const paths = closing.map(({ scope: home, entry }) => home.pathOf(entry))
  const parts = [listed(paths), waiting > 0 ? `${waiting} to come` : '']
  return `closing for ${span(ms)}: ${parts.filter(Boolean).join('; ')}`
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMED)
  return (names.length > NAMED ? [...shown, `${names.length - NAMED} more`] : shown).join(', ')
}
