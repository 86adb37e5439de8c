import { Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { Log, thrownBy } from './stubs.ts'

const paths = (life: Lifecycle): string[] => life.snapshot().resources.map(({ path }) => path)

describe('the name of a resource', () => {
  test('follows the path of its lifecycle', () => {
    const life = new Lifecycle('orders')
    life.defer(() => {}, { name: 'db' })
    expect(paths(life)).toEqual(['/orders/db'])
  })

  test('is its kind and its number where it was given none', () => {
    const life = new Lifecycle('orders')
    for (let at = 1; at < 7; at += 1) life.defer(() => {}, { name: `n${at}` })
    life.defer(() => {})
    life.adopt(1, () => {})
    life.use({ [Symbol.asyncDispose]: () => {} })
    expect(paths(life).slice(6)).toEqual(['/orders/callback#7', '/orders/callback#8', '/orders/custom#9'])
  })

  test('shows its number from the second of the same name on', () => {
    const life = new Lifecycle('orders')
    for (let at = 0; at < 3; at += 1) life.defer(() => {}, { name: 'db' })
    expect(paths(life)).toEqual(['/orders/db', '/orders/db#2', '/orders/db#3'])
  })

  test('keeps its number when one before it ends, and none of the others takes it', async () => {
    const life = new Lifecycle('orders')
    for (let at = 0; at < 3; at += 1) life.defer(() => {}, { name: 'db' })
    await life.release('db#2')
    life.defer(() => {}, { name: 'db' })
    expect(paths(life)).toEqual(['/orders/db', '/orders/db#3', '/orders/db#4'])
  })

  test('starts afresh once none is left', async () => {
    const life = new Lifecycle('orders')
    for (let at = 0; at < 2; at += 1) life.defer(() => {}, { name: 'db' })
    await life.release('db#2')
    await life.release('db')
    life.defer(() => {}, { name: 'db' })
    expect(paths(life)).toEqual(['/orders/db'])
  })

  test('shows its number among scopes and tasks of that name too', () => {
    const life = new Lifecycle('orders')
    life.scope('job').defer(() => {})
    const second = life.scope('job')
    second.defer(() => {}, { name: 'file' })
    expect(second.path).toBe('/orders/job#2')
    expect(paths(second)).toEqual(['/orders/job#2/file'])
  })
})

describe('a string names', () => {
  test('the only one of that name, also when it is shown with a number', async () => {
    const log = new Log()
    const life = new Lifecycle('orders')
    life.defer(log.at('one'), { name: 'db' })
    life.defer(log.at('two'), { name: 'db' })
    await life.release('db#1')
    await life.release('db')
    expect(log.lines).toEqual(['one', 'two'])
  })

  test('what has no name, by kind and number', async () => {
    const log = new Log()
    const life = new Lifecycle('orders')
    life.defer(log.at('one'))
    life.defer(log.at('two'))
    await life.release('callback#1')
    expect(log.lines).toEqual(['one'])
  })

  test('one that is on its way out', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    const log = new Log()
    life.defer(log.lasting('db', clock, 10), { name: 'db' })
    const outcomes = [life.release('db'), life.release('db')]
    await clock.advance(10)
    expect(await Promise.all(outcomes)).toEqual(['closed', 'closed'])
    expect(log.lines).toEqual(['db', 'db.'])
  })

  test('nothing once it has ended', async () => {
    const life = new Lifecycle('orders')
    life.defer(() => {}, { name: 'db' })
    await life.release('db')
    for (const name of ['db', 'db#1', 'db#2', 'callback#1']) {
      expect(thrownBy(() => life.release(name))).toMatchObject({ code: 'ERR_UNKNOWN_RESOURCE' })
    }
  })

  test('never a value, although that may be a string', () => {
    const life = new Lifecycle('orders')
    life.adopt('db', () => {})
    expect(thrownBy(() => life.release('db'))).toMatchObject({ code: 'ERR_UNKNOWN_RESOURCE' })
  })

  test('not two: that throws, and says by which names to tell them apart', async () => {
    const log = new Log()
    const life = new Lifecycle('orders')
    life.defer(log.at('one'), { name: 'db' })
    life.defer(log.at('two'), { name: 'db' })
    const error = thrownBy(() => life.release('db'))
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ code: 'ERR_AMBIGUOUS_NAME', message: expect.stringContaining("'db#1', 'db#2'") })
    await life.release('db#1')
    expect(log.lines).toEqual(['one'])
  })
})

test('foreign timers that have fired are dropped now and then, so that their number stays bounded', async () => {
  const life = new Lifecycle()
  const gone = { destroyed: true }
  const kind = {
    name: 'silent',
    matches: () => false,
    close: () => {},
    isGone: (value: typeof gone) => value.destroyed,
  }
  for (let at = 0; at < 10_000; at += 1) life.use({ destroyed: true }, { kind })
  expect(life.snapshot().size).toBeLessThan(64)
  const held = Array.from({ length: 100 }, () => life.use({ destroyed: false }, { kind }))
  for (let at = 0; at < 10_000; at += 1) life.use({ destroyed: true }, { kind })
  expect(life.snapshot().size).toBeLessThan(400)
  const report = await life.close()
  expect(report.counts.closed).toBeGreaterThanOrEqual(held.length)
})

test('each question whether one is gone is paid for once: their number stays a small multiple of the registrations', () => {
  const life = new Lifecycle()
  let asked = 0
  const isGone = (): boolean => {
    asked += 1
    return false
  }
  const kind = { name: 'silent', matches: () => false, close: () => {}, isGone }
  for (let at = 0; at < 20_000; at += 1) life.use({}, { kind })
  expect(asked).toBeLessThan(4 * 20_000)
})
