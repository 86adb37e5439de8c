// One more item for a queue that is full and drops its oldest, beside what one would write by hand; items that go through
// a queue one by one, and through one that somebody waits at; and one more for a full replay buffer and retry buffer.
import { BoundedQueue, ReplayBuffer, RetryBuffer } from 'endswell/bounded'
import { assigned, measure, median, row } from './processes.ts'

const item = { text: 'item' }

/** What everybody writes by hand. */
class ByHand {
  readonly #items: unknown[] = []
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  push(more: unknown): void {
    this.#items.push(more)
    if (this.#items.length > this.#max) this.#items.shift()
  }
}

interface Way {
  readonly count: number
  turn(count: number): unknown
}

function filling(max: number, count: number, push: (more: unknown) => unknown): Way {
  for (let at = 0; at < max; at += 1) push(item)
  return {
    count,
    turn(count) {
      for (let at = 0; at < count; at += 1) push(item)
    },
  }
}

const full = (max: number): BoundedQueue<unknown> => new BoundedQueue({ max, overflow: 'drop-oldest' })

/** One way or one family of ways in a process: what shares a loop with others is compiled for all of them. */
const ways: Readonly<Record<string, () => Way>> = {
  full1k() {
    const queue = full(1_000)
    return filling(1_000, 200_000, (more) => queue.push(more))
  },
  full100k() {
    const queue = full(100_000)
    return filling(100_000, 200_000, (more) => queue.push(more))
  },
  byHand1k() {
    const queue = new ByHand(1_000)
    return filling(1_000, 200_000, (more) => queue.push(more))
  },
  byHand100k() {
    const queue = new ByHand(100_000)
    return filling(100_000, 2_000, (more) => queue.push(more))
  },
  through() {
    const queue = new BoundedQueue<unknown>({ max: 1_000 })
    return {
      count: 200_000,
      turn(count) {
        for (let at = 0; at < count; at += 1) {
          queue.push(item)
          queue.shift()
        }
      },
    }
  },
  taken() {
    const queue = new BoundedQueue<unknown>({ max: 1_000 })
    return {
      count: 50_000,
      async turn(count) {
        for (let at = 0; at < count; at += 1) {
          const taken = queue.take()
          queue.push(item)
          await taken
        }
      },
    }
  },
  replay() {
    const buffer = new ReplayBuffer<unknown>({ max: 1_000, ttl: 60_000 })
    return filling(1_000, 100_000, (more) => buffer.push(more))
  },
  retry() {
    const buffer = new RetryBuffer<unknown>({ max: 1_000, save: () => new Promise(() => {}) })
    let key = 0
    return filling(1_000, 50_000, (more) => buffer.add(`${key++}`, more))
  },
  retry100k() {
    const buffer = new RetryBuffer<unknown>({ max: 100_000, save: () => new Promise(() => {}) })
    let key = 0
    return filling(100_000, 50_000, (more) => buffer.add(`${key++}`, more))
  },
}

async function time({ count, turn }: Way): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < 12; round += 1) {
    const from = performance.now()
    await turn(count)
    // The first turns are the compiler's.
    if (round >= 3) times.push(((performance.now() - from) / count) * 1e6)
  }
  return median(times)
}

const way = ways[assigned ?? '']
if (way !== undefined) console.log(JSON.stringify({ ns: await time(way()) }))
else {
  const of = (name: string): number => measure(import.meta.filename, name)['ns'] ?? Number.NaN
  const [small, large] = [of('full1k'), of('full100k')]
  row('push into a full queue of 1 000', small, 'ns', 10)
  row('by hand, with push and shift of an array', of('byHand1k'), 'ns')
  row('push into a full queue of 100 000', large, 'ns', 10)
  row('by hand', of('byHand100k'), 'ns')
  row('push and shift of a queue', of('through'), 'ns')
  row('push to one who waits, until he has it', of('taken'), 'ns')
  row('push into a full replay buffer of 1 000, with ttl', of('replay'), 'ns')
  row('add to a full retry buffer of 1 000', of('retry'), 'ns')
  row('add to a full retry buffer of 100 000', of('retry100k'), 'ns')
}
// Timers that still wait are nobody's affair any more.
process.exit()
