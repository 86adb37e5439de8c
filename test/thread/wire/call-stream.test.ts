import { describe, expect, test } from 'vitest'
import { CallStream } from '../../../src/thread/wire/call-stream.ts'

/** A stream with a window of 4, and what it asked of its bridge. */
function open() {
  const asked: unknown[] = []
  const stream = new CallStream<number>({ credit: (count) => asked.push(count), cancel: () => asked.push('cancel') }, 4)
  return { stream, asked }
}

describe('a stream', () => {
  test('gives credit for half a window at a time, when it was taken', async () => {
    const { stream, asked } = open()
    for (const value of [1, 2, 3, 4]) stream.push(value)
    expect(asked).toEqual([])
    await stream.next()
    expect(asked).toEqual([])
    await stream.next()
    expect(asked).toEqual([2])
    await stream.next()
    await stream.next()
    expect(asked).toEqual([2, 2])
  })

  test('of a window of one gives credit for each', async () => {
    const asked: unknown[] = []
    const stream = new CallStream<number>({ credit: (count) => asked.push(count), cancel: () => {} }, 1)
    const next = stream.next()
    stream.push(1)
    await next
    expect(asked).toEqual([1])
  })

  test('gives no credit to what has ended', async () => {
    const { stream, asked } = open()
    for (const value of [1, 2, 3]) stream.push(value)
    stream.finish('all')
    const values: number[] = []
    for await (const value of stream) values.push(value)
    expect(values).toEqual([1, 2, 3])
    expect(asked).toEqual([])
  })

  test('ends with what its handler threw, after what came before', async () => {
    const { stream } = open()
    stream.push(1)
    stream.fail(new Error('broken'))
    expect(await stream.next()).toEqual({ done: false, value: 1 })
    await expect(stream.next()).rejects.toThrow('broken')
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  test('that is aborted drops what waits', async () => {
    const { stream } = open()
    stream.push(1)
    stream.abort('enough')
    await expect(stream.next()).rejects.toBe('enough')
  })

  test.each(['break', 'throw', 'await using', 'return'])('cancels its call once on %s', async (how) => {
    const { stream, asked } = open()
    for (const value of [1, 2]) stream.push(value)
    if (how === 'break') for await (const _ of stream) break
    else if (how === 'return') expect(await stream.return(7)).toEqual({ done: true, value: 7 })
    else if (how === 'await using') {
      await using disposed = stream
      await disposed.next()
    } else {
      const loop = async () => {
        for await (const _ of stream) throw new Error('mine')
      }
      await expect(loop()).rejects.toThrow('mine')
    }
    await stream.return()
    expect(asked).toEqual(['cancel'])
    stream.push(3)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  test('that has ended is not cancelled by its end', async () => {
    const { stream, asked } = open()
    stream.finish(undefined)
    for await (const _ of stream);
    await stream.return()
    expect(asked).toEqual([])
  })
})
