// A connection that comes, or is lost, in the same breath in which it is not wanted any more.
import { Lifecycle, type LifecycleEvent, type Report } from 'endswell'
import { keepConnected } from 'endswell/connection'
import { FakeClock } from 'endswell/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listeners } from '../fixtures/listeners.ts'
import { Exchange, type Wire } from '../fixtures/wire.ts'

/** What nobody has handled meanwhile. */
function unhandled(): unknown[] {
  const errors: unknown[] = []
  const hear = (error: unknown) => void errors.push(error)
  process.on('unhandledRejection', hear)
  onTestFinished(() => void process.off('unhandledRejection', hear))
  return errors
}

/** Whether all has ended gently. */
function isClean({ counts }: Report): boolean {
  return counts.forced + counts.failed + counts.abandoned === 0
}

async function breaths(count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) await undefined
}

describe.each(['close', 'reconnect', 'life'] as const)('%s, in whichever breath of the opening,', (way) => {
  test('ends the connection gently, and leaves no listener on it', async () => {
    const errors = unhandled()
    for (let breath = 0; breath < 30; breath += 1) {
      const clock = new FakeClock()
      const life = new Lifecycle({ name: 'life', clock })
      const exchange = new Exchange()
      const kept = keepConnected<Wire>(life, { ...exchange.options, name: 'feed' })
      await breaths(breath)
      if (way === 'reconnect') await kept.reconnect()
      const end = await (way === 'life' ? life.close() : kept.close())
      expect([breath, 'outcome' in end ? end.outcome : isClean(end)]).toEqual([
        breath,
        way === 'life' ? true : 'closed',
      ])
      await life.close()
      expect([exchange.open.length, clock.now(), clock.pending]).toEqual([0, 0, 0])
      for (const wire of exchange.wires) expect(listeners(wire)).toEqual({ error: 1 })
    }
    expect(errors).toEqual([])
  })
})

test.each(['close', 'lose', 'life'] as const)(
  'subscriptions are begun, replaced and fail in any breath of a %s',
  async (way) => {
    const errors = unhandled()
    for (let breath = 0; breath < 20; breath += 1) {
      const clock = new FakeClock()
      const life = new Lifecycle({ name: 'life', clock })
      const events: LifecycleEvent[] = []
      life.subscribe((event) => events.push(event))
      const exchange = new Exchange()
      const kept = keepConnected<Wire>(life, { ...exchange.options, name: 'feed' })
      const wire = await kept.ready()
      kept.subscribe('slow', async (_, scope) => {
        scope.defer(() => breaths(5))
        await breaths(7)
        throw new Error('it can not be begun')
      })
      kept.subscribe('a', (_, scope) => void scope.defer(() => breaths(8)))
      kept.subscribe('a', () => {})
      await breaths(breath)
      if (way === 'lose') wire.break()
      const closing = way === 'life' ? life.close() : way === 'close' ? kept.close() : undefined
      kept.unsubscribe('slow')
      await closing
      await breaths(40)
      const end = life.close()
      while ((await clock.next()) !== undefined);
      expect([breath, isClean(await end)]).toEqual([breath, true])
      expect([exchange.open.length, clock.pending]).toEqual([0, 0])
    }
    await new Promise((resolve) => setImmediate(resolve))
    expect(errors).toEqual([])
  },
)

test('what onGone has put on a connection is taken off where it closes the lifecycle at once', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'life', clock })
  const exchange = new Exchange()
  let undone = 0
  const kept = keepConnected<Wire>(life, {
    ...exchange.options,
    onGone: () => {
      life.close()
      return () => {
        undone += 1
      }
    },
  })
  await expect(kept.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  expect(isClean(await life.close())).toBe(true)
  expect([undone, exchange.open.length, clock.pending]).toEqual([1, 0, 0])
})
