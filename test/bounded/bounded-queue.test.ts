import { EndswellError, Lifecycle, type LifecycleEvent, TimeoutError } from 'endswell'
import { BoundedQueue, type BoundedQueueOptions, type Overflow } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test, vi } from 'vitest'
import { listeners } from '../fixtures/listeners.ts'

const overflows: readonly Overflow[] = ['reject', 'drop-oldest', 'drop-newest', 'wait']
const all = <T>(queue: BoundedQueue<T>): T[] => Array.from({ length: queue.size }, () => queue.shift() as T)
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code

function full(overflow: Overflow, more: Partial<BoundedQueueOptions<number>> = {}): BoundedQueue<number> {
  const queue = new BoundedQueue<number>({ max: 3, overflow, ...more })
  for (const item of [1, 2, 3]) queue.push(item)
  return queue
}

describe('a queue', () => {
  test.each(overflows)('%s: gives items out in the order in which they came', async (overflow) => {
    const queue = full(overflow)
    expect([queue.peek(), queue.shift(), await queue.take(), queue.size]).toEqual([1, 1, 2, 1])
    queue.push(4)
    expect(all(queue)).toEqual([3, 4])
    expect([queue.shift(), queue.peek(), queue.size]).toEqual([undefined, undefined, 0])
  })

  test('keeps the order while it grows, also where its items have gone round', () => {
    const queue = new BoundedQueue<number>({ max: 1_000 })
    let pushed = 0
    let taken = 0
    for (let turn = 1; turn <= 40; turn += 1) {
      for (let n = 0; n < turn; n += 1) queue.push(pushed++)
      for (let n = 0; n < turn / 2; n += 1) expect(queue.shift()).toBe(taken++)
    }
    expect(all(queue)).toEqual(Array.from({ length: pushed - taken }, (_, n) => taken + n))
    expect(queue.stats().highWater).toBeGreaterThan(256)
  })

  test('holds undefined as any other item', async () => {
    const queue = new BoundedQueue<undefined>({ max: 2 })
    queue.push(undefined)
    expect(queue.size).toBe(1)
    expect(await queue.take()).toBe(undefined)
    expect(queue.stats()).toMatchObject({ size: 0, taken: 1 })
  })
})

describe('one item too many', () => {
  test.each(['reject', 'wait'] as const)('%s: is refused, and all others stay', (overflow) => {
    const queue = full(overflow)
    const error = (() => {
      try {
        queue.push(4)
      } catch (error) {
        return error
      }
      return undefined
    })()
    expect(error).toBeInstanceOf(EndswellError)
    expect(error).toMatchObject({ code: 'ERR_QUEUE_FULL', path: '/queue' })
    expect(queue.stats()).toMatchObject({ size: 3, pushed: 3, rejected: 1 })
    expect(all(queue)).toEqual([1, 2, 3])
  })

  test('drop-oldest: the first makes room, and that is counted, told and announced', () => {
    const dropped: unknown[] = []
    const events: LifecycleEvent[] = []
    const queue = full('drop-oldest', { onDrop: (item, reason) => dropped.push([item, reason]) })
    queue.subscribe((event) => events.push(event))
    expect([queue.push(4), queue.push(5)]).toEqual([true, true])
    expect(dropped).toEqual([
      [1, 'oldest'],
      [2, 'oldest'],
    ])
    expect(events).toMatchObject([
      { type: 'item.dropped', path: '/queue', kind: 'queue', reason: 'oldest' },
      { type: 'item.dropped' },
    ])
    expect(queue.stats().dropped).toEqual({ oldest: 2, newest: 0, clear: 0, close: 0 })
    expect(all(queue)).toEqual([3, 4, 5])
  })

  test('drop-newest: does not come in, and push says so', () => {
    const dropped: unknown[] = []
    const queue = full('drop-newest', { onDrop: (item, reason) => dropped.push([item, reason]) })
    expect(queue.push(4)).toBe(false)
    expect(dropped).toEqual([[4, 'newest']])
    expect(queue.stats()).toMatchObject({ pushed: 3, dropped: { newest: 1 } })
    expect(all(queue)).toEqual([1, 2, 3])
  })

  test('wait: put waits for room, in order of coming, and nobody gets in before', async () => {
    const queue = full('wait')
    const order: number[] = []
    const puts = [4, 5].map((item) => queue.put(item).then(() => order.push(item)))
    expect(queue.stats().waiting).toEqual({ put: 2, take: 0 })
    expect(queue.shift()).toBe(1)
    expect(() => queue.push(6)).toThrow(expect.objectContaining({ code: 'ERR_QUEUE_FULL' }))
    expect(queue.shift()).toBe(2)
    await Promise.all(puts)
    expect(order).toEqual([4, 5])
    expect(all(queue)).toEqual([3, 4, 5])
  })

  test('wait: no more than maxWaiting wait', async () => {
    const queue = full('wait', { maxWaiting: 1 })
    const first = queue.put(4)
    await expect(queue.put(5)).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL' })
    queue.clear()
    expect(await first).toBe(true)
    expect(all(queue)).toEqual([4])
    const taker = queue.take()
    await expect(queue.take()).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL' })
    queue.push(6)
    expect(await taker).toBe(6)
  })

  test.each([
    ['reject', { rejected: 1 }],
    ['drop-oldest', { pushed: 4 }],
    ['drop-newest', { pushed: 3 }],
  ] as const)('%s: put does as push', async (overflow, counts) => {
    const queue = full(overflow)
    const came = await queue.put(4).catch(codeOf)
    expect(came).toBe({ reject: 'ERR_QUEUE_FULL', 'drop-oldest': true, 'drop-newest': false }[overflow])
    expect(queue.stats()).toMatchObject(counts)
  })
})

describe('who waits for an item', () => {
  test('gets it before anybody who comes later, each one', async () => {
    const queue = new BoundedQueue<number>({ max: 2 })
    const takes = [queue.take(), queue.take(), queue.take()]
    expect(queue.stats().waiting.take).toBe(3)
    for (const item of [1, 2, 3]) queue.push(item)
    expect(queue.shift()).toBe(undefined)
    expect(await Promise.all(takes)).toEqual([1, 2, 3])
    expect(queue.stats()).toMatchObject({ pushed: 3, taken: 3, highWater: 0 })
  })

  test.each(['take', 'put'] as const)('%s: leaves at once when its signal aborts, or has', async (method) => {
    const queue = method === 'put' ? full('wait') : new BoundedQueue<number>({ max: 3 })
    const controller = new AbortController()
    const wait = (signal: AbortSignal) => (method === 'put' ? queue.put(9, { signal }) : queue.take({ signal }))
    const [first, second, third] = [
      wait(controller.signal),
      wait(new AbortController().signal),
      wait(controller.signal),
    ]
    controller.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    await expect(third).rejects.toThrow('enough')
    await expect(wait(controller.signal)).rejects.toThrow('enough')
    expect(queue.stats().waiting[method]).toBe(1)
    expect(listeners(controller.signal)).toEqual({ abort: 0 })
    if (method === 'put') queue.shift()
    else queue.push(7)
    expect(await second).toBe(method === 'put' ? true : 7)
    if (method === 'put') expect(all(queue)).toEqual([2, 3, 9])
  })

  test.each(['take', 'put'] as const)('%s: gives up when its time is up', async (method) => {
    const clock = new FakeClock()
    const queue = full('wait', { clock })
    if (method === 'take') queue.clear()
    const signal = new AbortController().signal
    const wait = method === 'put' ? queue.put(9, { timeout: 50, signal }) : queue.take({ timeout: 50, signal })
    const outcome = wait.catch((error: unknown) => error)
    await clock.advance(50)
    const error = await outcome
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ path: '/queue', timeout: 50, elapsed: 50 })
    expect(queue.stats().waiting).toEqual({ put: 0, take: 0 })
    expect([clock.pending, listeners(signal)]).toEqual([0, { abort: 0 }])
  })

  test('takes his timer and his listener with him when he is served', async () => {
    const clock = new FakeClock()
    const { signal } = new AbortController()
    const queue = new BoundedQueue<number>({ max: 1, overflow: 'wait', clock })
    const taken = queue.take({ timeout: 1_000, signal })
    queue.push(1)
    queue.push(2)
    const put = queue.put(3, { timeout: 1_000, signal })
    queue.shift()
    expect([await taken, await put]).toEqual([1, true])
    expect([clock.pending, listeners(signal)]).toEqual([0, { abort: 0 }])
  })
})

describe('iterating', () => {
  test('ends when the queue is closed and empty; several share what comes', async () => {
    const queue = new BoundedQueue<number>({ max: 10 })
    const seen: number[][] = [[], []]
    const readers = seen.map(async (own) => {
      for await (const item of queue) own.push(item)
    })
    for (let item = 0; item < 6; item += 1) {
      queue.push(item)
      await Promise.resolve()
    }
    expect(await queue.close()).toEqual({ taken: 0, left: [] })
    await Promise.all(readers)
    expect(seen.flat().toSorted()).toEqual([0, 1, 2, 3, 4, 5])
    expect(seen.map((own) => own.length > 0)).toEqual([true, true])
  })

  test('leaving one that waits does not wait, and takes nothing', async () => {
    const queue = new BoundedQueue<number>({ max: 10 })
    const reader = queue[Symbol.asyncIterator]()
    const next = reader.next()
    expect(await reader.return?.()).toEqual({ done: true, value: undefined })
    expect(await next).toEqual({ done: true, value: undefined })
    expect(await reader.next()).toEqual({ done: true, value: undefined })
    queue.push(1)
    expect(queue.shift()).toBe(1)
  })

  test('a break keeps the rest for others', async () => {
    const queue = full('reject')
    for await (const item of queue) if (item === 2) break
    expect(all(queue)).toEqual([3])
  })
})

describe('closing', () => {
  test('takes nothing more, and waits until what is left is taken', async () => {
    const clock = new FakeClock()
    const queue = full('wait', { clock })
    const put = queue.put(4).catch(codeOf)
    const closing = queue.close()
    expect(await put).toBe('ERR_CLOSED')
    expect(() => queue.push(5)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
    await expect(queue.put(5)).rejects.toBeInstanceOf(ReferenceError)
    const seen: number[] = []
    for await (const item of queue) seen.push(item)
    expect(seen).toEqual([1, 2, 3])
    expect(await closing).toEqual({ taken: 3, left: [] })
    await expect(queue.take()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect([queue.shift(), queue.size, clock.pending]).toEqual([undefined, 0, 0])
  })

  test('hands back what nobody has taken when time is up; a later call shortens it', async () => {
    const clock = new FakeClock()
    const dropped: unknown[] = []
    const queue = full('reject', { clock, onDrop: (...all) => dropped.push(all) })
    const closing = queue.close({ timeout: 1_000 })
    queue.shift()
    expect(queue.close({ timeout: 9_000 })).toBe(closing)
    expect(queue.close({ timeout: 10 })).toBe(closing)
    await clock.advance(10)
    expect(await closing).toEqual({ taken: 1, left: [2, 3] })
    expect(Object.isFrozen(await closing)).toBe(true)
    expect(dropped).toEqual([
      [2, 'close'],
      [3, 'close'],
    ])
    expect(clock.pending).toBe(0)
  })

  test.each([{ timeout: 0 }, { drain: false }])('%o: at once', async (options) => {
    expect(await full('reject').close(options)).toEqual({ taken: 0, left: [1, 2, 3] })
  })

  test('sends away who waits for an item', async () => {
    const queue = new BoundedQueue<number>({ max: 3 })
    const takes = [queue.take(), queue.take()].map((take) => take.catch(codeOf))
    await queue.close()
    expect(await Promise.all(takes)).toEqual(['ERR_CLOSED', 'ERR_CLOSED'])
  })

  test('a clear in between ends it', async () => {
    const queue = full('reject', { clock: new FakeClock() })
    const closing = queue.close()
    expect(queue.clear()).toBe(3)
    expect(await closing).toEqual({ taken: 0, left: [] })
  })

  test('by disposal', async () => {
    const queue = new BoundedQueue<number>({ max: 3 })
    await queue[Symbol.asyncDispose]()
    expect(() => queue.push(1)).toThrow('closed')
  })
})

describe('in a lifecycle', () => {
  test('is drained when that closes, and forced when its grace is over', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'life', clock })
    const queue = life.use(full('reject', { clock }), { name: 'lines', grace: 100 })
    expect(life.snapshot().resources[0]).toMatchObject({ path: '/life/lines', kind: 'queue', description: '3 of 3' })
    expect(queue.path).toBe('/life/lines')
    const events: string[] = []
    life.subscribe(({ type, reason }) => type === 'item.dropped' && events.push(reason ?? ''))
    const closing = life.close()
    await clock.advance(50)
    queue.shift()
    await clock.advance(50)
    const { rows } = await closing
    expect(rows).toMatchObject([{ outcome: 'forced', note: '2 of its items were not taken' }])
    expect(events).toEqual(['close', 'close'])
  })

  test('leaves when it is closed by hand', async () => {
    await using life = new Lifecycle()
    const queue = life.use(new BoundedQueue({ max: 1 }))
    await queue.close()
    expect(life.snapshot().size).toBe(0)
  })
})

test('pressure is told once when it fills and once when it has room again', () => {
  const states: unknown[] = []
  const queue = new BoundedQueue<number>({ max: 10, pressure: { high: 0.8, low: 0.5 } })
  queue.subscribe(({ type, state }) => states.push([type, state, queue.size]))
  for (let item = 0; item < 9; item += 1) queue.push(item)
  queue.shift()
  queue.push(0)
  while (queue.size > 0) queue.shift()
  expect(states).toEqual([
    ['queue.pressure', 'high', 8],
    ['queue.pressure', 'low', 5],
  ])
})

test('pressure is gone when the queue has closed', async () => {
  const queue = new BoundedQueue<number>({ max: 2 })
  const states: unknown[] = []
  queue.subscribe(({ type, state }) => type === 'queue.pressure' && states.push(state))
  queue.push(1)
  queue.push(2)
  await queue.close({ timeout: 0 })
  expect(states).toEqual(['high', 'low'])
})

test('a callback that throws breaks nothing: it is told, and where nobody listens it is uncaught', async () => {
  const error = new Error('of the callback')
  const queue = full('drop-oldest', {
    onDrop: () => {
      throw error
    },
  })
  const tick = vi.spyOn(process, 'nextTick').mockImplementation(() => {})
  queue.push(4)
  expect(tick).toHaveBeenCalledOnce()
  expect(tick.mock.calls[0]?.[0]).toThrow(error)
  tick.mockRestore()
  const heard: unknown[] = []
  queue.subscribe((event) => event.type === 'resource.error' && heard.push(event.error))
  queue.push(5)
  expect(heard).toEqual([error])
  expect(all(queue)).toEqual([3, 4, 5])
})

test('a callback may use the queue: its limit holds meanwhile', () => {
  const sizes: number[] = []
  let again = 2
  const queue: BoundedQueue<number> = full('drop-oldest', {
    onDrop: () => {
      sizes.push(queue.size)
      if (again-- > 0) queue.push(10 + again)
    },
  })
  queue.push(4)
  expect(sizes).toEqual([3, 3, 3])
  expect(all(queue)).toEqual([4, 11, 10])
})

test('says what it is', () => {
  const queue = full('reject', { name: 'jobs' })
  expect(
    `${queue.path} ${(queue as never as Record<symbol, () => string>)[Symbol.for('nodejs.util.inspect.custom')]?.()}`,
  ).toBe('/jobs BoundedQueue /jobs { 3 of 3 }')
  expect(Object.isFrozen(queue.stats())).toBe(true)
})

test.each<[string, unknown]>([
  ['TypeError', undefined],
  ['TypeError', {}],
  ['TypeError', { max: '3' }],
  ['RangeError', { max: 0 }],
  ['RangeError', { max: 1.5 }],
  ['RangeError', { max: Number.POSITIVE_INFINITY }],
  ['RangeError', { max: 3, overflow: 'block' }],
  ['TypeError', { max: 3, overlow: 'wait' }],
  ['RangeError', { max: 3, pressure: { high: 2 } }],
  ['RangeError', { max: 3, pressure: { high: 0.2, low: 0.5 } }],
  ['TypeError', { max: 3, onDrop: 1 }],
  ['RangeError', { max: 3, name: 'a/b' }],
])('refuses with a %s: %o', (name, options) => {
  expect(() => new BoundedQueue(options as never)).toThrow(expect.objectContaining({ name }))
})

test('refuses bad limits of a wait, and of a close, at once', () => {
  const queue = new BoundedQueue<number>({ max: 3 })
  for (const options of [{ timeout: -1 }, { signal: 1 }, { timout: 1 }]) {
    expect(() => queue.take(options as never)).toThrow()
    expect(() => queue.put(1, options as never)).toThrow()
  }
  expect(() => queue.close({ timeout: Number.NaN })).toThrow(RangeError)
  expect(queue.push(1)).toBe(true)
})

test('a consumer that was registered before its queue finishes what is left, and both close gently', async () => {
  for (const order of ['queue last', 'by an edge']) {
    const life = new Lifecycle()
    const queue = new BoundedQueue<number>({ max: 10 })
    const taken: number[] = []
    const consume = async (): Promise<void> => {
      for await (const item of queue) taken.push(item)
    }
    if (order === 'by an edge') life.use(queue, { name: 'orders' })
    const edge = order === 'by an edge' ? { requiredBy: ['orders'] } : {}
    life.task('consumer', consume, edge)
    if (order === 'queue last') life.use(queue, { name: 'orders' })
    for (const item of [1, 2, 3]) queue.push(item)
    expect((await life.close()).counts).toMatchObject({ closed: 2 })
    expect(taken).toEqual([1, 2, 3])
  }
})
