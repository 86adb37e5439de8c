import type { LeaseRow } from './lease.ts'
import type { Slot } from './slot.ts'

/** The leases that are out, oldest first: frozen. */
export function rowsOf(slots: Iterable<Slot<unknown>>, now: number): readonly LeaseRow[] {
  const lent = [...slots].filter(({ state }) => state === 'lent').sort((one, other) => one.lentAt - other.lentAt)
  return Object.freeze(
    lent.map(({ id, lentAt, site }) => Object.freeze({ id, age: Math.round(now - lentAt), ...(site && { site }) })),
  )
}
