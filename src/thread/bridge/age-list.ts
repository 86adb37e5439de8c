import type { PendingCall } from './pending-call.ts'

/** Calls that all have the same time, oldest first: so only the first one need be looked at. */
export class AgeList {
  /** How many ms each of them has; Infinity for no limit. */
  readonly limit: number
  oldest: PendingCall | undefined = undefined
  #youngest: PendingCall | undefined = undefined

  constructor(limit: number) {
    this.limit = limit
  }

  /** Takes in a call whose time counts from now on: the youngest. */
  add(call: PendingCall): void {
    const last = this.#youngest
    call.ages = this
    call.older = last
    if (last === undefined) this.oldest = call
    else last.younger = call
    this.#youngest = call
  }

  remove(call: PendingCall): void {
    const { older, younger } = call
    if (older === undefined) this.oldest = younger
    else older.younger = younger
    if (younger === undefined) this.#youngest = older
    else younger.older = older
    call.ages = call.older = call.younger = undefined
  }
}
