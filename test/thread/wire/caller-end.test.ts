import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { exitOf, startCaller } from '../../fixtures/serving/caller.ts'

/** Every value that takes part in a call, there and back. */
const values: Record<string, unknown> = {
  undefined,
  null: null,
  'nothing at all': Number.NaN,
  'a date': new Date(0),
  'a map': new Map([['a', new Set([1n])]]),
  'a list that looks like calls': [1, 0, 'inc', 1, 2],
  'an object that looks like a message': { type: 'cancel', seq: 1 },
  'a deep object': { a: { b: [{ c: 'ü' }] } },
}

describe('a call', () => {
  test('is answered with what the handler returns, or what its promise brings', async () => {
    const caller = await startCaller()
    expect(await caller.call('inc', [1])).toEqual({ value: 2 })
    expect(await caller.call('later', [1])).toEqual({ value: 2 })
  })

  test('takes any value there and back', async () => {
    const caller = await startCaller()
    for (const [name, value] of Object.entries(values)) {
      expect(await caller.call('echo', [value, value]), name).toEqual({ value: [value, value] })
    }
  })

  test('takes as many arguments as there are', async () => {
    const caller = await startCaller()
    for (const count of [0, 1, 5, 300]) {
      const args = Array.from({ length: count }, (_, at) => at)
      expect(await caller.call('echo', args)).toEqual({ value: args })
    }
  })

  test('begins in the order in which it was sent, and shared memory says which was begun last', async () => {
    const caller = await startCaller()
    expect(caller.end.begun).toBe(0)
    await Promise.all(Array.from({ length: 10 }, () => caller.call('inc', [1])))
    expect(caller.settled).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(caller.end.begun).toBe(10)
  })

  test('is known by its number also where the numbers begin anew', async () => {
    const caller = await startCaller()
    caller.seq = 2_147_483_645
    const calls = Array.from({ length: 4 }, (_, n) => caller.call('inc', [n], n))
    expect(await Promise.all(calls)).toEqual([{ value: 1 }, { value: 2 }, { value: 3 }, { value: 4 }])
    expect(caller.settled).toEqual([2_147_483_646, 2_147_483_647, 1, 2])
    expect(caller.end.begun).toBe(2)
    const call = caller.call('untilAborted', [], 1)
    await caller.heard('waiting')
    caller.end.cancel(3, 1, 'enough')
    expect(await call).toEqual({ value: 'enough' })
  })

  test('that waits does not hold those after it', async () => {
    const caller = await startCaller()
    await Promise.all([caller.call('later', [1]), caller.call('inc', [1])])
    expect(caller.settled).toEqual([2, 1])
  })

  test('has a copy of its arguments for itself, and its caller of its result, whatever else goes in the same turn', async () => {
    const caller = await startCaller()
    const shared = { list: [1] }
    const pushed = await Promise.all([caller.call('push', [shared, 2]), caller.call('push', [shared, 3])])
    expect(pushed).toEqual([{ value: [1, 2] }, { value: [1, 3] }])
    const same = (await Promise.all([caller.call('same'), caller.call('same')])) as { value: object }[]
    expect(same[0]?.value).toEqual({ same: true })
    expect(same[0]?.value).not.toBe(same[1]?.value)
  })

  test('that took a while is answered before the next of its turn is over', async () => {
    const caller = await startCaller()
    const slow = caller.call('spin', [20])
    const endless = caller.call('throwWhenCancelled', [], 1)
    expect(await slow).toEqual({ value: 20 })
    expect(caller.settled).toEqual([1])
    caller.end.cancel(2, 1, 'enough')
    expect(await endless).toHaveProperty('thrown')
  })

  test('with arguments to be moved is sent by itself, in its order, and they are gone here', async () => {
    const caller = await startCaller()
    const before = caller.call('inc', [1])
    const { buffer } = new Uint8Array(8)
    const seq = caller.seq + 1
    caller.end.send(seq, 1, 'echo', [buffer], [buffer])
    expect(buffer.byteLength).toBe(0)
    const { value } = (await caller.outcome(seq)) as { value: [ArrayBuffer] }
    expect(value[0].byteLength).toBe(8)
    await before
    expect(caller.settled).toEqual([1, 2])
  })
})

describe('what cannot be cloned', () => {
  test('as an argument refuses that call alone, and nothing of it is sent', async () => {
    const caller = await startCaller()
    const calls = [caller.call('inc', [1]), caller.call('echo', [{ deep: () => {} }, 1]), caller.call('inc', [2])]
    const [one, two, three] = await Promise.all(calls)
    expect([one, three]).toEqual([{ value: 2 }, { value: 3 }])
    expect(two).toMatchObject({ refusal: { code: 'ERR_UNCLONEABLE', cause: { name: 'DataCloneError' } } })
    const { message } = (two as { refusal: { message: string } }).refusal
    expect(message).toContain('The list of arguments of echo() cannot be sent to another thread')
    expect(message).toContain('[ { deep: [Function: deep] }, 1 ]')
    expect(caller.end.begun).toBe(3)
  })

  test('as a result refuses that call alone', async () => {
    const caller = await startCaller()
    const names = ['inc', 'badResult', 'badLater', 'inc']
    const [one, two, three, four] = await Promise.all(names.map((name) => caller.call(name, [1])))
    expect([one, four]).toEqual([{ value: 2 }, { value: 2 }])
    for (const each of [two, three]) expect(each).toMatchObject({ refusal: { code: 'ERR_UNCLONEABLE' } })
    expect((two as { refusal: { message: string } }).refusal.message).toContain('The result of badResult() cannot be')
    expect((three as { refusal: { message: string } }).refusal.message).toMatch(/of badLater\(\) .*Symbol\(mine\)/)
  })

  test('as what was thrown refuses that call alone, and says what it was', async () => {
    const caller = await startCaller()
    for (const method of ['throw', 'reject']) {
      const calls = [caller.call('inc', [1]), caller.call(method, ['function']), caller.call('inc', [2])]
      const [one, two, three] = await Promise.all(calls)
      expect([one, three]).toEqual([{ value: 2 }, { value: 3 }])
      expect(two).toMatchObject({ refusal: { code: 'ERR_UNCLONEABLE' } })
      const { message } = (two as { refusal: { message: string } }).refusal
      expect(message).toMatch(/^What (throw|reject)\(\) threw cannot be sent .*: \[Function: mine\]\.$/)
      expect(message).toContain(method)
    }
  })

  test('since it is a generator is refused with a hint how to call that', async () => {
    const caller = await startCaller()
    expect(await caller.call('count', [1])).toMatchObject({
      refusal: { code: 'ERR_UNCLONEABLE', message: expect.stringContaining('Call it with stream()') },
    })
  })

  test('as an event throws where it is told, and takes no room', async () => {
    const caller = await startCaller(undefined, { maxEvents: 1 })
    expect(await caller.call('emitBad')).toMatchObject({
      thrown: {
        name: 'TypeError',
        code: 'ERR_UNCLONEABLE',
        message: expect.stringContaining("event 'bad' cannot be sent"),
      },
    })
    expect(await caller.call('emitBad')).toMatchObject({ thrown: { cause: { name: 'DataCloneError' } } })
    expect(await caller.call('emit', [1])).toEqual({ value: [true] })
    expect(caller.events).toMatchObject([{ seq: 3, name: 'count' }])
  })

  test('as a reason of a cancellation comes as an error that says so', async () => {
    const caller = await startCaller()
    const call = caller.call('untilAborted', [], 0)
    await caller.heard('waiting')
    caller.end.cancel(caller.seq, 0, () => {})
    expect(await call).toMatchObject({ value: { message: expect.stringContaining('[Function (anonymous)]') } })
  })
})

test('a method is unknown that is none of the own ones, and those that there are are named', async () => {
  const caller = await startCaller()
  for (const name of ['nobody', 'constructor', '__proto__', 'toString']) {
    const outcome = await caller.call(name)
    expect(outcome).toMatchObject({ refusal: { code: 'ERR_UNKNOWN_METHOD' } })
    const { message } = (outcome as { refusal: { message: string } }).refusal
    expect(message).toContain(`'${name}'`)
    expect(message).toContain('inc, later')
  }
})

describe('cancelling', () => {
  test('is seen by a loop that never gives the event loop back', async () => {
    const caller = await startCaller()
    const call = caller.call('spinUntilCancelled', [], 3)
    await caller.heard('spinning')
    caller.end.cancel(1, 3, new Error('enough'))
    expect(await call).toEqual({ value: 'let go' })
  })

  test('throws where it is asked to', async () => {
    const caller = await startCaller()
    const call = caller.call('throwWhenCancelled', [], 3)
    caller.end.cancel(1, 4, new Error('not this one'))
    caller.end.cancel(1, 3, new Error('enough'))
    expect(await call).toMatchObject({ thrown: { name: 'AbortError' } })
  })

  test('aborts the signal with the reason of the caller', async () => {
    const caller = await startCaller()
    const call = caller.call('untilAborted', [], 3)
    await caller.heard('waiting')
    caller.end.cancel(1, 3, Object.assign(new RangeError('enough'), { code: 'E_ENOUGH' }))
    const { value } = (await call) as { value: Error }
    expect(value).toMatchObject({ message: 'enough' })
  })

  test.each(['in the same turn', 'while another runs'])(
    'a call that has not begun keeps it from it, %s',
    async (when) => {
      const caller = await startCaller()
      const first = caller.call('spin', [100], 0)
      const second = caller.call('emit', [1], 1)
      if (when === 'while another runs') await new Promise((resolve) => setImmediate(resolve))
      caller.end.cancel(2, 1, new Error('enough'))
      expect(await first).toEqual({ value: 100 })
      expect(await second).toHaveProperty('thrown')
      expect(caller.events).toEqual([])
    },
  )

  test('does not touch the next call in the same slot', async () => {
    const caller = await startCaller()
    const one = caller.call('untilAborted', [], 0)
    await caller.heard('waiting')
    caller.end.cancel(1, 0, 'enough')
    expect(await one).toEqual({ value: 'enough' })
    expect(await caller.call('later', [1], 0)).toEqual({ value: 2 })
  })
})

describe('events', () => {
  test('are refused when there is no room, and counted', async () => {
    const caller = await startCaller(undefined, { maxEvents: 3 })
    caller.takes = false
    expect(await caller.call('emit', [5])).toEqual({ value: [true, true, true, false, false] })
    expect(caller.events.map(({ value }) => value)).toEqual([0, 1, 2])
    expect(caller.end.dropped).toBe(2)
    caller.end.consumed(2)
    expect(await caller.call('emit', [3])).toEqual({ value: [true, true, false] })
  })

  test('wait for room where that is awaited, and none is lost', async () => {
    const caller = await startCaller(undefined, { maxEvents: 4 })
    expect(await caller.call('emitDrained', [1_000])).toEqual({ value: 1_000 })
    expect(caller.events).toHaveLength(1_000)
    expect(caller.end.dropped).toBe(0)
  })

  test('of several calls that await it find room, too', async () => {
    const caller = await startCaller(undefined, { maxEvents: 2 })
    const calls = Array.from({ length: 8 }, () => caller.call('emitDrained', [100]))
    expect(await Promise.all(calls)).toEqual(Array(8).fill({ value: 100 }))
    expect(caller.events).toHaveLength(800)
    expect(caller.end.dropped).toBe(0)
  })

  test('hold no call that is cancelled while it waits for room', async () => {
    const caller = await startCaller(undefined, { maxEvents: 2 })
    caller.takes = false
    const call = caller.call('emitDrained', [3], 0)
    await caller.heard('count', 2)
    caller.end.cancel(caller.seq, 0, 'enough')
    expect(await call).toEqual({ thrown: 'enough' })
  })

  test('can move what they hold', async () => {
    const caller = await startCaller()
    expect(await caller.call('emitMoved')).toEqual({ value: 0 })
    expect(caller.events).toMatchObject([{ name: 'moved', value: { byteLength: 8 } }])
  })
})

describe('a stream', () => {
  test('has as many values under way as it has credits', async () => {
    const caller = await startCaller()
    const call = caller.stream('count', [5], 2)
    await caller.call('later', [1])
    expect(caller.items).toEqual([0, 1])
    caller.end.credit(1, 10)
    expect(await call).toEqual({ value: 'all' })
    expect(caller.items).toEqual([0, 1, 2, 3, 4])
  })

  test('that is cancelled while it waits for credit runs its finally', async () => {
    const caller = await startCaller()
    const call = caller.stream('count', [5], 1)
    await caller.call('later', [1], 1)
    caller.end.cancel(1, 0, 'enough')
    expect(await call).toEqual({ value: undefined })
    expect(caller.events.map(({ name }) => name)).toEqual(['yields', 'finally'])
  })

  test('brings what its handler yields, sync or async, and what its promises bring', async () => {
    const caller = await startCaller()
    for (const [name, items] of Object.entries({ slowCount: [0, 1, 2], count: [0, 1, 2], promises: [1, 2] })) {
      caller.items.length = 0
      await caller.stream(name, [3], 10)
      expect(caller.items).toEqual(items)
    }
  })

  test('ends with what its handler throws', async () => {
    const caller = await startCaller()
    expect(await caller.stream('countAndThrow', [], 10)).toMatchObject({ thrown: new RangeError('no two') })
    expect(caller.items).toEqual([1])
  })

  test('of a value that cannot be sent is refused, once, after those before it', async () => {
    const caller = await startCaller()
    expect(await caller.stream('badItem', [], 10)).toMatchObject({ refusal: { code: 'ERR_UNCLONEABLE' } })
    expect(await caller.call('inc', [1], 1)).toEqual({ value: 2 })
    expect(caller.items).toEqual([1])
    expect(caller.settled).toEqual([1, 2])
  })

  test('of a handler without an iterator is an error', async () => {
    const caller = await startCaller()
    expect(await caller.stream('inc', [1], 10)).toMatchObject({ thrown: { name: 'TypeError' } })
  })
})

describe('the end of a thread', () => {
  test('comes after what was answered before, also where a handler exits', async () => {
    const caller = await startCaller()
    const one = caller.call('inc', [1])
    const two = caller.call('leave', [3])
    const three = caller.call('inc', [2])
    let lost = false
    void Promise.race([two, three]).then(() => {
      lost = true
    })
    expect(await exitOf(caller)).toBe(3)
    caller.end.drain()
    expect(await one).toEqual({ value: 2 })
    expect(lost).toBe(false)
    expect(caller.end.begun).toBe(2)
  })

  test('by an uncaught error does not lose them either', async () => {
    const caller = await startCaller()
    const one = caller.call('crash', [])
    const [error] = await once(caller.worker, 'error')
    caller.end.drain()
    expect(error).toMatchObject({ message: 'crashed late' })
    expect(await one).toEqual({ value: undefined })
  })
})

test('an end that was closed tells nothing more', async () => {
  const caller = await startCaller()
  void caller.call('inc', [1])
  caller.end.close()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(caller.settled).toEqual([])
})
