import { Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test, vi } from 'vitest'
import { Entries } from '../../src/lifecycle/entries.ts'
import { failAfter, Log, never, thrownBy, wait } from './stubs.ts'

describe('release', () => {
  test('ends one resource, by value or by name, whatever depends on it, and tells the outcome', async () => {
    const life = new Lifecycle('app')
    const log = new Log()
    const db = life.adopt({}, log.at('db'), { name: 'db' })
    life.defer(log.at('api'), { name: 'api', dependsOn: [db] })
    expect(await life.release(db)).toBe('closed')
    expect(await life.release('api')).toBe('closed')
    expect(log.lines).toEqual(['db', 'api'])
    expect((await life.close()).counts.closed).toBe(0)
  })

  test('calls the disposer before it returns', () => {
    const life = new Lifecycle()
    const log = new Log()
    void life.release(life.adopt({}, log.at('ended')))
    expect(log.lines).toEqual(['ended'])
  })

  test('ends all entries of a value, newest first, one by one, and tells the worst outcome', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, grace: 100 })
    const log = new Log()
    const value = {}
    life.adopt(value, log.lasting('one', clock, 10))
    life.adopt(value, () => failAfter(clock, 10, new Error('no')))
    life.use(value, { close: never, force: log.at('three') })
    const released = life.release(value)
    await clock.advance(200)
    expect(await released).toBe('failed')
    expect(log.lines).toEqual(['three', 'one', 'one.'])
    expect(life.snapshot().size).toBe(0)
  })

  const ways: Record<string, (life: Lifecycle, value: object) => void> = {
    closed: (life, value) => void life.adopt(value, () => {}),
    forced: (life, value) => void life.use(value, { close: never, force: () => {} }),
    failed: (life, value) => void life.adopt(value, () => Promise.reject(new Error('no'))),
    abandoned: (life, value) => void life.adopt(value, never),
  }
  const outcomes = Object.keys(ways)
  const pairs = outcomes.flatMap((one, at) => outcomes.slice(at).map((other) => [one, other] as const))
  test.each(pairs)('of %s and %s the second is the worse', async (one, other) => {
    for (const order of [
      [one, other],
      [other, one],
    ]) {
      const clock = new FakeClock()
      const life = new Lifecycle({ clock, grace: 100 })
      const value = {}
      for (const outcome of order) ways[outcome]?.(life, value)
      const released = life.release(value)
      await clock.advance(300)
      expect(await released).toBe(other)
    }
  })

  test('of a value that is not held, or no longer, is closed', async () => {
    const life = new Lifecycle()
    const value = life.adopt({}, () => {})
    expect(await life.release({})).toBe('closed')
    expect(await life.release(value)).toBe('closed')
    expect(await life.release(value)).toBe('closed')
    await life.close()
    expect(await life.release(value)).toBe('closed')
  })

  test('of a name that nothing has throws, and says where it looked', () => {
    const error = thrownBy(() => new Lifecycle('app').release('db'))
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({
      code: 'ERR_UNKNOWN_RESOURCE',
      message: expect.stringContaining("/app holds nothing under the name 'db'"),
    })
  })

  test('twice at once ends it once, and both are told', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    const log = new Log()
    const value = life.adopt({}, log.lasting('one', clock, 10))
    life.adopt(value, log.lasting('two', clock, 10))
    const outcomes = [life.release(value), life.release(value)]
    await clock.advance(20)
    expect(await Promise.all(outcomes)).toEqual(['closed', 'closed'])
    expect(log.lines).toEqual(['two', 'two.', 'one', 'one.'])
  })

  test('settles although what was left of the value is forgotten meanwhile', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    const value = life.adopt({}, () => {})
    life.adopt(value, () => wait(clock, 10))
    const released = life.release(value)
    expect(life.forget(value)).toBe(true)
    await clock.advance(10)
    expect(await released).toBe('closed')
  })

  test('settles when asked for by one who is just told that it has ended', async () => {
    const life = new Lifecycle()
    const outcomes: Promise<unknown>[] = []
    const value = life.adopt({}, () => {}, { name: 'db' })
    life.subscribe(({ type }) => {
      if (type === 'resource.ended') outcomes.push(life.release(value))
    })
    expect(await life.release(value)).toBe('closed')
    expect(await Promise.all(outcomes)).toEqual(['closed'])
  })

  test('while everything closes waits for its turn to be over, or takes it', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    const log = new Log()
    const older = life.adopt({}, log.lasting('older', clock, 100))
    const newer = life.adopt({}, log.lasting('newer', clock, 50))
    const closing = life.close()
    const released = [life.release(newer), life.release(older)]
    expect(log.lines).toEqual(['newer', 'older'])
    await clock.advance(100)
    expect(await Promise.all(released)).toEqual(['closed', 'closed'])
    expect(await closing).toMatchObject({ ms: 100, counts: { closed: 2 } })
    expect(log.lines).toEqual(['newer', 'older', 'newer.', 'older.'])
  })

  test('in the disposer of the very resource is a knot that the grace breaks', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, grace: 100 })
    const value: object = life.adopt({}, () => life.release(value))
    const closing = life.close()
    await clock.advance(100)
    expect((await closing).counts.abandoned).toBe(1)
  })

  test('begun before everything closes is waited for, and forced with the rest', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, grace: 10_000, timeout: 1_000 })
    const value = life.use({}, { close: never, force: () => {} })
    const released = life.release(value)
    const closing = life.close()
    await clock.advance(1_000)
    expect(await released).toBe('forced')
    expect(await closing).toMatchObject({ ms: 1_000, counts: { forced: 1 } })
    expect(clock.pending).toBe(0)
  })

  test('ends a scope with all that is in it, a task and a timer', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    const log = new Log()
    life.scope('inside').defer(log.at('deep'))
    const task = life.task(
      'work',
      (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('stopped'))),
    )
    life.every('tick', 10, log.at('tick'))
    for (const name of ['inside', 'work', 'tick']) expect(await life.release(name)).toBe('closed')
    expect(await task).toBe('stopped')
    await clock.advance(100)
    expect(log.lines).toEqual(['deep'])
    expect(clock.pending).toBe(0)
  })

  test('does not walk the list, however long it is', async () => {
    const life = new Lifecycle({ leaks: 'off' })
    const values = Array.from({ length: 10_000 }, () => life.adopt({}, () => {}))
    const walk = vi.spyOn(Entries.prototype, Symbol.iterator)
    for (const value of values.slice(5_000, 5_100)) expect(await life.release(value)).toBe('closed')
    expect(walk).not.toHaveBeenCalled()
    vi.restoreAllMocks()
    expect(life.snapshot().size).toBe(9_900)
  })
})
