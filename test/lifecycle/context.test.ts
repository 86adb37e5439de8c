import { defineKind, Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { never } from './stubs.ts'

describe('what a kind is told', () => {
  test('is why, how long it has, and the clock', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, grace: 100, timeout: 60 })
    const told: unknown[] = []
    const kind = defineKind<object>({
      name: 'thing',
      matches: () => false,
      close: (_value, context) => void told.push(context.grace, context.reason, context.clock === clock),
    })
    life.use({}, { kind, grace: 10 })
    life.use({}, { kind })
    await life.close({ reason: 'SIGTERM' })
    expect(told).toEqual([60, 'SIGTERM', true, 10, 'SIGTERM', true])
  })

  test.each(['read before', 'read after'])('is by a signal that it is about to be forced: %s', async (when) => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, grace: 100 })
    const told: string[] = []
    let signal: AbortSignal | undefined
    const kind = defineKind<object>({
      name: 'thing',
      matches: () => false,
      close: (_value, context) => {
        if (when === 'read before') {
          signal = context.signal
          signal.addEventListener('abort', () => told.push('abort'))
        }
        return never()
      },
      force: (_value, context) => {
        signal = context.signal
        told.push('force')
      },
    })
    life.use({}, { kind })
    const closing = life.close()
    await clock.advance(99)
    expect(told).toEqual([])
    await clock.advance(1)
    expect(told).toEqual(when === 'read before' ? ['abort', 'force'] : ['force'])
    expect(signal?.aborted).toBe(true)
    expect((await closing).counts.forced).toBe(1)
  })

  test('lets it add a note to its row, of which the last one wins', async () => {
    const life = new Lifecycle()
    const kind = defineKind<object>({
      name: 'thing',
      matches: () => false,
      close: (_value, context) => {
        context.note('drained 1')
        context.note('drained 3, cut 1')
      },
    })
    life.use({}, { kind })
    expect((await life.close()).rows[0]?.note).toBe('drained 3, cut 1')
  })
})
