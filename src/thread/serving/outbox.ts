import type { MessagePort, Transferable } from 'node:worker_threads'
import { isObject } from '../../lifecycle/check.ts'
import { systemClock } from '../../lifecycle/clock.ts'
import { EVENT, ITEM, REFUSED } from '../wire/messages.ts'
import { uncloneable } from '../wire/packed.ts'

/** For how many ms an answer may wait for others to go with. */
const PATIENCE = 1

// The thread's own code may put something else in its place.
const { queueMicrotask } = globalThis

/** What a thread has to say to its bridge: all of one turn goes in one message, unless the turn takes long. */
export class Outbox {
  readonly #port: MessagePort
  readonly #onUnsendable: (seq: number) => void
  /** See `Answers`. */
  #out: unknown[] = []
  /** Since when something may be waiting, and when something was sent last. */
  #since = 0
  #sent = 0
  /** Whose object is among it: the method's name. There is one at most. */
  #giver: string | undefined = undefined
  /** Whether it is known when to flush. */
  #isTurning = false
  readonly #onTurn = (): void => {
    this.#isTurning = false
    this.flush()
  }

  /** @param onUnsendable told of a call that has just been refused because what it gave cannot be sent. */
  constructor(port: MessagePort, onUnsendable: (seq: number) => void) {
    this.#port = port
    this.#onUnsendable = onUnsendable
  }

  /** Runs `work`, and sends what it has added when it is done: no need to look for the end of the turn. */
  during(work: () => void): void {
    this.#isTurning = true
    this.#since = systemClock.now()
    work()
    this.#onTurn()
  }

  /** @param method who says so: named where the value cannot be sent. */
  add(seq: number, kind: number, value: unknown, method: string): void {
    if (kind !== EVENT && isComplex(value)) {
      // Sent together, what two values have in common would be one object: each caller gets a copy of its own.
      if (this.#giver !== undefined) this.flush()
      this.#giver = method
    }
    const now = systemClock.now()
    if (!this.#isTurning) {
      this.#isTurning = true
      this.#since = now
      queueMicrotask(this.#onTurn)
    }
    this.#out.push(seq, kind, value)
    // The first event after a while goes at once: its handler may go on for long, and is what people want to see.
    if (now - (kind === EVENT ? this.#sent : this.#since) >= PATIENCE) this.flush()
  }

  /** As `add`, for a value of which parts are moved: after all that was added before. */
  move(seq: number, kind: number, value: unknown, list: readonly Transferable[], method: string): void {
    this.flush()
    this.#post(seq, kind, value, list, method)
  }

  /**
   * Sends an event. One with more than a number or a text goes by itself, now: what it holds may be changed the moment
   * after, and whether it can be sent is known where it was told. Throws where it cannot.
   */
  tell(seq: number, name: string, value: unknown, list?: readonly Transferable[]): void {
    if (list === undefined && !isComplex(value)) return this.add(seq, EVENT, [name, value], name)
    this.flush()
    this.#port.postMessage([seq, EVENT, [name, value]], list)
    this.#sent = systemClock.now()
  }

  /** Sends all that there is, now. */
  flush(): void {
    const out = this.#out
    if (out.length === 0) return
    const giver = this.#giver ?? ''
    this.#out = []
    this.#giver = undefined
    this.#sent = this.#since = systemClock.now()
    try {
      this.#port.postMessage(out)
    } catch {
      this.#postSingly(out, giver)
    }
  }

  /** Something in there cannot be sent: that alone shall suffer. */
  #postSingly(out: readonly unknown[], giver: string): void {
    const refused = new Set<number>()
    for (let at = 0; at < out.length; at += 3) {
      const seq = out[at] as number
      const kind = out[at + 1] as number
      if (refused.has(seq) && kind !== EVENT) continue
      if (!this.#post(seq, kind, out[at + 2], [], giver)) refused.add(seq)
    }
  }

  /** Says whether the call goes on. */
  #post(seq: number, kind: number, value: unknown, list: readonly Transferable[], method: string): boolean {
    try {
      this.#port.postMessage([seq, kind, value], list)
      return true
    } catch (cause) {
      const what = uncloneable(`${kind === ITEM ? 'A value of the stream' : 'The result'} of ${method}()`, value, cause)
      const message = isIterator(value) ? `${what} Call it with stream() to get its values one by one.` : what
      this.#port.postMessage([seq, REFUSED, ['ERR_UNCLONEABLE', message]])
      this.#onUnsendable(seq)
      return false
    }
  }
}

/** Whether it is more than a copy of itself: it may be shared, and it may be what cannot be sent. */
function isComplex(value: unknown): boolean {
  return isObject(value) || typeof value === 'symbol'
}

function isIterator(value: unknown): boolean {
  return isObject(value) && 'next' in value && (Symbol.iterator in value || Symbol.asyncIterator in value)
}
