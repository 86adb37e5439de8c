import { defineKind, Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { never, wait } from './stubs.ts'

const stubborn = defineKind({ name: 'stubborn', matches: () => false, close: never, force: never })
const stiff = defineKind({ name: 'stiff', matches: () => false, close: never, force: () => {} })

describe('the deadline of a scope', () => {
  test('is its own timeout, where that is sooner than its parent’s: it is forced, the rest goes on gently', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 10_000 })
    life.defer(() => wait(clock, 3_000), { name: 'older' })
    const scope = life.scope('inside', { timeout: 1_000 })
    scope.use({}, { kind: stiff })
    scope.use({}, { kind: stiff })
    const closing = life.close()
    await clock.advance(1_000)
    expect(scope.state).toBe('closed')
    await clock.advance(3_000)
    expect(await closing).toMatchObject({ ms: 4_000, counts: { closed: 1, forced: 2 } })
  })

  test('is never later than what its parent has left, however long its own timeout', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 1_000, grace: 60_000 })
    const deepest = life.scope('one', { timeout: 50_000 }).scope('two', { timeout: 40_000 }).scope('three')
    const seen: number[] = []
    const kind = defineKind<object>({
      name: 'thing',
      matches: () => false,
      close: (_value, { grace }) => {
        seen.push(clock.now() + grace)
        return never()
      },
      force: () => void seen.push(clock.now()),
    })
    deepest.use({}, { kind })
    deepest.use({}, { kind })
    life.defer(() => wait(clock, 400))
    const closing = life.close()
    await clock.advance(1_000)
    expect(seen).toEqual([1_000, 1_000, 1_000])
    expect(await closing).toMatchObject({ ms: 1_000, counts: { forced: 2, closed: 1 } })
  })

  test('of the parent reaches all that is inside at once, whether it has begun to close or not', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 1_000, grace: 60_000 })
    for (const name of ['a', 'b', 'c']) {
      const scope = life.scope(name)
      scope.use({}, { kind: stubborn })
      scope.scope('deeper').use({}, { kind: stubborn })
    }
    const closing = life.close()
    await clock.advance(2_000)
    expect(await closing).toMatchObject({ ms: 2_000, counts: { abandoned: 6 } })
    expect(clock.pending).toBe(0)
  })

  test('moves nearer with its parent’s', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 10_000, grace: 60_000 })
    life.scope('inside', { timeout: 8_000 }).use({}, { kind: stiff })
    const closing = life.close()
    await clock.advance(100)
    void life.close({ timeout: 400 })
    await clock.advance(400)
    expect(await closing).toMatchObject({ ms: 500, counts: { forced: 1 } })
  })

  test('of one that closes on its own is what it was given, else what those above were', async () => {
    for (const [options, ms] of [
      [{ timeout: 700 }, 700],
      [{}, 3_000],
    ] as const) {
      const clock = new FakeClock()
      const life = new Lifecycle({ clock, timeout: 3_000, grace: 60_000 })
      const scope = life.scope('between').scope('inside', options)
      scope.use({}, { kind: stiff })
      const closing = scope.close()
      await clock.advance(3_000)
      expect(await closing).toMatchObject({ ms, counts: { forced: 1 } })
      expect(life.state).toBe('open')
      expect(clock.pending).toBe(0)
    }
  })

  test('of one that was moved out is a root’s', async () => {
    const clock = new FakeClock()
    const scope = new Lifecycle({ clock, grace: 60_000 }).scope('inside')
    scope.use({}, { kind: stiff })
    const closing = scope.move().close()
    await clock.advance(25_000)
    expect(await closing).toMatchObject({ ms: 25_000, counts: { forced: 1 } })
  })

  test('is the one that close() gave its parent, although that is later than the parent’s own', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 1_000, grace: 60_000 })
    life.scope('inside').use({}, { kind: stiff })
    const closing = life.close({ timeout: 5_000 })
    await clock.advance(5_000)
    expect(await closing).toMatchObject({ ms: 5_000, counts: { forced: 1 } })
  })
})
