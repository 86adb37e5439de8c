import { EventEmitter } from 'node:events'
import { describe, expect, test } from 'vitest'
import { ReadyWatch, type ReadyWhen } from '../../../src/process/child/ready-when.ts'
import type { SpawnedChild } from '../../../src/process/child/spawned-child.ts'
import { FakeClock } from '../../../src/testing/fake-clock.ts'

/** A watch over a child that is only its messages, and what came of it. */
function watch(when: ReadyWhen | undefined, timeout = 1_000) {
  const clock = new FakeClock()
  const child = new EventEmitter()
  const heard: unknown[] = []
  const watching = new ReadyWatch({
    when,
    timeout,
    clock,
    onReady: () => heard.push('ready'),
    onFail: (error) => heard.push(error),
  })
  watching.start({ path: '/life/child', child } as unknown as SpawnedChild)
  return { watching, heard, clock, child }
}

/** Lets all promises that can settle do so. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('without a condition a child is ready at once, and no timer is left', () => {
  const { heard, clock } = watch(undefined)
  expect({ heard, pending: clock.pending }).toEqual({ heard: ['ready'], pending: 0 })
})

describe('a regular expression', () => {
  test('is ready with the first line that matches, once', () => {
    const { watching, heard, clock } = watch(/listening/)
    watching.see('starting')
    expect(heard).toEqual([])
    watching.see('now listening on 80')
    watching.see('listening')
    expect({ heard, pending: clock.pending }).toEqual({ heard: ['ready'], pending: 0 })
  })

  test.each([/b/g, /a b/y])('begins at the start of each line, whatever its state: %s', (when) => {
    when.lastIndex = 3
    const { watching, heard } = watch(when)
    watching.see('a b')
    expect(heard).toEqual(['ready'])
  })
})

test('the first message is ready, and takes its listener off', () => {
  const { heard, child, clock } = watch('message')
  expect(child.listenerCount('message')).toBe(1)
  child.emit('message', 'anything')
  expect(heard).toEqual(['ready'])
  expect([child.listenerCount('message'), clock.pending]).toEqual([0, 0])
})

describe('a function', () => {
  test('is ready when its promise fulfils, and its signal stays as it is', async () => {
    let signal: AbortSignal | undefined
    const { heard, watching } = watch((_, given) => {
      signal = given
    })
    await turn()
    expect(heard).toEqual(['ready'])
    watching.stop()
    expect(signal?.aborted).toBe(false)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('fails with what it %s', async (_, when) => {
    const { heard, clock } = watch(when)
    await turn()
    expect({ heard, pending: clock.pending }).toEqual({ heard: [new Error('no')], pending: 0 })
  })

  test('hears that nobody waits any more, and what it says then is dropped', async () => {
    const { promise, reject } = Promise.withResolvers<void>()
    let signal: AbortSignal | undefined
    const { heard, watching } = watch((_, given) => {
      signal = given
      return promise
    })
    expect(watching.stop('the reason')).toBe(true)
    expect(signal?.reason).toBe('the reason')
    reject(new Error('late'))
    await turn()
    expect(heard).toEqual([])
    expect(watching.stop()).toBe(false)
  })
})

test.each([[/never/], ['message' as const], [() => new Promise(() => {})]])(
  'what does not come in time fails with a TimeoutError: %s',
  async (when) => {
    const { heard, clock, child } = watch(when, 500)
    await clock.advance(499)
    expect(heard).toEqual([])
    await clock.advance(1)
    expect(heard).toEqual([
      expect.objectContaining({
        name: 'TimeoutError',
        code: 'ERR_TIMEOUT',
        path: '/life/child',
        timeout: 500,
        elapsed: 500,
      }),
    ])
    expect([child.listenerCount('message'), clock.pending]).toEqual([0, 0])
  },
)
