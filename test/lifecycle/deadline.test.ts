import { Deadline, TimeoutError } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'

function setUp() {
  const clock = new FakeClock()
  return { clock, start: new Deadline(1_000, { name: 'start', clock }) }
}

describe('a deadline', () => {
  test('is a moment: what is left of it shrinks, and is never less than nothing', async () => {
    const { clock, start } = setUp()
    expect(start).toMatchObject({ since: 0, at: 1_000, timeout: 1_000, left: 1_000, expired: false, path: 'start' })
    await clock.advance(999)
    expect(start).toMatchObject({ left: 1, expired: false })
    await clock.advance(1)
    expect(start).toMatchObject({ left: 0, expired: true })
    await clock.advance(10)
    expect(start.left).toBe(0)
  })

  test('inside another is over when that is, if that is sooner', async () => {
    const { clock, start } = setUp()
    await clock.advance(400)
    const short = new Deadline(100, { name: 'short', parent: start })
    const long = new Deadline(700, { name: 'long', parent: start })
    const inner = new Deadline(5_000, { name: 'inner', parent: long })
    expect(short).toMatchObject({ at: 500, limitedBy: short, path: 'start/short', clock })
    expect(long).toMatchObject({ at: 1_000, timeout: 700, limitedBy: start })
    expect(inner).toMatchObject({ at: 1_000, limitedBy: start, path: 'start/long/inner' })
  })

  test('of the same moment as the one above is limited by that', () => {
    const { start } = setUp()
    expect(new Deadline(1_000, { parent: start }).limitedBy).toBe(start)
  })

  test.each([
    [() => new Deadline(-1), RangeError, 'ERR_OUT_OF_RANGE', 'timeout'],
    [() => new Deadline(Number.NaN), RangeError, 'ERR_OUT_OF_RANGE', 'timeout'],
    [() => new Deadline(Number.POSITIVE_INFINITY), RangeError, 'ERR_OUT_OF_RANGE', 'choose a limit'],
    [() => new Deadline(2 ** 31), RangeError, 'ERR_OUT_OF_RANGE', 'timeout'],
    [() => new Deadline('5' as never), TypeError, 'ERR_INVALID_ARG_TYPE', 'timeout'],
    [() => new Deadline(5, null as never), TypeError, 'ERR_INVALID_ARG_TYPE', 'options'],
    [() => new Deadline(5, { parent: {} as never }), TypeError, 'ERR_INVALID_ARG_TYPE', 'options.parent'],
    [() => new Deadline(5, { name: 'a/b' }), RangeError, 'ERR_OUT_OF_RANGE', 'options.name'],
    [() => new Deadline(5, { nmae: 'a' } as never), TypeError, 'ERR_UNKNOWN_OPTION', "'name'"],
    [
      () => new Deadline(5, { parent: setUp().start, clock: new FakeClock() }),
      RangeError,
      'ERR_OUT_OF_RANGE',
      'Moments of two clocks',
    ],
    [() => setUp().start.run(1 as never), TypeError, 'ERR_INVALID_ARG_TYPE', 'fn'],
    [() => setUp().start.run(() => 1, { onLate: 1 as never }), TypeError, 'ERR_INVALID_ARG_TYPE', 'options.onLate'],
    [() => setUp().start.run(() => 1, { signal: {} as never }), TypeError, 'ERR_INVALID_ARG_TYPE', 'options.signal'],
    [() => setUp().start.run(() => 1, { timeout: 1 } as never), TypeError, 'ERR_UNKNOWN_OPTION', 'run has no'],
  ])('refuses wrong arguments at once: %s', (make, type, code, word) => {
    expect(make).toThrow(type)
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringContaining(word) }))
  })
})

describe('run', () => {
  test('brings what the work brings, several times', async () => {
    const { clock, start } = setUp()
    expect(await start.run(({ deadline }) => deadline)).toBe(start)
    expect(await start.run(async () => 2)).toBe(2)
    expect(clock.pending).toBe(0)
  })

  test('each time waits for what is left', async () => {
    const { clock, start } = setUp()
    await clock.advance(600)
    const late = start.run(() => new Promise(() => {})).catch((error) => error)
    await clock.advance(399)
    expect(clock.pending).toBe(1)
    await clock.advance(1)
    const error = await late
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({
      code: 'ERR_TIMEOUT',
      name: 'TimeoutError',
      path: 'start',
      timeout: 1_000,
      elapsed: 1_000,
      limitedBy: undefined,
      message: 'start was given up after 1000 ms: it had 1000 ms.',
    })
    expect(clock.pending).toBe(0)
  })

  test('does not begin what could have no time', async () => {
    const { clock, start } = setUp()
    await clock.advance(1_500)
    let begun = false
    const run = start.run(() => {
      begun = true
    })
    await expect(run).rejects.toMatchObject({ code: 'ERR_TIMEOUT', timeout: 1_000, elapsed: 1_500 })
    expect(begun).toBe(false)
    expect(clock.pending).toBe(0)
  })
})

test('serialises as plain data', () => {
  const clock = new FakeClock()
  const parent = new Deadline(100, { name: 'start', clock })
  const inner = new Deadline(500, { name: 'query', parent })
  const plain = { path: 'start/query', timeout: 500, left: 100, limitedBy: 'start' }
  expect(JSON.parse(JSON.stringify(inner))).toEqual(plain)
})
