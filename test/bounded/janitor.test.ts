import { Lifecycle, type LifecycleEvent, TimeoutError } from 'endswell'
import { type CleanupReport, Janitor, type JanitorOptions, JobRegistry } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { FakePressure } from '../fixtures/pressure.ts'

const MINUTE = 60_000

function setUp(options: JanitorOptions = {}) {
  const clock = new FakeClock()
  const lines: string[] = []
  const janitor = new Janitor({ clock, jitter: 0, log: (line) => lines.push(line), ...options })
  const runs: string[] = []
  janitor.subscribe(({ type, reason }) => type === 'cleanup.ended' && runs.push(`${clock.now()} ${reason}`))
  return { clock, janitor, lines, runs }
}

/** A sweep that ends when a test says so. */
function hanging() {
  const sweeps: (PromiseWithResolvers<number> & { signal: AbortSignal })[] = []
  const sweep = ({ signal }: { signal: AbortSignal }) => {
    const work = Object.assign(Promise.withResolvers<number>(), { signal })
    sweeps.push(work)
    return work.promise
  }
  return { sweeps, sweep }
}

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('a run', () => {
  test('sweeps all in order, one after another, and says what that was', async () => {
    const { clock, janitor, lines } = setUp()
    const events: LifecycleEvent[] = []
    janitor.subscribe((event) => events.push(event))
    const order: string[] = []
    janitor.add('jobs', {
      sweep: async () => {
        order.push('jobs begin')
        await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), 20))
        order.push('jobs end')
        return { removed: 12 }
      },
    })
    janitor.add('logs', () => {
      order.push('logs')
      return { removed: 3, bytes: 4_500_000, failed: 1 }
    })
    janitor.add('counted', async () => 0)
    janitor.add('silent', () => {})
    const running = janitor.run('deploy')
    await clock.advance(20)
    const report = await running
    expect(order).toEqual(['jobs begin', 'jobs end', 'logs'])
    expect(report).toMatchObject({
      ...{ reason: 'deploy', ms: 20, removed: 15, bytes: 4_500_000, failed: 1 },
      rows: [
        { name: 'jobs', removed: 12, bytes: 0, failed: 0, ms: 20 },
        { name: 'logs', removed: 3, bytes: 4_500_000, failed: 1, ms: 0 },
        { name: 'counted', removed: 0 },
        { name: 'silent', removed: 0 },
      ],
      memory: { before: expect.any(Number), after: expect.any(Number) },
    })
    expect(Object.isFrozen(report) && Object.isFrozen(report.rows)).toBe(true)
    expect(events).toEqual([
      { type: 'cleanup.ended', path: '/janitor', kind: 'janitor', reason: 'deploy', ms: 20, cause: report },
    ])
    expect(lines).toEqual([
      expect.stringMatching(/^cleaned 12 of jobs, 3 of logs, 4\.5 MB freed, 1 not, in 20 ms; heap \d+ → \d+ MB$/),
    ])
    expect(janitor.stats()).toMatchObject({
      sweeps: 4,
      runs: 1,
      removed: 15,
      bytes: 4_500_000,
      failed: 1,
      last: report,
    })
  })

  test('says so when there was nothing to clean', async () => {
    const { janitor, lines } = setUp()
    await janitor.run()
    expect(lines).toEqual([expect.stringMatching(/^cleaned nothing, in 0 ms; heap \d+ → \d+ MB$/)])
  })

  test('goes on where a sweep throws, rejects, or brings what is no number', async () => {
    const { janitor, lines } = setUp()
    const errors: string[] = []
    janitor.subscribe(({ type, item, error }) => {
      if (type === 'resource.error') errors.push(`${item}: ${(error as Error).name}`)
    })
    janitor.add('throws', () => {
      throw new Error('broken')
    })
    janitor.add('rejects', async () => {
      throw new RangeError('broken, too')
    })
    janitor.add('odd', () => ({ removed: Number.NaN }))
    janitor.add('good', () => 1)
    const { rows, removed } = await janitor.run()
    expect(removed).toBe(1)
    expect(rows.map(({ name, error }) => `${name} ${(error as Error | undefined)?.message}`)).toEqual([
      'throws broken',
      'rejects broken, too',
      expect.stringContaining('odd What a sweep returns must be a whole number from 0'),
      'good undefined',
    ])
    expect(errors).toEqual(['throws: Error', 'rejects: RangeError', 'odd: TypeError'])
    expect(lines[0]).toContain('; throws failed: broken; rejects failed: broken, too')
    expect(janitor.stats()).toMatchObject({ errors: 3, runs: 1 })
  })

  test('gives up a sweep that hangs, tells it, and begins it no more until it has ended', async () => {
    const { clock, janitor } = setUp({ sweepTimeout: 1_000 })
    const { sweeps, sweep } = hanging()
    janitor.add('hangs', sweep)
    janitor.add('good', () => 1)
    const first = janitor.run()
    await clock.advance(1_000)
    const report = await first
    expect(report.rows[0]?.error).toBeInstanceOf(TimeoutError)
    expect(report.removed).toBe(1)
    expect(sweeps[0]?.signal.aborted).toBe(true)
    expect(janitor.stats().hanging).toEqual(['hangs'])
    const { rows } = await janitor.run()
    expect(sweeps).toHaveLength(1)
    expect(String(rows[0]?.error)).toContain('That sweep still goes on, so no other was begun.')
    sweeps[0]?.resolve(0)
    await clock.advance(0)
    expect(janitor.stats().hanging).toEqual([])
    const third = janitor.run()
    expect(sweeps).toHaveLength(2)
    sweeps[1]?.resolve(5)
    expect((await third).rows[0]).toEqual({ name: 'hangs', removed: 5, bytes: 0, failed: 0, ms: 0 })
  })

  test('never overlaps another: all who ask meanwhile get the one that follows', async () => {
    const { janitor, runs } = setUp()
    const { sweeps, sweep } = hanging()
    janitor.add('slow', sweep)
    const first = janitor.run('first')
    const [second, third] = [janitor.run('second'), janitor.run('third')]
    expect(sweeps).toHaveLength(1)
    sweeps[0]?.resolve(1)
    expect((await first).reason).toBe('first')
    expect(sweeps).toHaveLength(2)
    sweeps[1]?.resolve(2)
    expect(await second).toBe(await third)
    expect((await second).reason).toBe('second')
    expect(runs).toHaveLength(2)
  })

  test('never overlaps another, also where who hears of its end asks for one more', async () => {
    const { clock, janitor, runs } = setUp()
    let sweeping = 0
    const seen: number[] = []
    janitor.add('slow', async () => {
      sweeping += 1
      seen.push(sweeping)
      await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), 10))
      sweeping -= 1
    })
    const undo = janitor.subscribe(({ type }) => type === 'cleanup.ended' && void janitor.run('by listener'))
    void janitor.run('first')
    const second = janitor.run('second')
    await clock.advance(35)
    undo()
    expect((await second).reason).toBe('second')
    expect(runs.map((run) => run.split(' ').slice(1).join(' '))).toEqual(['first', 'second', 'by listener'])
    expect(seen).toEqual([1, 1, 1, 1])
    await clock.advance(10)
    await janitor.close({ timeout: 0 })
  })

  test('by hand that lasts until the next is due is not overlapped by that', async () => {
    const { clock, janitor, runs } = setUp({ interval: 100 })
    janitor.add('slow', () => new Promise((resolve) => clock.setTimeout(() => resolve(1), 50)))
    await clock.advance(80)
    void janitor.run()
    await clock.advance(160)
    expect(runs).toEqual(['130 asked'])
    await clock.advance(40)
    expect(runs).toEqual(['130 asked', '280 interval'])
  })

  test('leaves out what was taken away meanwhile, and takes no name twice', async () => {
    const { janitor } = setUp()
    const undo = janitor.add('a', () => undoB())
    const undoB = janitor.add('b', () => 1)
    expect(() => janitor.add('a', () => 1)).toThrow(expect.objectContaining({ code: 'ERR_DUPLICATE_NAME' }))
    expect((await janitor.run()).rows.map(({ name }) => name)).toEqual(['a'])
    undo()
    undo()
    janitor.add('a', () => 2)
    undo()
    expect((await janitor.run()).removed).toBe(2)
  })

  test('is not hurt by a log that throws', async () => {
    const errors: unknown[] = []
    const janitor = new Janitor({
      log: () => {
        throw new Error('no log')
      },
    })
    janitor.subscribe(({ type, error }) => type === 'resource.error' && errors.push(error))
    await janitor.run()
    expect(errors).toEqual([new Error('no log')])
    await janitor.close()
  })
})

describe('the times of the runs', () => {
  test('are ten minutes apart, from the end of one to the next, and only one timer waits', async () => {
    const { clock, janitor, runs } = setUp()
    const { sweeps, sweep } = hanging()
    janitor.add('slow', sweep)
    await clock.advance(10 * MINUTE)
    expect(sweeps).toHaveLength(1)
    await clock.advance(30_000)
    sweeps[0]?.resolve(0)
    await clock.advance(10 * MINUTE - 1)
    expect(sweeps).toHaveLength(1)
    await clock.advance(1)
    expect(sweeps).toHaveLength(2)
    sweeps[1]?.resolve(0)
    await clock.advance(0)
    expect(runs).toEqual(['630000 interval', '1230000 interval'])
    expect(clock.pending).toBe(1)
  })

  test('begin anew when somebody ran it by hand', async () => {
    const { clock, janitor, runs } = setUp()
    await clock.advance(9 * MINUTE)
    await janitor.run()
    await clock.advance(9 * MINUTE)
    expect(runs).toEqual([`${9 * MINUTE} asked`])
    await clock.advance(MINUTE)
    expect(runs).toHaveLength(2)
  })

  test('come from the option, else from PERIODIC_CLEANUP_INTERVAL in seconds', async () => {
    for (const [word, interval, first] of [
      ['60', undefined, MINUTE],
      ['1', undefined, 1_000],
      ['60', 500, 500],
      ['', undefined, 10 * MINUTE],
    ] as const) {
      vi.stubEnv('PERIODIC_CLEANUP_INTERVAL', word)
      const { clock, runs } = setUp(interval === undefined ? {} : { interval })
      await clock.advance(first - 1)
      expect(runs).toEqual([])
      await clock.advance(1)
      expect(runs).toEqual([`${first} interval`])
    }
    for (const word of ['0', '-1', 'often', '99999999999']) {
      vi.stubEnv('PERIODIC_CLEANUP_INTERVAL', word)
      expect(() => new Janitor()).toThrow(RangeError)
      expect(() => new Janitor()).toThrow(/PERIODIC_CLEANUP_INTERVAL must be a number of seconds from 1 to/)
    }
  })

  test('are shortened at random, by the jitter at most', async () => {
    const waits = new Set<number>()
    for (let round = 0; round < 50; round += 1) {
      const { clock } = setUp({ jitter: 0.1 })
      const wait = (await clock.next()) ?? 0
      expect(wait).toBeGreaterThanOrEqual(9 * MINUTE)
      expect(wait).toBeLessThanOrEqual(10 * MINUTE)
      waits.add(wait)
    }
    expect(waits.size).toBeGreaterThan(40)
  })

  test('may begin at once, lie further apart than a timer can wait, or never come', async () => {
    const at = async (options: JanitorOptions, ms: number) => {
      const { clock, runs } = setUp(options)
      await clock.advance(ms)
      return runs
    }
    expect(await at({ immediate: true }, 0)).toEqual(['0 interval'])
    expect(await at({ interval: 2 ** 32 }, 2 ** 32)).toEqual([`${2 ** 32} interval`])
    expect(await at({ interval: Number.POSITIVE_INFINITY }, 2 ** 40)).toEqual([])
  })
})

describe('pressure', () => {
  test('makes it run at once, and then every half minute as long as it lasts', async () => {
    for (const level of ['high', 'critical'] as const) {
      const pressure = new FakePressure()
      const { clock, runs } = setUp({ pressure })
      await clock.advance(MINUTE)
      pressure.set('elevated')
      await clock.advance(MINUTE)
      expect(runs).toEqual([])
      pressure.set(level)
      await clock.advance(0)
      expect(runs).toEqual(['120000 pressure'])
      pressure.set('normal')
      pressure.set(level)
      await clock.advance(29_999)
      expect(runs).toHaveLength(1)
      await clock.advance(30_001)
      expect(runs).toEqual(['120000 pressure', '150000 pressure', '180000 pressure'])
      pressure.set('normal')
      await clock.advance(9 * MINUTE)
      expect(runs).toHaveLength(3)
      await clock.advance(MINUTE)
      expect(runs[3]).toBe('780000 interval')
    }
  })

  test('makes it run half a minute after a run by hand, too', async () => {
    const pressure = new FakePressure()
    const { clock, janitor, runs } = setUp({ pressure })
    pressure.set('high')
    await clock.advance(20_000)
    void janitor.run()
    await clock.advance(29_999)
    expect(runs).toEqual(['0 pressure', '20000 asked'])
    await clock.advance(1)
    expect(runs[2]).toBe('50000 pressure')
  })

  test('is heard of where it was there before', async () => {
    const pressure = new FakePressure()
    pressure.set('high')
    const { clock, runs } = setUp({ pressure })
    await clock.advance(0)
    expect(runs).toEqual(['0 pressure'])
  })

  test('reaches the sweeps: a registry then keeps what has ended for a quarter of an hour', async () => {
    const pressure = new FakePressure()
    const { clock, janitor } = setUp({ pressure })
    const jobs = new JobRegistry<number>({ clock })
    janitor.add('jobs', jobs)
    for (const id of ['old', 'young', 'active']) jobs.start(id, 0)
    jobs.end('old', 'completed')
    await clock.advance(10 * MINUTE)
    jobs.end('young', 'failed')
    await clock.advance(5 * MINUTE)
    expect(jobs.size).toBe(3)
    pressure.set('high')
    await clock.advance(0)
    expect(jobs.list().map(({ id }) => id)).toEqual(['young', 'active'])
    expect(janitor.stats().last).toMatchObject({ reason: 'pressure', removed: 1 })
    await clock.advance(10 * MINUTE)
    expect(jobs.list().map(({ id }) => id)).toEqual(['active'])
  })
})

describe('closing', () => {
  test('leaves no timer and no listener, and takes nothing new', async () => {
    const pressure = new FakePressure()
    const { clock, janitor } = setUp({ pressure })
    janitor.add('a', () => 2)
    await janitor.run()
    expect(pressure.listeners).toBe(1)
    expect(await janitor.close()).toEqual({ runs: 1, removed: 2, bytes: 0, hanging: [] })
    expect([clock.pending, pressure.listeners]).toEqual([0, 0])
    expect(() => janitor.add('b', () => 1)).toThrow(ReferenceError)
    await expect(janitor.run()).rejects.toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
  })

  test('waits for the run under way, and refuses the one that would follow', async () => {
    const { clock, janitor } = setUp()
    const { sweeps, sweep } = hanging()
    janitor.add('slow', sweep)
    janitor.add('next', () => 1)
    const first = janitor.run()
    const refused = expect(janitor.run()).rejects.toThrow(ReferenceError)
    const closing = janitor.close()
    await refused
    sweeps[0]?.resolve(3)
    expect(await closing).toEqual({ runs: 1, removed: 4, bytes: 0, hanging: [] })
    expect((await first).removed).toBe(4)
    expect(clock.pending).toBe(0)
  })

  test('is no unhandled rejection where nobody looks at the run that would have followed', async () => {
    const { janitor, clock } = setUp()
    janitor.add('slow', () => new Promise((resolve) => clock.setTimeout(() => resolve(1), 10)))
    void janitor.run()
    void janitor.run()
    const closing = janitor.close()
    await clock.advance(10)
    expect(await closing).toMatchObject({ runs: 1, removed: 1 })
  })

  test('by hand takes it out of its lifecycle', async () => {
    const life = new Lifecycle({ name: 'app' })
    const janitor = life.use(new Janitor(), { name: 'janitor' })
    await janitor.close()
    expect(life.snapshot().size).toBe(0)
    await life.close()
  })

  test('never rejects or throws, also where its source of pressure cannot be left', async () => {
    const pressure = {
      pressure: { level: 'normal', usage: 0 },
      subscribe: () => () => expect.unreachable('left'),
    } as const
    const { janitor } = setUp({ pressure })
    const errors: unknown[] = []
    janitor.subscribe(({ type, error }) => type === 'resource.error' && errors.push(error))
    expect(await janitor.close()).toEqual({ runs: 0, removed: 0, bytes: 0, hanging: [] })
    expect(errors).toHaveLength(1)
  })

  test('aborts the sweep under way at the deadline, leaves out the rest, and names what goes on', async () => {
    for (const heeds of [true, false]) {
      const { clock, janitor } = setUp()
      const { sweeps, sweep } = hanging()
      janitor.add('first', () => 1)
      janitor.add('slow', sweep)
      janitor.add('never', () => 1)
      const run: Promise<CleanupReport> = janitor.run()
      await clock.advance(0)
      const { signal, resolve } = sweeps[0] ?? {}
      if (heeds) signal?.addEventListener('abort', () => resolve?.(0))
      const closing = janitor.close({ timeout: 1_000 })
      expect(janitor.close()).toBe(closing)
      await clock.advance(1_000)
      const end = await closing
      expect(end).toMatchObject({ removed: 1, runs: 1, hanging: heeds ? [] : ['slow'] })
      expect((await run).rows.map(({ name }) => name)).toEqual(['first', 'slow'])
      expect(clock.pending).toBe(0)
      resolve?.(0)
    }
  })

  test('by a lifecycle does the same, and its report names what goes on', async () => {
    const life = new Lifecycle('life')
    const janitor = life.use(new Janitor(), { name: 'janitor', grace: 10 })
    const { sweeps, sweep } = hanging()
    janitor.add('slow', sweep)
    const run = janitor.run()
    expect(life.snapshot().resources[0]).toMatchObject({ kind: 'janitor', description: '1 sweeps, 0 runs, 0 removed' })
    const { rows } = await life.close()
    expect(rows).toMatchObject([{ path: '/life/janitor', outcome: 'abandoned', note: 'goes on: slow' }])
    await run
    sweeps[0]?.resolve(0)
  })
})

test('a janitor refuses options that it could not keep to', () => {
  const bad = [{ interval: 0 }, { interval: Number.NaN }, { jitter: 1.1 }, { jitter: -0.1 }, { sweepTimeout: 0 }]
  for (const options of [...bad, { sweepTimeout: 2 ** 31 }, { minPressed: 0 }, { name: '' }])
    expect(() => new Janitor(options)).toThrow(RangeError)
  for (const options of [{ every: 1 }, { interval: '10m' }, { pressure: {} }, { log: true }, { immediate: 1 }])
    expect(() => new Janitor(options as object)).toThrow(TypeError)
  const janitor = new Janitor()
  expect(() => janitor.add('a/b', () => 1)).toThrow(RangeError)
  expect(() => janitor.add('a', {} as never)).toThrow('an object with the method sweep()')
})
