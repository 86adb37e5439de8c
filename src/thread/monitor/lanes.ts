import { builtin } from '../../lifecycle/builtin.ts'

/** Under which name the memory is handed to every thread that is started later. */
const KEY = 'endswell:lanes'

/** Bytes in front of the lanes, of a lane, and of a name. A lane has a line of the processor's cache to itself. */
const HEAD = 64
const LANE = 64
const NAME = 128

/** Words of the head. */
const [OPEN, BEAT, CAPACITY, REFUSED] = [0, 1, 2, 3] as const
/** Words of a lane. */
const [OWNER, BEATS, STATE, PARKED, KERNEL_ID, HEAP, LETTERS, TURNS] = [0, 1, 2, 3, 4, 5, 6, 7] as const

/** Who has a lane that is being filled in. */
const NOBODY_YET = -1
const KIB = 1_024

/** Where a thread stands by its own account: it is being loaded, it runs, or it has been asked to end. */
export type LaneState = 'booting' | 'running' | 'stopping'

const STATES: readonly LaneState[] = ['booting', 'running', 'stopping']

/** What a lane tells at one moment. */
export interface LaneReading {
  /** Which lane that is. */
  readonly at: number
  /** Node's number of the thread. */
  readonly threadId: number
  /** The kernel's number of the thread; 0 where that is unknown. */
  readonly kernelId: number
  /** How often the thread has beaten. */
  readonly beats: number
  readonly state: LaneState
  /** Whether it says that it may block. */
  readonly isParked: boolean
  /** What its heap used when it last looked, in bytes; 0 if it has not yet. */
  readonly heapUsed: number
}

/**
 * The memory that the monitor and all threads share: a lane for each thread.
 *
 * It is memory rather than messages: a thread that hangs sends none, and a monitor that was held up finds what happened
 * meanwhile all the same.
 */
export class Lanes {
  readonly buffer: SharedArrayBuffer
  readonly #head: Int32Array<SharedArrayBuffer>

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.#head = new Int32Array(buffer, 0, HEAD / 4)
  }

  /** New memory, in which threads beat every `beat` ms. */
  static make(capacity: number, beat: number): Lanes {
    const lanes = new Lanes(new SharedArrayBuffer(HEAD + capacity * (LANE + NAME)))
    lanes.#head.set([1, beat, capacity])
    return lanes
  }

  /** The memory of this process's monitor, where there is one. */
  static get shared(): Lanes | undefined {
    const buffer = builtin('node:worker_threads').getEnvironmentData(KEY)
    return buffer instanceof SharedArrayBuffer ? new Lanes(buffer) : undefined
  }

  /** Hands it to every thread that is started from now on, in whatever thread. Returns the undo. */
  share(): () => void {
    const { setEnvironmentData } = builtin('node:worker_threads')
    setEnvironmentData(KEY, this.buffer)
    return () => setEnvironmentData(KEY, undefined)
  }

  /** Whether somebody still looks. */
  get isOpen(): boolean {
    return Atomics.load(this.#head, OPEN) === 1
  }

  /** From now on nobody looks. */
  close(): void {
    Atomics.store(this.#head, OPEN, 0)
  }

  /** How many ms lie between two beats. */
  get beat(): number {
    return this.#head[BEAT] as number
  }

  get capacity(): number {
    return this.#head[CAPACITY] as number
  }

  /** How many threads found no lane free. */
  get refused(): number {
    return Atomics.load(this.#head, REFUSED)
  }

  /** In a thread: takes a lane; `undefined` where none is free. Where the thread has one already, that. */
  claim(threadId: number, kernelId: number, name: string): number | undefined {
    const own = this.#find((lane) => ownerOf(lane) === threadId + 1)
    if (own !== undefined) return own
    const at = this.#find((lane) => Atomics.compareExchange(lane, OWNER, 0, NOBODY_YET) === 0)
    if (at === undefined) {
      Atomics.add(this.#head, REFUSED, 1)
      return undefined
    }
    const lane = this.words(at)
    lane.fill(0, BEATS)
    lane[KERNEL_ID] = kernelId
    lane[LETTERS] = new TextEncoder().encodeInto(name, this.#name(at)).written
    Atomics.store(lane, OWNER, threadId + 1)
    return at
  }

  /** Gives a lane back, where it still is that thread's. */
  free(at: number, threadId: number): void {
    Atomics.compareExchange(this.words(at), OWNER, threadId + 1, 0)
  }

  /** The words of a lane, for who beats in it. */
  words(at: number): Int32Array<SharedArrayBuffer> {
    return new Int32Array(this.buffer, HEAD + at * LANE, LANE / 4)
  }

  /** All lanes that are somebody's. */
  *read(): Generator<LaneReading> {
    for (let at = 0; at < this.capacity; at += 1) {
      const lane = this.words(at)
      const owner = ownerOf(lane)
      if (owner > 0) yield this.#reading(at, owner - 1, lane)
    }
  }

  /** What the thread calls itself. */
  nameOf(at: number): string {
    // Decoders refuse memory that is shared: it is copied first.
    return new TextDecoder().decode(new Uint8Array(this.#name(at).subarray(0, this.words(at)[LETTERS])))
  }

  /**
   * An expression that, run in the thread of a lane, has it count in that lane as soon as it comes round to its
   * microtasks.
   */
  turnsProbe(at: number): string {
    const index = (HEAD + at * LANE) / 4 + TURNS
    const buffer = `process.getBuiltinModule('node:worker_threads').getEnvironmentData('${KEY}')`
    return `{ const words = new Int32Array(${buffer}); Promise.resolve().then(() => { Atomics.add(words, ${index}, 1) }) }`
  }

  #reading(at: number, threadId: number, lane: Int32Array<SharedArrayBuffer>): LaneReading {
    return {
      at,
      threadId,
      kernelId: lane[KERNEL_ID] as number,
      beats: beatsOf(lane),
      state: STATES[Atomics.load(lane, STATE)] ?? 'running',
      isParked: Atomics.load(lane, PARKED) > 0,
      heapUsed: Atomics.load(lane, HEAP) * KIB,
    }
  }

  #find(suits: (lane: Int32Array<SharedArrayBuffer>) => boolean): number | undefined {
    for (let at = 0; at < this.capacity; at += 1) if (suits(this.words(at))) return at
    return undefined
  }

  #name(at: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.buffer, HEAD + this.capacity * LANE + at * NAME, NAME)
  }
}

/** The number of the thread that a lane belongs to, plus one; 0 for nobody's. */
export function ownerOf(lane: Int32Array<SharedArrayBuffer>): number {
  return Atomics.load(lane, OWNER)
}

/** In a thread: its event loop has come round. */
export function beatIn(lane: Int32Array<SharedArrayBuffer>): number {
  return Atomics.add(lane, BEATS, 1) + 1
}

/** In a thread: it stands there now. */
export function stateIn(lane: Int32Array<SharedArrayBuffer>, state: LaneState): void {
  Atomics.store(lane, STATE, STATES.indexOf(state))
}

/** In a thread: begins (1) or ends (-1) something that may block. */
export function parkIn(lane: Int32Array<SharedArrayBuffer>, by: 1 | -1): void {
  Atomics.add(lane, PARKED, by)
}

/** In a thread: its heap uses so many bytes. */
export function heapIn(lane: Int32Array<SharedArrayBuffer>, bytes: number): void {
  Atomics.store(lane, HEAP, Math.round(bytes / KIB))
}

/** How often the thread of a lane has beaten. */
export function beatsOf(lane: Int32Array<SharedArrayBuffer>): number {
  return Atomics.load(lane, BEATS)
}

/** How often the thread of a lane has answered to the probe of its turns. */
export function turnsOf(lane: Int32Array<SharedArrayBuffer>): number {
  return Atomics.load(lane, TURNS)
}
