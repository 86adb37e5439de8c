/** What the thread is to watch, as the main thread has said it last. */
export interface Order {
  /** Counts the orders. */
  readonly version: number
  /** How many ms were left until the deadline when the order was given; Infinity where nothing is to be watched. */
  readonly left: number
  /** Path of what must be over by then, cut where it is very long. */
  readonly path: string
  /** Name of the budget, likewise. */
  readonly budget: string
  /** How many ms the budget has. */
  readonly ms: number
}

/** Bytes for the path and for the name of the budget. */
const PATH = 2_048
const BUDGET = 256
/** A slot: two numbers, two lengths, two texts. */
const SLOT = 16 + 8 + PATH + BUDGET
/** The words in front of the slots. */
const HEAD = 8
const [VERSION, BEATS] = [0, 1]

const nothing = { left: Number.POSITIVE_INFINITY, path: '', budget: '', ms: 0 }

/**
 * What the main thread and the watchdog's have in common. It is memory rather than messages, since a main thread that is
 * blocked neither sends nor reads any.
 *
 * An order is written beside the one in force and then made the one in force by counting up. So the reader never sees
 * half of one, unless two more are given while it reads; then it reads again.
 */
export class WatchdogMemory {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array<SharedArrayBuffer>

  /** Both threads make one of the same buffer. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(HEAD + 2 * SLOT)) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer, 0, 2)
    if (this.version === 0) this.give(undefined)
  }

  /** Counts the orders. */
  get version(): number {
    return Atomics.load(this.#words, VERSION)
  }

  /** Counts how often the main thread's event loop came round while it was overdue. */
  get beats(): number {
    return Atomics.load(this.#words, BEATS)
  }

  /** On the main thread: its event loop has come round. */
  beat(): void {
    Atomics.add(this.#words, BEATS, 1)
  }

  /** On the main thread: watch this from now on, and nothing else. */
  give(order: Omit<Order, 'version'> | undefined): void {
    const { left, path, budget, ms } = order ?? nothing
    const next = this.version + 1
    const { numbers, lengths, texts } = this.#slot(next)
    numbers.set([left, ms])
    lengths.set([write(path, texts.subarray(0, PATH)), write(budget, texts.subarray(PATH))])
    Atomics.store(this.#words, VERSION, next)
    Atomics.notify(this.#words, VERSION)
  }

  /** The order in force. */
  read(): Order {
    for (;;) {
      const { version } = this
      const { numbers, lengths, texts } = this.#slot(version)
      const [left = Number.POSITIVE_INFINITY, ms = 0] = numbers
      const [pathLength = 0, budgetLength = 0] = lengths
      const path = read(texts.subarray(0, pathLength))
      const budget = read(texts.subarray(PATH, PATH + budgetLength))
      if (version === this.version) return { version, left, path, budget, ms }
    }
  }

  /** Sleeps for `ms`, Infinity included, or until another order than that one is in force. */
  sleep(version: number, ms: number): void {
    Atomics.wait(this.#words, VERSION, version, ms)
  }

  #slot(version: number) {
    const at = HEAD + (version % 2) * SLOT
    return {
      numbers: new Float64Array(this.buffer, at, 2),
      lengths: new Int32Array(this.buffer, at + 16, 2),
      texts: new Uint8Array(this.buffer, at + 24, PATH + BUDGET),
    }
  }
}

/** Writes as many whole characters as fit, and says how many bytes they are. */
function write(text: string, bytes: Uint8Array): number {
  return new TextEncoder().encodeInto(text, bytes).written
}

/** Decoders refuse memory that is shared: it is copied first. */
function read(bytes: Uint8Array): string {
  return new TextDecoder().decode(new Uint8Array(bytes))
}
