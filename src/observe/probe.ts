import { readinessOf } from '../lifecycle/readiness.ts'
import type { Scope } from '../lifecycle/scope.ts'

/** What the platform asks: is it alive, is it to be sent requests, has it started? */
export type Probe = 'live' | 'ready' | 'startup'

/** Where a lifecycle stands, as the platform sees it. */
export type Phase = 'starting' | 'ready' | 'draining' | 'closing' | 'closed'

/** What a lifecycle tells of itself at one moment. */
export interface Standing {
  readonly phase: Phase
  /** Whether its start is over, whatever came after. */
  readonly started: boolean
}

/** The answer to a probe. */
export interface Verdict {
  readonly healthy: boolean
  /** The phase, or that a check of this probe fails. */
  readonly status: Phase | 'failing'
}

/** What a lifecycle tells of itself now. */
export function standingOf(scope: Scope): Standing {
  const { started, pending, draining } = readinessOf(scope)
  const phase = endingOf(scope) ?? (draining ? 'draining' : started && pending.size === 0 ? 'ready' : 'starting')
  return { phase, started }
}

/** How far its closing has got, or that of what it is in. */
function endingOf(scope: Scope): 'closing' | 'closed' | undefined {
  for (let each: Scope | undefined = scope; each !== undefined; each = each.parent) {
    if (each.state !== 'open') return each.state
  }
  return undefined
}

/**
 * Whether the checks of a probe are to be run: only where they decide, so never for the start, and never once the
 * closing has begun, when what they ask may be gone.
 */
export function asksChecks(probe: Probe, { phase }: Standing): boolean {
  if (probe === 'ready') return phase === 'ready'
  return probe === 'live' && phase !== 'closing' && phase !== 'closed'
}

/** The answer to a probe, given whether a check of it fails. A lifecycle that drains or closes is alive. */
export function verdictOf(probe: Probe, standing: Standing, failing: boolean): Verdict {
  const { phase, started } = standing
  const fails = failing && asksChecks(probe, standing)
  const status = fails ? 'failing' : phase
  if (probe === 'live') return { healthy: !fails, status }
  return { healthy: probe === 'ready' ? status === 'ready' : started, status }
}
