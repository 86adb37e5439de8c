import type { MessagePort } from 'node:worker_threads'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { Outbox } from '../../../src/thread/serving/outbox.ts'
import { EVENT, RESULT } from '../../../src/thread/wire/messages.ts'

/** An outbox whose port keeps what was sent; it refuses functions as a real one does. */
function newOutbox() {
  const sent: unknown[] = []
  const port = { postMessage: (message: unknown) => sent.push(structuredClone(message)) }
  const unsendable: number[] = []
  return { outbox: new Outbox(port as unknown as MessagePort, (seq) => unsendable.push(seq)), sent, unsendable }
}

/** The time that the outbox sees, moved by hand. */
let now = 1_000
beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  return () => vi.restoreAllMocks()
})

describe('an outbox', () => {
  test('sends all of a turn in one message', async () => {
    const { outbox, sent } = newOutbox()
    outbox.add(1, RESULT, 'a', 'work')
    outbox.add(2, RESULT, 'b', 'work')
    expect(sent).toEqual([])
    await null
    expect(sent).toEqual([[1, RESULT, 'a', 2, RESULT, 'b']])
  })

  test('sends what came of a piece of work when it is done', () => {
    const { outbox, sent } = newOutbox()
    outbox.during(() => {
      outbox.add(1, RESULT, 'a', 'work')
      outbox.add(2, RESULT, 'b', 'work')
      expect(sent).toEqual([])
    })
    expect(sent).toHaveLength(1)
  })

  test('does not keep an answer for others that take long', () => {
    const { outbox, sent } = newOutbox()
    outbox.during(() => {
      now += 1
      outbox.add(1, RESULT, 'a', 'work')
      expect(sent).toEqual([[1, RESULT, 'a']])
      outbox.add(2, RESULT, 'b', 'work')
      expect(sent).toHaveLength(1)
    })
    expect(sent).toEqual([
      [1, RESULT, 'a'],
      [2, RESULT, 'b'],
    ])
  })

  test('sends an event at once, where nothing was sent for a while', () => {
    const { outbox, sent } = newOutbox()
    outbox.flush()
    now += 1
    outbox.during(() => {
      outbox.tell(1, 'progress', 0)
      expect(sent).toHaveLength(1)
      outbox.tell(1, 'progress', 1)
      expect(sent).toHaveLength(1)
    })
    expect(sent).toHaveLength(2)
  })

  test('sends what is moved by itself, after what was there before', () => {
    const { outbox, sent } = newOutbox()
    outbox.add(1, RESULT, 'a', 'work')
    outbox.move(2, RESULT, 'b', [], 'work')
    expect(sent).toEqual([
      [1, RESULT, 'a'],
      [2, RESULT, 'b'],
    ])
  })

  test('has only that suffer which cannot be sent, and what its call says after it', async () => {
    const { outbox, sent, unsendable } = newOutbox()
    outbox.add(1, RESULT, 'a', 'work')
    outbox.add(2, RESULT, () => {}, 'bad')
    outbox.add(2, RESULT, 'never', 'work')
    outbox.add(3, RESULT, 'c', 'work')
    await null
    expect(unsendable).toEqual([2])
    expect(sent).toMatchObject([
      [1, RESULT, 'a'],
      [2, expect.any(Number), ['ERR_UNCLONEABLE', expect.stringContaining('The result of bad() cannot be sent')]],
      [3, RESULT, 'c'],
    ])
  })
  test('sends an event with an object at once, as it is then', () => {
    const { outbox, sent } = newOutbox()
    const progress = { done: 1 }
    outbox.add(1, RESULT, 'a', 'work')
    outbox.tell(2, 'progress', progress)
    progress.done = 2
    expect(sent).toEqual([
      [1, RESULT, 'a'],
      [2, EVENT, ['progress', { done: 1 }]],
    ])
  })

  test.each([() => {}, Symbol('mine'), { deep: () => {} }])(
    'throws where the value of an event cannot be sent',
    (bad) => {
      const { outbox, sent } = newOutbox()
      expect(() => outbox.tell(1, 'bad', bad)).toThrow('could not be cloned')
      outbox.tell(1, 'good', {})
      expect(sent).toHaveLength(1)
    },
  )
})
