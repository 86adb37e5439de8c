import type { Clock } from './clock.ts'
import type { Outcome } from './contract.ts'
import { scopeIn } from './core-kinds.ts'
import type { Entry } from './entry.ts'
import { Ladder, type LadderHost } from './ladder.ts'
import type { Scope } from './scope.ts'
import { chain } from './suppressed-error.ts'
import type { Ended } from './tally.ts'

/** How many ms a resource that is forced gets before it counts as abandoned. */
const FORCE_WINDOW = 1_000

/** The note of a resource whose closing hangs while somebody waits for the whole. */
export const KNOT = 'close() was called while this was closing: does it await its own lifecycle?'

/** What the ladders of one scope's resources have in common, in a closing as in a single release. */
export class Descent implements LadderHost {
  readonly clock: Clock
  readonly reason: string
  deadline: number
  timed: boolean
  readonly #scope: Scope

  constructor(scope: Scope, reason: string, deadline: number, timed: boolean) {
    this.#scope = scope
    this.clock = scope.clock
    this.reason = reason
    this.deadline = deadline
    this.timed = timed
  }

  /** A way down for the entry, not begun. */
  ladder(entry: Entry): Ladder {
    const ladder = new Ladder(entry, this)
    this.#scope.under ??= new Set()
    this.#scope.under.add(ladder)
    return ladder
  }

  enter(): void {
    this.#scope.enter()
  }

  exit(): void {
    this.#scope.exit()
  }

  graceOf(entry: Entry): number {
    if (scopeIn(entry) !== undefined) return Number.POSITIVE_INFINITY
    const { kind, detail } = entry
    return detail?.grace ?? kind.grace ?? this.#scope.settings.grace
  }

  windowOf(entry: Entry): number {
    return scopeIn(entry) !== undefined ? Number.POSITIVE_INFINITY : FORCE_WINDOW
  }

  pathOf(entry: Entry): string {
    return this.#scope.pathOf(entry)
  }

  forcing(entry: Entry): void {
    if (this.#scope.observes('resource.forcing')) this.#scope.publish('resource.forcing', entry)
  }

  late(entry: Entry, error: unknown): void {
    if (this.#scope.observes('resource.late')) this.#scope.publish('resource.late', entry, { error })
  }

  ended(ladder: Ladder): void {
    this.#scope.under?.delete(ladder)
    const { entry, outcome = 'closed', error, startedAt, context, joined } = ladder
    const ms = this.clock.now() - startedAt
    const inside = scopeIn(entry)
    if (inside !== undefined) return this.#scopeEnded(entry, inside, ms)
    const note = context.text ?? (joined && outcome !== 'closed' ? KNOT : undefined)
    settle(this.#scope, { entry, outcome, ms, error, note })
  }

  /** A scope has no row of its own: what was in it has. */
  #scopeEnded(entry: Entry, inside: Scope, ms: number): void {
    const { tally } = inside.closing ?? {}
    const own = this.#scope.closing
    if (tally !== undefined && own !== undefined && !own.done) {
      own.tally.merge(tally)
      if (tally.errors.length > 0) own.tally.errors.push(chain(tally.errors))
    }
    retire(this.#scope, entry, tally?.worst ?? 'closed', ms, undefined)
  }
}

/** Counts how an entry ended, where a closing counts, and takes it out. */
export function settle(scope: Scope, ended: Ended): void {
  const { closing } = scope
  const { entry, outcome, ms, error } = ended
  if (closing !== undefined && !closing.done) {
    if (outcome !== 'closed') closing.tally.addWorse(ended)
    else {
      closing.tally.counts.closed += 1
      closing.tally.addSlow(ended)
    }
  }
  retire(scope, entry, outcome, ms, error)
}

/** Takes an ended entry out, tells of it, and tells those who wait for it. */
export function retire(scope: Scope, entry: Entry, outcome: Outcome, ms: number, error: unknown): void {
  // From here on nobody finds it: whoever is told may release, force or close what is left.
  scope.unlink(entry)
  if (outcome !== 'closed') scope.mayEcho = true
  if (scope.observes('resource.ended')) {
    const more = error === undefined ? { outcome, ms } : { outcome, ms, error }
    scope.publish('resource.ended', entry, more)
  }
  scope.closing?.left(entry)
  for (const tell of entry.detail?.onEnded ?? []) tell(outcome, error)
}
