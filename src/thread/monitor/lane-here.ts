import { builtin } from '../../lifecycle/builtin.ts'
import { type ClockTimer, systemClock } from '../../lifecycle/clock.ts'
import { beatIn, heapIn, Lanes, ownerOf, parkIn, stateIn } from './lanes.ts'

/** Every how many beats a thread looks at its heap. */
const HEAP_EVERY = 20

/** The lane of this thread, by the memory that it is in. */
const joined = new WeakMap<SharedArrayBuffer, Lane>()

/**
 * In a thread: joins the lanes of this process's monitor, and beats from then on. Where nobody monitors, or there is no
 * lane left, it does nothing. A thread has one lane: who joins again shares it, by its first name, until all have left.
 */
export function joinLanes(name: string): Lane | undefined {
  const lanes = Lanes.shared
  if (lanes === undefined || !lanes.isOpen) return undefined
  const buffer = lanes.buffer
  const lane = joined.get(buffer) ?? Lane.claim(lanes, name, () => joined.delete(buffer))
  if (lane === undefined) return undefined
  joined.set(buffer, lane)
  lane.join()
  return lane
}

/** The place in memory where this thread shows that its event loop comes round. Its timer keeps nothing alive. */
export class Lane {
  readonly name: string
  readonly #lanes: Lanes
  readonly #at: number
  readonly #words: Int32Array<SharedArrayBuffer>
  readonly #owner: number
  readonly #left: () => void
  readonly #process = process
  readonly #onExit = (): void => this.#leave()
  #timer: ClockTimer | undefined = undefined
  #users = 0

  private constructor(lanes: Lanes, at: number, name: string, left: () => void) {
    this.name = name
    this.#lanes = lanes
    this.#at = at
    this.#words = lanes.words(at)
    this.#owner = ownerOf(this.#words)
    this.#left = left
    this.#process.once('exit', this.#onExit)
    this.#wait(1)
    // What loads does not come round to these before it is loaded; what then works off tasks may never get to its timers.
    void Promise.resolve().then(() => this.#loaded())
  }

  /** Takes a lane, where there is one. */
  static claim(lanes: Lanes, name: string, left: () => void): Lane | undefined {
    const { threadId } = builtin('node:worker_threads')
    const at = lanes.claim(threadId, kernelId(), name)
    return at === undefined ? undefined : new Lane(lanes, at, name, left)
  }

  /** One more shares it. */
  join(): void {
    this.#users += 1
  }

  /** One of those who share it needs it no more. */
  leave(): void {
    this.#users -= 1
    if (this.#users === 0) this.#leave()
  }

  /** Shows a sign of life, for work that does not give the event loop back but goes on well. */
  beat(): void {
    beatIn(this.#words)
  }

  /** Runs what may block, such as `Atomics.wait`: until it returns, or has settled, silence means nothing. */
  park<T>(fn: () => T): T {
    parkIn(this.#words, 1)
    const back = (): void => {
      // In this order: a thread that is neither parked nor has beaten since would be taken for silent all the while.
      beatIn(this.#words)
      parkIn(this.#words, -1)
    }
    let result: T
    try {
      result = fn()
    } catch (error) {
      back()
      throw error
    }
    if (result instanceof Promise) result.then(back, back)
    else back()
    return result
  }

  /** The thread has been asked to end: from now on its owner waits for it, and nobody else. */
  stopping(): void {
    stateIn(this.#words, 'stopping')
  }

  #wait(delay: number): void {
    this.#timer = systemClock.setTimeout(() => this.#tick(), delay)
    this.#timer.unref()
  }

  #tick(): void {
    // It has been taken for dead, or the monitor has closed.
    if (ownerOf(this.#words) !== this.#owner || !this.#lanes.isOpen) return this.#leave()
    if (beatIn(this.#words) % HEAP_EVERY === 0) this.#weigh()
    this.#wait(this.#lanes.beat)
  }

  #loaded(): void {
    if (this.#timer === undefined || ownerOf(this.#words) !== this.#owner) return
    stateIn(this.#words, 'running')
    beatIn(this.#words)
    this.#weigh()
  }

  #weigh(): void {
    heapIn(this.#words, this.#process.memoryUsage().heapUsed)
  }

  #leave(): void {
    if (this.#timer === undefined) return
    systemClock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#process.off('exit', this.#onExit)
    this.#lanes.free(this.#at, this.#owner - 1)
    this.#left()
  }
}

/** The kernel's number of this thread, which Linux alone tells; else 0. */
function kernelId(): number {
  try {
    return Number(builtin('node:fs').readlinkSync('/proc/thread-self').split('/').at(-1)) || 0
  } catch {
    return 0
  }
}
