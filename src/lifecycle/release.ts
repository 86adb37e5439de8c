import type { Outcome } from './contract.ts'
import { Descent } from './descent.ts'
import { ENDED, type Entry, LIVE } from './entry.ts'
import type { Scope } from './scope.ts'

const worstLast: readonly Outcome[] = ['closed', 'forced', 'failed', 'abandoned']

/** Ends entries of an open lifecycle, newest first and one by one, and gives the worst of their outcomes. */
export async function releaseAll(scope: Scope, entries: readonly Entry[]): Promise<Outcome> {
  let worst = 0
  for (const entry of entries.toReversed()) worst = Math.max(worst, worstLast.indexOf(await releaseOne(scope, entry)))
  return worstLast[worst] ?? 'closed'
}

/** Ends one entry, whatever depends on it, or waits for its end where that is under way. */
export function releaseOne(scope: Scope, entry: Entry): Promise<Outcome> {
  return new Promise((resolve) => {
    // Where several entries of a value end one by one, somebody else may have ended this one meanwhile.
    if (entry.state === ENDED) return resolve('closed')
    entry.whenEnded(resolve)
    if (entry.state === LIVE)
      new Descent(scope, 'it was released', Number.POSITIVE_INFINITY, false).ladder(entry).close()
  })
}
