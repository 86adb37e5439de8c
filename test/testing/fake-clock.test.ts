import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'

describe('advance', () => {
  test('moves the time by so many ms', async () => {
    const clock = new FakeClock()
    expect(clock.now()).toBe(0)
    await clock.advance(1_500)
    await clock.advance(0.5)
    expect(clock.now()).toBe(1_500.5)
  })

  test('fires what falls due, in order of time, and of making where times are equal', async () => {
    const clock = new FakeClock()
    const fired: string[] = []
    for (const [name, delay] of [
      ['c', 30],
      ['a', 10],
      ['d', 30],
      ['b', 20],
      ['e', 30],
      ['late', 31],
    ] as const) {
      clock.setTimeout(() => fired.push(`${name} at ${clock.now()}`), delay)
    }
    await clock.advance(30)
    expect(fired).toEqual(['a at 10', 'b at 20', 'c at 30', 'd at 30', 'e at 30'])
    expect(clock.pending).toBe(1)
  })

  test('fires a timer of 0 ms without moving', async () => {
    const clock = new FakeClock()
    let fired = false
    clock.setTimeout(() => {
      fired = true
    }, 0)
    expect(fired).toBe(false)
    await clock.advance(0)
    expect([fired, clock.now()]).toEqual([true, 0])
  })

  test('lets every promise settle between two timers', async () => {
    const clock = new FakeClock()
    const seen: string[] = []
    clock.setTimeout(async () => {
      for (let turn = 0; turn < 1_000; turn++) await undefined
      process.nextTick(() => seen.push('chain of the first'))
    }, 10)
    clock.setTimeout(() => seen.push('second'), 10)
    await clock.advance(10)
    expect(seen).toEqual(['chain of the first', 'second'])
  })

  test('fires timers that are made on the way and fall due on it', async () => {
    const clock = new FakeClock()
    const beats: number[] = []
    const beat = async () => {
      beats.push(clock.now())
      await undefined
      clock.setTimeout(beat, 10)
    }
    clock.setTimeout(beat, 10)
    await clock.advance(35)
    expect(beats).toEqual([10, 20, 30])
    expect(clock.pending).toBe(1)
  })

  test('lets promises settle before it sets out, so that timers they make count from the start', async () => {
    const clock = new FakeClock()
    let firedAt: number | undefined
    const start = async () => {
      for (let turn = 0; turn < 1_000; turn++) await undefined
      clock.setTimeout(() => {
        firedAt = clock.now()
      }, 5)
    }
    start()
    await clock.advance(5)
    expect(firedAt).toBe(5)
  })

  test('takes its turn behind another that is under way', async () => {
    const clock = new FakeClock()
    const fired: number[] = []
    for (const delay of [5, 10, 15]) clock.setTimeout(() => fired.push(clock.now()), delay)
    await Promise.all([clock.advance(10), clock.advance(10)])
    expect(fired).toEqual([5, 10, 15])
    expect(clock.now()).toBe(20)
  })

  test('rejects with what a timer throws, stops there, and can go on', async () => {
    const clock = new FakeClock()
    const error = new Error('thrown by a timer')
    let fired = false
    clock.setTimeout(() => {
      throw error
    }, 10)
    clock.setTimeout(() => {
      fired = true
    }, 20)
    await expect(clock.advance(30)).rejects.toBe(error)
    expect([clock.now(), clock.pending, fired]).toEqual([10, 1, false])
    await clock.advance(10)
    expect(fired).toBe(true)
  })
})

describe('next', () => {
  test('moves to the next timer, fires that one, and says how far it was', async () => {
    const clock = new FakeClock()
    const fired: number[] = []
    for (const delay of [70, 30]) clock.setTimeout(() => fired.push(clock.now()), delay)
    expect(await clock.next()).toBe(30)
    expect(fired).toEqual([30])
    expect(await clock.next()).toBe(40)
    expect(await clock.next()).toBeUndefined()
  })
})

describe('blocked', () => {
  test('moves the time without firing; what has fallen due fires late', async () => {
    const clock = new FakeClock()
    const fired: string[] = []
    for (const delay of [20, 10]) clock.setTimeout(() => fired.push(`${delay} at ${clock.now()}`), delay)
    clock.blocked(100)
    expect([clock.now(), fired]).toEqual([100, []])
    await clock.advance(0)
    expect(fired).toEqual(['10 at 100', '20 at 100'])
  })
})

describe('clearTimeout', () => {
  test('undoes a timer, once or twice, also from another timer that is due at the same time', async () => {
    const clock = new FakeClock()
    let fired = 0
    const count = () => {
      fired += 1
    }
    clock.setTimeout(() => clock.clearTimeout(second), 10)
    const second = clock.setTimeout(count, 10)
    const third = clock.setTimeout(count, 10)
    clock.clearTimeout(third)
    clock.clearTimeout(third)
    expect(clock.pending).toBe(2)
    await clock.advance(10)
    clock.clearTimeout(second)
    expect([fired, clock.pending]).toEqual([0, 0])
  })

  test('takes a timer of another clock for no error', () => {
    const [one, other] = [new FakeClock(), new FakeClock()]
    const timer = one.setTimeout(() => {}, 10)
    other.clearTimeout(timer)
    expect(one.pending).toBe(1)
  })
})

test('a timer can be told not to keep the process alive, as a real one', () => {
  const timer = new FakeClock().setTimeout(() => {}, 10)
  expect(timer.unref()).toBe(timer)
})

describe('bad input', () => {
  const clock = new FakeClock()

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('%s ms is out of range', async (ms) => {
    const outOfRange = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }
    await expect(clock.advance(ms)).rejects.toMatchObject(outOfRange)
    expect(() => clock.blocked(ms)).toThrow(expect.objectContaining(outOfRange))
    expect(() => clock.setTimeout(() => {}, ms)).toThrow(expect.objectContaining(outOfRange))
  })

  test('what is no number, and what is no function, is of the wrong type', async () => {
    const wrongType = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }
    await expect(clock.advance('5' as never)).rejects.toMatchObject(wrongType)
    expect(() => clock.blocked(undefined as never)).toThrow(expect.objectContaining(wrongType))
    expect(() => clock.setTimeout(() => {}, '5' as never)).toThrow(expect.objectContaining(wrongType))
    expect(() => clock.setTimeout('code' as never, 5)).toThrow(expect.objectContaining(wrongType))
    expect(clock.pending).toBe(0)
  })
})
