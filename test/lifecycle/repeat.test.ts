import { Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Log, never, wait } from './stubs.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

function setUp() {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, grace: 1_000 })
  /** The moments at which a function ran. */
  const runs: number[] = []
  const run = (): void => void runs.push(clock.now())
  return { clock, life, runs, run }
}

describe('every', () => {
  test('runs on each beat, the first one interval from now', async () => {
    const { clock, life, runs, run } = setUp()
    await clock.advance(7)
    life.every('tick', 10, run)
    await clock.advance(35)
    expect(runs).toEqual([17, 27, 37])
    expect(life.snapshot().resources).toMatchObject([{ path: '/app/tick', kind: 'timer' }])
  })

  test('runs at once too with { immediate }', async () => {
    const { clock, life, runs, run } = setUp()
    life.every('tick', 10, run, { immediate: true })
    expect(runs).toEqual([])
    await clock.advance(20)
    expect(runs).toEqual([0, 10, 20])
  })

  test('never overlaps itself, and skips the beats that come while it runs', async () => {
    const { clock, life } = setUp()
    const log: string[] = []
    life.every('tick', 10, async () => {
      log.push(`${clock.now()}`)
      await wait(clock, 25)
      log.push(`${clock.now()}.`)
    })
    await clock.advance(100)
    expect(log).toEqual(['10', '35.', '40', '65.', '70', '95.', '100'])
  })

  test('keeps to its grid however late the loop is', async () => {
    const { clock, life, runs, run } = setUp()
    life.every('tick', 10, run)
    await clock.advance(10)
    clock.blocked(37)
    await clock.advance(23)
    expect(runs).toEqual([10, 47, 50, 60, 70])
  })

  test('lengthens each wait by its jitter at most, and never shortens one', async () => {
    for (const share of [0, 0.25, 0.999_999]) {
      vi.spyOn(Math, 'random').mockReturnValue(share)
      const { clock, life, runs, run } = setUp()
      life.every('tick', 100, run, { jitter: 0.5 })
      await clock.advance(400)
      expect(runs.length).toBeGreaterThanOrEqual(3)
      for (const [at, ran] of runs.entries()) {
        expect(ran - (at + 1) * 100).toBeGreaterThanOrEqual(0)
        expect(ran - (at + 1) * 100).toBeLessThan(50)
        expect(ran - (at + 1) * 100).toBeCloseTo(share * 50, 3)
      }
    }
  })

  test('with a jitter of 1 spreads a run over the whole interval after its beat', async () => {
    const { clock, life, runs, run } = setUp()
    life.every('tick', 100, run, { jitter: 1 })
    await clock.advance(100_000)
    const beats = runs.map((ran) => Math.floor(ran / 100))
    expect(new Set(beats).size).toBe(runs.length)
    expect(runs.length).toBeGreaterThan(900)
    const within = runs.map((ran) => ran % 100)
    expect(Math.min(...within)).toBeLessThan(10)
    expect(Math.max(...within)).toBeGreaterThan(90)
  })

  test('goes on after an error, which is published', async () => {
    const { clock, life } = setUp()
    const errors: unknown[] = []
    life.subscribe(({ type, path, error }) => type === 'resource.error' && errors.push([path, String(error)]))
    let turn = 0
    life.every('tick', 10, () => {
      turn += 1
      if (turn === 1) throw new Error('thrown')
      if (turn === 2) return Promise.reject(new Error('rejected'))
      return undefined
    })
    await clock.advance(30)
    expect(turn).toBe(3)
    expect(errors).toEqual([
      ['/app/tick', 'Error: thrown'],
      ['/app/tick', 'Error: rejected'],
    ])
  })

  test('stops at its turn, tells the run under way by its signal, and waits for it', async () => {
    const { clock, life } = setUp()
    const log = new Log()
    life.defer(log.at('older'))
    life.every('tick', 10, async (signal) => {
      signal.addEventListener('abort', log.at('told'))
      await wait(clock, 50)
      log.at('done')()
    })
    await clock.advance(10)
    const closing = life.close()
    await clock.advance(50)
    expect(await closing).toMatchObject({ ms: 50, counts: { closed: 2 } })
    expect(log.lines).toEqual(['told', 'done', 'older'])
    expect(clock.pending).toBe(0)
  })

  test('is abandoned where the run under way hangs', async () => {
    const { clock, life } = setUp()
    life.every('tick', 10, never, { grace: 100 })
    await clock.advance(10)
    const closing = life.close()
    await clock.advance(100)
    expect((await closing).rows).toMatchObject([{ path: '/app/tick', outcome: 'abandoned', ms: 100 }])
    expect(clock.pending).toBe(0)
  })

  test('does not count a run that heeds its signal as an error', async () => {
    const { clock, life } = setUp()
    const errors: unknown[] = []
    life.subscribe(({ type, error }) => type === 'resource.error' && errors.push(error))
    life.every(
      'tick',
      10,
      (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    )
    await clock.advance(10)
    expect((await life.close()).counts).toMatchObject({ closed: 1 })
    expect(errors).toEqual([])
  })

  test('returns its undo, which waits for the run under way, and may be called again', async () => {
    const { clock, life } = setUp()
    const log = new Log()
    const stop = life.every('tick', 10, log.lasting('run', clock, 30))
    await clock.advance(10)
    const stopped = [stop(), stop()]
    expect(life.snapshot().resources).toMatchObject([{ state: 'closing' }])
    await clock.advance(30)
    expect(await Promise.all(stopped)).toEqual(['closed', 'closed'])
    expect(await stop()).toBe('closed')
    await clock.advance(100)
    expect(log.lines).toEqual(['run', 'run.'])
    expect(life.snapshot().size).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('can be stopped by what it runs', async () => {
    const { clock, life, runs, run } = setUp()
    const stop = life.every('tick', 10, () => {
      run()
      if (runs.length === 2) void stop()
    })
    await clock.advance(100)
    expect(runs).toEqual([10, 20])
    expect(life.snapshot().size).toBe(0)
  })

  test('goes on when it is forgotten, which ends nothing, until its undo is called', async () => {
    const { clock, life, runs, run } = setUp()
    const stop = life.every('tick', 10, run)
    await clock.advance(10)
    life.forget('tick')
    await life.close()
    await clock.advance(20)
    expect(runs).toHaveLength(3)
    expect(await stop()).toBe('closed')
    expect(clock.pending).toBe(0)
  })

  test('says in its row how many runs failed', async () => {
    const { clock, life } = setUp()
    life.every('tick', 10, () => Promise.reject(new Error('no')))
    await clock.advance(35)
    expect((await life.close()).rows).toMatchObject([{ outcome: 'closed', note: '3 of 3 runs failed' }])
  })

  test('keeps the process alive, unless { ref: false }', () => {
    const { life, clock } = setUp()
    let unreffed = 0
    const start = clock.setTimeout.bind(clock)
    vi.spyOn(clock, 'setTimeout').mockImplementation((...args) => {
      const timer = start(...args)
      return Object.assign(timer, {
        unref: () => {
          unreffed += 1
          return timer
        },
      })
    })
    life.every('one', 10, () => {})
    expect(unreffed).toBe(0)
    life.every('two', 10, () => {}, { ref: false })
    expect(unreffed).toBe(1)
  })
})

describe('after', () => {
  test('runs once, then leaves', async () => {
    const { clock, life, runs, run } = setUp()
    life.after('later', 10, run)
    await clock.advance(9)
    expect(life.snapshot().resources).toMatchObject([{ path: '/app/later', kind: 'timer' }])
    expect(runs).toEqual([])
    await clock.advance(100)
    expect(runs).toEqual([10])
    expect(life.snapshot().size).toBe(0)
  })

  test('does not run where the lifecycle closes before', async () => {
    const { clock, life, runs, run } = setUp()
    life.after('later', 10, run)
    await life.close()
    await clock.advance(100)
    expect(runs).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('leaves as it fires, so that it may close its own lifecycle and wait for that', async () => {
    const { clock, life } = setUp()
    const ms: number[] = []
    life.after('limit', 10, async (signal) => {
      expect(life.snapshot().size).toBe(0)
      ms.push((await life.close()).ms)
      expect(signal.aborted).toBe(true)
    })
    await clock.advance(10)
    expect(life.state).toBe('closed')
    expect(ms).toEqual([0])
    expect(clock.pending).toBe(0)
  })

  test('publishes its error, and leaves', async () => {
    const { clock, life } = setUp()
    const events: string[] = []
    life.subscribe(({ type }) => events.push(type))
    life.after('later', 10, () => Promise.reject(new Error('no')))
    await clock.advance(10)
    expect(events).toEqual(['resource.created', 'resource.left', 'resource.error'])
  })

  test('returns its undo', async () => {
    const { clock, life, runs, run } = setUp()
    const stop = life.after('later', 10, run)
    expect(await stop()).toBe('closed')
    await clock.advance(100)
    expect(runs).toEqual([])
    const ran = life.after('later', 10, run)
    await clock.advance(10)
    expect(await ran()).toBe('closed')
    expect(runs).toEqual([110])
  })

  test('with a delay of 0 runs in a turn of its own', async () => {
    const { clock, life, runs, run } = setUp()
    life.after('now', 0, run)
    expect(runs).toEqual([])
    await clock.advance(0)
    expect(runs).toEqual([0])
  })
})
