import { DROPPED, POSTED, ROOM, TAKEN, WAITING } from '../wire/shared.ts'
import { Gate } from './gate.ts'

/** How many events may be under way from this thread: counted in shared memory, since the other side may be blocked. */
export class EventRoom {
  readonly #words: Int32Array<SharedArrayBuffer>
  #gate: Gate | undefined = undefined

  constructor(words: Int32Array<SharedArrayBuffer>) {
    this.#words = words
  }

  /** Takes a place for an event. Without one, the event is dropped: counts it, and says false. */
  take(): boolean {
    if (this.#isFull()) {
      Atomics.add(this.#words, DROPPED, 1)
      return false
    }
    Atomics.add(this.#words, POSTED, 1)
    return true
  }

  /** Resolves when there is room: at once if there is. */
  async drained(): Promise<void> {
    while (this.#isFull()) {
      Atomics.store(this.#words, WAITING, 1)
      // Some may have been taken just before the other side could see that.
      if (!this.#isFull()) return
      this.#gate ??= new Gate()
      await this.#gate.opened
    }
  }

  /** The other side says that there is room again. */
  resume(): void {
    this.#gate?.open()
    this.#gate = undefined
  }

  #isFull(): boolean {
    const words = this.#words
    return ((Atomics.load(words, POSTED) - Atomics.load(words, TAKEN)) | 0) >= (words[ROOM] as number)
  }
}
