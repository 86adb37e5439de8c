import { EndswellError } from '../../lifecycle/errors.ts'
import { inspect } from '../../lifecycle/inspect.ts'
import { TimeoutError } from '../../lifecycle/timeout-error.ts'
import { placeOf } from './notices.ts'
import type { Slot } from './slot.ts'

/** What the errors of those who get no connection tell about the pool. */
interface Situation {
  readonly path: string
  readonly settings: { readonly max: number; readonly maxWaiting: number }
  readonly stock: { readonly slots: ReadonlySet<Slot<unknown>>; readonly leased: number }
  readonly connector: {
    readonly connecting: number
    readonly stuck: number
    readonly lastError: { readonly error: unknown } | undefined
  }
}

/** Too many wait already. */
export function fullError(pool: Situation): EndswellError {
  const { path, settings } = pool
  const text = `${path} has ${settings.maxWaiting} waiting already, as many as maxWaiting allows. ${whyBusy(pool, 0)}`
  return new EndswellError('ERR_QUEUE_FULL', text, { path })
}

/** The attempt to open a connection failed that the one who has waited longest waited for. */
export function connectError({ path }: Situation, cause: unknown): EndswellError {
  return new EndswellError('ERR_CONNECT_FAILED', `${path} could not connect: ${wordsOf(cause)}`, { path, cause })
}

/** Counts those who give up, and says why nobody served them. */
export class Patience {
  readonly #pool: Situation & { readonly counts: { timedOut: number; aborted: number } }

  constructor(pool: Situation & { readonly counts: { timedOut: number; aborted: number } }) {
    this.#pool = pool
  }

  tooLate(waiter: { readonly timeout: number; readonly at: number }, now: number): TimeoutError {
    this.#pool.counts.timedOut += 1
    return lateError(this.#pool, waiter, now)
  }

  gaveUp(): void {
    this.#pool.counts.aborted += 1
  }
}

/** Nothing was free until time was up; the error says what was in the way. */
function lateError(
  pool: Situation,
  waiter: { readonly timeout: number; readonly at: number },
  now: number,
): TimeoutError {
  const { timeout, at } = waiter
  const elapsed = Math.round(now - at + timeout)
  const path = `${pool.path}/acquire`
  return new TimeoutError({ path, timeout, elapsed, limitedBy: undefined, hint: whyBusy(pool, now) })
}

function whyBusy({ settings, stock, connector }: Situation, now: number): string {
  const parts = [`${stock.leased} of ${settings.max} connections were in use`]
  if (connector.connecting > 0) parts.push(`${connector.connecting} being opened`)
  if (connector.stuck > 0) parts.push(`${connector.stuck} given up that never settled`)
  const longest = longestOut(stock.slots)
  if (longest !== undefined && now > 0) {
    parts.push(
      `held longest: connection ${longest.id} for ${Math.round(now - longest.lentAt)} ms, ${placeOf(longest.site)}`,
    )
  }
  const { lastError } = connector
  if (lastError !== undefined) parts.push(`the last attempt to connect failed: ${wordsOf(lastError.error)}`)
  return `${parts.join('; ')}.`
}

function longestOut(slots: ReadonlySet<Slot<unknown>>): Slot<unknown> | undefined {
  let longest: Slot<unknown> | undefined
  for (const slot of slots) {
    if (slot.state === 'lent' && (longest === undefined || slot.lentAt < longest.lentAt)) longest = slot
  }
  return longest
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : inspect(error)
}
