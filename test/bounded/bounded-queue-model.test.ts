import { BoundedQueue, type Overflow } from 'endswell/bounded'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listeners } from '../fixtures/listeners.ts'

type Step = 'push' | 'put' | 'shift' | 'peek' | 'take' | 'clear' | 'abort' | 'close'

/** The same queue as anybody would write it who need not be quick. */
class Naive {
  readonly items: number[] = []
  takers: number[] = []
  putters: number[] = []
  /** What comes of each step, by its number, which is also the item that it brings. */
  readonly results = new Map<number, unknown>()
  readonly dropped: string[] = []
  isOpen = true
  readonly max: number
  readonly overflow: Overflow

  constructor(max: number, overflow: Overflow) {
    this.max = max
    this.overflow = overflow
  }

  play(step: Step, at: number): void {
    this.results.set(at, 'waits')
    const result = this[step](at)
    if (result !== 'waits') this.results.set(at, result)
    while (this.items.length < this.max && this.putters.length > 0) {
      const putter = this.putters.shift() as number
      this.items.push(putter)
      this.results.set(putter, true)
    }
  }

  push(item: number): unknown {
    if (!this.isOpen) return 'ERR_CLOSED'
    const taker = this.takers.shift()
    if (taker !== undefined) this.results.set(taker, item)
    else if (this.items.length < this.max) this.items.push(item)
    else if (this.overflow === 'drop-oldest') {
      this.dropped.push(`${this.items.shift()} oldest`)
      this.items.push(item)
    } else if (this.overflow === 'drop-newest') {
      this.dropped.push(`${item} newest`)
      return false
    } else return 'ERR_QUEUE_FULL'
    return true
  }

  put(item: number): unknown {
    if (this.overflow !== 'wait' || this.items.length < this.max || !this.isOpen) return this.push(item)
    this.putters.push(item)
    return 'waits'
  }

  shift(): unknown {
    return this.items.shift()
  }

  peek(): unknown {
    return this.items[0]
  }

  take(at: number): unknown {
    if (this.items.length > 0) return this.items.shift()
    if (!this.isOpen) return 'ERR_CLOSED'
    this.takers.push(at)
    return 'waits'
  }

  clear(): unknown {
    const { length } = this.items
    this.dropped.push(...this.items.splice(0).map((item) => `${item} clear`))
    return length
  }

  /** All who wait and had been told of that signal, which is every third. */
  abort(): unknown {
    const stays = (at: number): boolean => at % 3 !== 0
    for (const at of [...this.takers, ...this.putters]) if (!stays(at)) this.results.set(at, 'aborted')
    this.takers = this.takers.filter(stays)
    this.putters = this.putters.filter(stays)
    return undefined
  }

  close(): unknown {
    this.isOpen = false
    for (const at of [...this.putters.splice(0), ...this.takers.splice(0)]) this.results.set(at, 'ERR_CLOSED')
    return undefined
  }
}

/** Plays a step on a real queue. What comes of it, comes into `results` by and by. */
function play(queue: BoundedQueue<number>, step: Step, at: number, outer: AbortController[]): unknown {
  const signal = at % 3 === 0 ? { signal: (outer[0] as AbortController).signal } : {}
  switch (step) {
    case 'push':
      return queue.push(at)
    case 'put':
      return queue.put(at, signal)
    case 'take':
      return queue.take(signal)
    case 'abort': {
      outer[0]?.abort('aborted')
      outer[0] = new AbortController()
      return undefined
    }
    case 'close':
      void queue.close()
      return undefined
    default:
      return queue[step]()
  }
}

const wordOf = (error: unknown): unknown => (error as { code?: unknown }).code ?? error

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<Step>('push', 'put', 'take', 'shift') },
    { weight: 1, arbitrary: fc.constantFrom<Step>('peek', 'clear', 'abort') },
    { weight: 1, arbitrary: fc.constantFrom<Step>('push', 'close') },
  ),
  { maxLength: 40 },
)

test.each<Overflow>(['reject', 'drop-oldest', 'drop-newest', 'wait'])(
  '%s: whatever is done in whatever order, it does what a plain array would',
  async (overflow) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), steps, async (max, list) => {
        const dropped: string[] = []
        const queue = new BoundedQueue<number>({
          max,
          overflow,
          onDrop: (item, reason) => dropped.push(`${item} ${reason}`),
        })
        const naive = new Naive(max, overflow)
        const results = new Map<number, unknown>()
        const outer = [new AbortController()]
        const signals = outer.map(({ signal }) => signal)
        for (const [at, step] of list.entries()) {
          results.set(at, 'waits')
          try {
            const result = play(queue, step, at, outer)
            if (result instanceof Promise) {
              result.then(
                (value) => results.set(at, value),
                (error) => results.set(at, wordOf(error)),
              )
            } else results.set(at, result)
          } catch (error) {
            results.set(at, wordOf(error))
          }
          naive.play(step, at)
          expect(queue.size).toBe(naive.items.length)
          expect(queue.stats().waiting).toEqual({ put: naive.putters.length, take: naive.takers.length })
        }
        const waiting = [...naive.results.values()].filter((result) => result === 'waits').length
        await new Promise(setImmediate)
        expect(results).toEqual(naive.results)
        const { pushed, taken, dropped: counts, highWater } = queue.stats()
        expect(pushed - taken - counts.oldest - counts.clear).toBe(queue.size)
        expect(highWater).toBeLessThanOrEqual(max)
        expect(dropped).toEqual(naive.dropped)

        expect((await queue.close({ timeout: 0 })).left).toEqual(naive.items)
        await new Promise(setImmediate)
        expect([...results.values()].filter((result) => result === 'waits')).toEqual([])
        expect(waiting).toBe(naive.takers.length + naive.putters.length)
        for (const signal of [...signals, outer[0]?.signal]) expect(listeners(signal)).toEqual({ abort: 0 })
      }),
      { numRuns: 250 },
    )
  },
)
