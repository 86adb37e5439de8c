import type { Site } from '../../lifecycle/contract.ts'
import { outcry } from '../../lifecycle/outcry.ts'
import type { Voice } from '../../lifecycle/voice.ts'
import type { Slot } from './slot.ts'

/** How many places are remembered of which a warning was given. */
const PLACES = 100

/**
 * Tells what happens in a pool, to those who listen. Of leaked leases, which are a fault, it also warns, once for each
 * place that leaks.
 */
export class Notices {
  readonly #voice: Voice
  readonly #warned = new Set<string>()

  constructor(voice: Voice) {
    this.#voice = voice
  }

  opened({ id }: Slot<unknown>, ms: number): void {
    if (this.#voice.isHeard('connection.opened')) this.#voice.tell('connection.opened', { item: id, ms })
  }

  closed({ id }: Slot<unknown>, reason: string, ms: number, cause: unknown): void {
    if (!this.#voice.isHeard('connection.closed')) return
    this.#voice.tell('connection.closed', { item: id, reason, ms, ...(cause !== undefined && { cause }) })
  }

  failed(reason: 'create' | 'validate' | 'destroy', error: unknown, slot?: Slot<unknown>): void {
    if (!this.#voice.isHeard('connection.failed')) return
    this.#voice.tell('connection.failed', { reason, error, ...(slot && { item: slot.id }) })
  }

  overdue({ id, site }: Slot<unknown>, ms: number): void {
    const age = Math.round(ms)
    if (this.#voice.isHeard('lease.overdue')) {
      this.#voice.tell('lease.overdue', { item: id, ms: age, ...(site && { site }) })
    }
    const text = `A lease of ${this.#voice.path} has been out for ${age} ms: connection ${id}, ${placeOf(site)}.`
    const mend = 'Release it as soon as the work is done, or raise leakThreshold.'
    this.#warn('ENDSWELL_LEASE_OVERDUE', site, `${text} ${mend}`)
  }

  lost({ id, site }: Slot<unknown>, ms: number): void {
    const age = Math.round(ms)
    if (this.#voice.isHeard('lease.lost')) {
      this.#voice.tell('lease.lost', { item: id, ms: age, ...(site && { site }) })
    }
    const text = `A lease of ${this.#voice.path} was dropped without release: connection ${id}, ${placeOf(site)}.`
    const mend = "The connection is ended and its place free again. Use 'await using lease = await pool.acquire()'."
    this.#warn('ENDSWELL_LEASE_LOST', site, `${text} ${mend}`)
  }

  /** A function of the user's threw where nobody waits for it. */
  threw(error: unknown): void {
    outcry(this.#voice, error)
  }

  #warn(code: string, site: Site | undefined, text: string): void {
    const what = `${code} ${placeOf(site)}`
    if (this.#warned.has(what) || this.#warned.size >= PLACES) return
    this.#warned.add(what)
    process.emitWarning(text, { type: 'ResourceLeakWarning', code })
  }
}

/** Where a lease was acquired, as a part of a sentence. */
export function placeOf(site: Site | undefined): string {
  if (site === undefined) return 'acquired at a place that was not kept (see the option sites)'
  const by = site.function === undefined ? '' : ` by ${site.function}`
  return `acquired${by} at ${site.file}:${site.line}:${site.column}`
}
