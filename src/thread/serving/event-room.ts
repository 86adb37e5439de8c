import { soon } from '../../lifecycle/clock.ts'
import { DROPPED, POSTED, ROOM, TAKEN, WAITING } from '../wire/shared.ts'
import { Gate } from './gate.ts'

/** Who waits for room, as long as it is not cancelled. */
export interface Waiter {
  throwIfCancelled(): void
}

/** How many events may be under way from this thread: counted in shared memory, since the other side may be blocked. */
export class EventRoom {
  readonly #words: Int32Array<SharedArrayBuffer>
  #gate: Gate | undefined = undefined
  /** How many were told in this turn that there is room for theirs, and have not sent it yet. */
  #promised = 0
  #nextTurn: Gate | undefined = undefined

  constructor(words: Int32Array<SharedArrayBuffer>) {
    this.#words = words
  }

  /** Takes a place for an event. Without one, the event is dropped: counts it, and says false. */
  take(): boolean {
    if (this.#promised > 0) this.#promised -= 1
    if (this.#isFull(0)) {
      Atomics.add(this.#words, DROPPED, 1)
      return false
    }
    Atomics.add(this.#words, POSTED, 1)
    return true
  }

  /** The event could not be sent. */
  giveBack(): void {
    Atomics.sub(this.#words, POSTED, 1)
  }

  /**
   * Resolves when there is room: at once if there is. A place is promised to one alone, but no longer than to the end of
   * the turn: who waits need not send anything. Rejects where `waiter` has to wait and is cancelled.
   */
  async drained(waiter?: Waiter): Promise<void> {
    while (this.#isFull(this.#promised)) {
      waiter?.throwIfCancelled()
      if (this.#isFull(0)) await this.#taken()
      else await this.#turned()
    }
    this.#promised += 1
  }

  /** The other side says that there is room again. */
  resume(): void {
    this.#gate?.open()
    this.#gate = undefined
  }

  async #taken(): Promise<void> {
    Atomics.store(this.#words, WAITING, 1)
    // Some may have been taken just before the other side could see that.
    if (!this.#isFull(0)) return
    this.#gate ??= new Gate()
    await this.#gate.opened
  }

  async #turned(): Promise<void> {
    if (this.#nextTurn === undefined) {
      this.#nextTurn = new Gate()
      soon(this.#onTurn)
    }
    await this.#nextTurn.opened
  }

  readonly #onTurn = (): void => {
    this.#promised = 0
    this.#nextTurn?.open()
    this.#nextTurn = undefined
  }

  #isFull(promised: number): boolean {
    const words = this.#words
    return ((Atomics.load(words, POSTED) - Atomics.load(words, TAKEN) + promised) | 0) >= (words[ROOM] as number)
  }
}
