import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../../src/testing/index.ts'
import type { RecycleOptions } from '../../../src/thread/recycling/recycle-options.ts'
import { Turnover } from '../../../src/thread/recycling/turnover.ts'

/** Replacements that take until they are told to end. */
function setUp(options: RecycleOptions = {}) {
  const clock = new FakeClock()
  const begun: string[] = []
  const under = new Map<string, PromiseWithResolvers<void>>()
  const exchange = (worker: string, reason: string, token: string): Promise<void> => {
    begun.push(`${clock.now()} ${worker} ${reason} ${token}`)
    const turn = Promise.withResolvers<void>()
    under.set(worker, turn)
    return turn.promise
  }
  const turnover = new Turnover<string>({ backoff: { jitter: 0 }, ...options }, clock, exchange)
  const settle = async (worker: string, error?: Error): Promise<void> => {
    if (error === undefined) under.get(worker)?.resolve()
    else under.get(worker)?.reject(error)
    await clock.advance(0)
  }
  return { clock, begun, turnover, settle }
}

const broken = new Error('it did not come up')

test('replaces one after another, in the order in which they came to be due', async () => {
  const { turnover, begun, settle } = setUp({ spacing: 0 })
  for (const worker of ['a', 'b', 'c']) turnover.want(worker, 'age')
  expect(begun).toEqual(['0 a age surge'])
  await settle('a')
  expect(begun).toEqual(['0 a age surge', '0 b age surge'])
  await settle('b')
  await settle('c')
  expect(begun).toHaveLength(3)
})

test('keeps the first reason, and wants each once', async () => {
  const { turnover, begun, settle } = setUp({ spacing: 0 })
  turnover.want('a', 'age')
  turnover.want('b', 'requests')
  const first = turnover.want('b', 'memory')
  expect(turnover.want('b', 'age')).toBe(first)
  await settle('a')
  await settle('b')
  await first
  expect(begun).toEqual(['0 a age surge', '0 b requests surge'])
})

test('leaves a distance between two beginnings, however short they are', async () => {
  const { turnover, begun, clock, settle } = setUp({ spacing: 1_000 })
  turnover.want('a', 'age')
  turnover.want('b', 'age')
  await settle('a')
  await clock.advance(999)
  expect(begun).toHaveLength(1)
  await clock.advance(1)
  expect(begun).toEqual(['0 a age surge', '1000 b age surge'])
  await settle('b')
  expect(clock.pending).toBe(0)
})

test.each([
  [{ maxSurge: 2 }, ['surge', 'surge']],
  [{ maxSurge: 0, maxUnavailable: 1 }, ['unavailable']],
  [{ maxSurge: 1, maxUnavailable: 2 }, ['surge', 'unavailable', 'unavailable']],
])('with %o as many are under way at once as there are tokens', (options, tokens) => {
  const { turnover, begun } = setUp({ spacing: 0, ...options })
  for (const worker of ['a', 'b', 'c', 'd']) turnover.want(worker, 'age')
  expect(begun.map((line) => line.split(' ').at(-1))).toEqual(tokens)
})

describe('a replacement that does not come up', () => {
  test('has all wait, longer each time in a row', async () => {
    const { turnover, begun, clock, settle } = setUp({ spacing: 0, backoff: { first: 100, jitter: 0 } })
    for (const wait of [0, 100, 200, 400]) {
      const done = turnover.want('a', 'age')
      await clock.advance(wait - 1 < 0 ? 0 : wait - 1)
      if (wait > 0) await clock.advance(1)
      await settle('a', broken)
      await expect(done).rejects.toBe(broken)
    }
    expect(begun.map((line) => Number(line.split(' ')[0]))).toEqual([0, 100, 300, 700])
    // One that comes up has the waits begin anew.
    turnover.want('a', 'age')
    await clock.advance(800)
    await settle('a')
    turnover.want('b', 'age')
    await settle('b', broken)
    turnover.want('c', 'age')
    await clock.advance(100)
    expect(begun.map((line) => Number(line.split(' ')[0])).slice(4)).toEqual([1_500, 1_500, 1_600])
  })

  test('of all that were asked for, leaves those behind it', async () => {
    const { turnover, begun, clock, settle } = setUp({ spacing: 0 })
    turnover.want('c', 'age')
    const failed = expect(turnover.all(['a', 'b', 'c'], 'asked')).rejects.toBe(broken)
    await settle('c')
    await settle('a', broken)
    await failed
    await clock.advance(60_000)
    expect(begun).toEqual(['0 c age surge', '0 a asked surge'])
    expect(turnover.has('b')).toBe(false)
  })
})

test('one that has ended is replaced by nobody, and who waits for it need not', async () => {
  const { turnover, begun, settle } = setUp({ spacing: 0 })
  const all = turnover.all(['a', 'b'], 'asked')
  turnover.drop('b')
  // What is under way goes on.
  turnover.drop('a')
  expect(turnover.has('a')).toBe(true)
  await settle('a')
  await all
  expect(begun).toEqual(['0 a asked surge'])
})

test('stopped, it replaces nobody any more, and leaves no timer', async () => {
  const { turnover, begun, clock, settle } = setUp({ spacing: 1_000 })
  const under = turnover.want('a', 'age')
  const waiting = turnover.want('b', 'age')
  await settle('a')
  expect(clock.pending).toBe(1)
  turnover.stop(broken)
  await under
  await expect(waiting).rejects.toBe(broken)
  await expect(turnover.want('c', 'age')).rejects.toBe(broken)
  expect(clock.pending).toBe(0)
  expect(begun).toHaveLength(1)
})
