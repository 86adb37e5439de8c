import { wrongType } from './check.ts'
import { type Entry, LIVE } from './entry.ts'
import type { Audible } from './events.ts'
import type { HomingKind } from './own-kind.ts'

/** What an entry is watched for. */
interface Household extends Audible {
  pathOf(entry: Entry): string
  left(entry: Entry): void
  remove(entry: Entry): void
  unlink(entry: Entry): void
}

/** Has an entry leave when its resource ends by itself, which its kind can tell. It may have ended already. */
export function watchEnd(household: Household, entry: Entry): void {
  let left = false
  const leave = (): void => {
    left = true
    if (entry.state === LIVE) household.left(entry)
  }
  const home = { heardBy: household, path: () => household.pathOf(entry) }
  let unwatch: (() => void) | undefined
  try {
    unwatch = (entry.kind as HomingKind).onGone?.(entry.value, leave, home)
  } catch (error) {
    household.remove(entry)
    throw error
  }
  if (unwatch === undefined) return
  if (typeof unwatch !== 'function') {
    household.remove(entry)
    throw wrongType(`What onGone of the kind '${entry.kind.name}' returned`, 'its undo, a function', unwatch)
  }
  entry.detailed().unwatch = unwatch
  if (left) household.unlink(entry)
}
