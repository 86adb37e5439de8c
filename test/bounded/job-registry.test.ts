import { EndswellError, Lifecycle, type LifecycleEvent } from 'endswell'
import { type Job, JobRegistry, type JobRegistryOptions } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

function setUp<T = number>(options: JobRegistryOptions<T> = {}) {
  const clock = new FakeClock()
  const wall = () => Date.UTC(2030, 0, 1) + clock.now()
  const gone: string[] = []
  const onEvict = (job: Job<T>, reason: string) => gone.push(`${job.id}: ${reason}`)
  return { clock, gone, jobs: new JobRegistry<T>({ clock, wall, onEvict, ...options }) }
}

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('a job', () => {
  test('is a frozen view of how it stood, with dates, and its age by a clock that is never set', async () => {
    const { clock, jobs } = setUp<{ percent: number }>()
    const started = jobs.start('a', { percent: 0 })
    await clock.advance(1_500)
    jobs.update('a', ({ percent }) => ({ percent: percent + 40 }))
    expect(jobs.get('a')).toEqual({
      id: 'a',
      state: 'active',
      data: { percent: 40 },
      startedAt: new Date('2030-01-01T00:00:00.000Z'),
      age: 1_500,
    })
    await clock.advance(500)
    const ended = jobs.end('a', 'completed', { percent: 100 })
    expect(ended).toMatchObject({ state: 'completed', data: { percent: 100 }, age: 2_000 })
    expect(ended?.endedAt).toEqual(new Date('2030-01-01T00:00:02.000Z'))
    expect(started).toMatchObject({ state: 'active', data: { percent: 0 }, age: 0 })
    expect(Object.isFrozen(started) && Object.isFrozen(ended)).toBe(true)
  })

  test.each(['completed', 'failed', 'cancelled'] as const)('ends once: after %s nothing changes it', (outcome) => {
    const { jobs } = setUp()
    jobs.start('a', 1)
    jobs.end('a', outcome)
    expect(jobs.update('a', 2)).toBeUndefined()
    expect(jobs.end('a', 'failed', 3)).toBeUndefined()
    expect(jobs.update('never', 1)).toBeUndefined()
    expect(jobs.get('a')).toMatchObject({ state: outcome, data: 1 })
    expect(jobs.stats()).toMatchObject({ late: 3, [outcome]: 1 })
  })

  test('may be ended by the function that makes its data', () => {
    const { jobs } = setUp()
    jobs.start('a', 1)
    const made = jobs.update('a', () => {
      jobs.end('a', 'cancelled')
      return 2
    })
    expect(made).toBeUndefined()
    expect(jobs.get('a')).toMatchObject({ state: 'cancelled', data: 1 })
  })

  test('is unchanged when that function throws', () => {
    const { jobs } = setUp()
    jobs.start('a', 1)
    const broken = () => {
      throw new Error('broken')
    }
    expect(() => jobs.end('a', 'completed', broken)).toThrow('broken')
    expect(jobs.get('a')).toMatchObject({ state: 'active', data: 1 })
  })

  test('cannot be started twice, but once more when it has ended', () => {
    const { gone, jobs } = setUp()
    jobs.start('a', 1)
    expect(() => jobs.start('a', 2)).toThrow(expect.objectContaining({ code: 'ERR_DUPLICATE_NAME' }))
    jobs.end('a', 'failed')
    jobs.start('b', 2)
    expect(jobs.start('a', 3)).toMatchObject({ state: 'active', data: 3 })
    expect(gone).toEqual(['a: replace'])
    expect(jobs.list().map(({ id }) => id)).toEqual(['b', 'a'])
  })

  test('is refused where as many are active as may be', () => {
    const { jobs } = setUp({ maxActive: 2 })
    jobs.start('a', 1)
    jobs.start('b', 1)
    expect(() => jobs.start('c', 1)).toThrow(EndswellError)
    expect(() => jobs.start('c', 1)).toThrow(expect.objectContaining({ code: 'ERR_QUEUE_FULL' }))
    jobs.end('a', 'completed')
    expect(jobs.start('c', 1).id).toBe('c')
    expect(jobs.stats()).toMatchObject({ active: 2, refused: 2, highWater: 2 })
  })
})

describe('what has ended', () => {
  test('goes an hour later without being asked for, and nothing that is active', async () => {
    const { clock, gone, jobs } = setUp()
    for (const id of ['a', 'b', 'c']) jobs.start(id, 0)
    jobs.end('a', 'completed')
    await clock.advance(10)
    jobs.end('b', 'failed')
    await clock.advance(HOUR - 11)
    expect(gone).toEqual([])
    await clock.advance(1)
    expect(gone).toEqual(['a: expire'])
    await clock.advance(10)
    expect(gone).toEqual(['a: expire', 'b: expire'])
    await clock.advance(100 * HOUR)
    expect(jobs.list().map(({ id }) => id)).toEqual(['c'])
    expect(clock.pending).toBe(0)
  })

  test('has one timer, however many there are', () => {
    const { clock, jobs } = setUp()
    for (let id = 0; id < 1_000; id += 1) {
      jobs.start(String(id), 0)
      jobs.end(String(id), 'completed')
    }
    expect(clock.pending).toBe(1)
  })

  test('is not shown any more when its time is over, also where the timer could not fire', () => {
    const { clock, jobs } = setUp()
    jobs.start('a', 0)
    jobs.end('a', 'completed')
    clock.blocked(HOUR)
    expect([jobs.has('a'), jobs.get('a'), jobs.size, jobs.list()]).toEqual([false, undefined, 0, []])
  })

  test('goes first that ended first where too many have, never what is active', () => {
    const { gone, jobs } = setUp({ max: 2 })
    for (const id of ['a', 'b', 'c', 'd']) jobs.start(id, 0)
    for (const id of ['c', 'a', 'b']) jobs.end(id, 'completed')
    expect(gone).toEqual(['c: evict'])
    expect(jobs.list().map(({ id, state }) => `${id} ${state}`)).toEqual(['a completed', 'b completed', 'd active'])
    expect(jobs.stats()).toMatchObject({ active: 1, kept: 2, completed: 3, evicted: { evict: 1 } })
  })

  test('is kept for as long as wanted: for longer than a timer can wait, or until there is no room', async () => {
    for (const [retain, timers] of [
      [2 ** 31 + 1_000, 1],
      [Number.POSITIVE_INFINITY, 0],
    ] as const) {
      const { clock, jobs } = setUp({ retain })
      jobs.start('a', 0)
      jobs.end('a', 'completed')
      expect(clock.pending).toBe(timers)
      await clock.advance(2 ** 31)
      expect(jobs.size).toBe(1)
      await clock.advance(1_000)
      expect(jobs.size).toBe(1 - timers)
    }
  })

  test('goes after a quarter of an hour when a sweep is told that memory is above 80 %', async () => {
    for (const [pressure, removed] of [
      [{ level: 'normal', usage: 0.8 }, 0],
      [{ level: 'elevated', usage: 0.81 }, 1],
      [{ level: 'high', usage: 0.7 }, 1],
      [{ level: 'critical', usage: 0.99 }, 1],
    ] as const) {
      const { clock, gone, jobs } = setUp()
      for (const id of ['a', 'b', 'c']) jobs.start(id, 0)
      jobs.end('a', 'completed')
      await clock.advance(1)
      jobs.end('b', 'completed')
      await clock.advance(15 * MINUTE - 1)
      expect(jobs.sweep({ pressure })).toEqual({ removed })
      expect(gone).toEqual(removed === 1 ? ['a: pressure'] : [])
    }
  })

  test('stays where the sweep is aborted', async () => {
    const { clock, jobs } = setUp()
    jobs.start('a', 0)
    jobs.end('a', 'completed')
    await clock.advance(20 * MINUTE)
    const pressure = { level: 'critical', usage: 1 } as const
    expect(jobs.sweep({ signal: AbortSignal.abort(), pressure })).toEqual({ removed: 0 })
    expect(jobs.sweep({ pressure })).toEqual({ removed: 1 })
  })

  test('may be deleted, as may what is active', () => {
    const { gone, jobs } = setUp()
    jobs.start('a', 0)
    jobs.start('b', 0)
    jobs.end('b', 'completed')
    expect([jobs.delete('a'), jobs.delete('b'), jobs.delete('c')]).toEqual([true, true, false])
    expect(gone).toEqual(['a: delete', 'b: delete'])
    expect(jobs.stats()).toMatchObject({ active: 0, kept: 0 })
  })

  test('may be started again by who is told that it has gone; who was about to start it then is refused', () => {
    const clock = new FakeClock()
    const jobs: JobRegistry<string> = new JobRegistry<string>({
      ...{ clock, retain: 10, maxActive: 1 },
      onEvict: ({ id }, reason) => reason === 'expire' && jobs.start(id, 'by callback'),
    })
    jobs.start('a', 'first')
    jobs.end('a', 'completed')
    clock.blocked(10)
    expect(() => jobs.start('a', 'second')).toThrow(/has an active job 'a'/)
    expect(jobs.get('a')?.data).toBe('by callback')
    jobs.end('a', 'completed')
    clock.blocked(10)
    expect(() => jobs.start('b', 'third')).toThrow(/1 jobs are active/)
    expect(jobs.stats()).toMatchObject({ active: 1, highWater: 1, started: 3 })
  })

  test('is counted by a sweep as often as it went, whatever its callback does', () => {
    const clock = new FakeClock()
    const jobs: JobRegistry<number> = new JobRegistry<number>({
      ...{ clock, retain: 100, retainPressed: 10 },
      onEvict: ({ id }) => {
        if (id.length > 3) return
        jobs.start(`${id}+`, 0)
        jobs.end(`${id}+`, 'completed')
      },
    })
    for (const id of ['a', 'b']) {
      jobs.start(id, 0)
      jobs.end(id, 'completed')
    }
    clock.blocked(10)
    expect(jobs.sweep({ pressure: { level: 'high', usage: 0.9 } })).toEqual({ removed: 2 })
  })

  test('may be replaced while one is told that it has gone, and what that throws breaks nothing', () => {
    const jobs: JobRegistry<number> = new JobRegistry<number>({
      max: 1,
      onEvict: ({ id }) => {
        if (jobs.size < 5) jobs.start(`${id}'`, 0)
        throw new Error(id)
      },
    })
    const errors: unknown[] = []
    jobs.subscribe(({ type, error }) => type === 'resource.error' && errors.push((error as Error).message))
    for (const id of ['a', 'b']) jobs.start(id, 0)
    for (const id of ['a', 'b']) jobs.end(id, 'completed')
    expect(jobs.list().map(({ id }) => id)).toEqual(['b', "a'"])
    expect(errors).toEqual(['a'])
  })
})

describe('the time that it is kept', () => {
  test('comes from the option, else from JOB_RETENTION in seconds, else it is an hour', async () => {
    for (const [word, retain, kept] of [
      ['300', undefined, 300_000],
      ['86400', undefined, 86_400_000],
      ['300', 1_000, 1_000],
      ['', undefined, HOUR],
    ] as const) {
      vi.stubEnv('JOB_RETENTION', word)
      const { clock, jobs } = setUp(retain === undefined ? {} : { retain })
      jobs.start('a', 0)
      jobs.end('a', 'completed')
      await clock.advance(kept - 1)
      expect(jobs.size).toBe(1)
      await clock.advance(1)
      expect(jobs.size).toBe(0)
    }
  })

  test.each(['299', '86401', '1h', '-300', 'NaN', '0x12c', '1e3'])('is refused as JOB_RETENTION=%s', (word) => {
    vi.stubEnv('JOB_RETENTION', word)
    expect(() => new JobRegistry()).toThrow(RangeError)
    expect(() => new JobRegistry()).toThrow(/JOB_RETENTION must be a number of seconds from 300 to 86400/)
    expect(new JobRegistry({ retain: 1 }).size).toBe(0)
  })
})

describe('a registry', () => {
  test('counts what happened in each of the last 60 minutes, without a timer', async () => {
    const { clock, jobs } = setUp()
    jobs.start('a', 0)
    jobs.start('b', 0)
    jobs.end('a', 'failed')
    await clock.advance(2 * MINUTE + 1)
    jobs.end('b', 'completed')
    const rows = jobs.history
    expect(rows.map(({ started, completed, failed, active }) => [started, completed, failed, active])).toEqual([
      [2, 0, 1, 1],
      [0, 0, 0, 1],
      [0, 1, 0, 0],
    ])
    expect(rows.map(({ at }) => new Date(at).toISOString().slice(11, 19))).toEqual(['00:00:00', '00:01:00', '00:02:00'])
    await clock.advance(1_000 * MINUTE)
    expect(jobs.history).toHaveLength(60)
    expect(jobs.history.every(({ started, active }) => started === 0 && active === 0)).toBe(true)
  })

  test('lists those in one state', () => {
    const { jobs } = setUp()
    for (const id of ['a', 'b', 'c']) jobs.start(id, 0)
    jobs.end('b', 'cancelled')
    const ids = (state?: Job['state']) => jobs.list(state && { state }).map(({ id }) => id)
    expect([ids(), ids('active'), ids('cancelled'), ids('failed')]).toEqual([['a', 'b', 'c'], ['a', 'c'], ['b'], []])
    expect([...jobs].map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    // @ts-expect-error there is no such state
    expect(() => jobs.list({ state: 'done' })).toThrow(RangeError)
  })

  test('tells those who listen what it dropped, and why', async () => {
    const { clock, jobs } = setUp({ max: 1 })
    const events: string[] = []
    jobs.subscribe(({ type, item, reason }: LifecycleEvent) => events.push(`${type} ${item} ${reason}`))
    for (const id of ['a', 'b']) jobs.start(id, 0)
    for (const id of ['a', 'b']) jobs.end(id, 'completed')
    await clock.advance(HOUR)
    expect(events).toEqual(['item.dropped a evict', 'item.dropped b expire'])
  })

  test('stands in a lifecycle, and says there what it has', async () => {
    const { jobs } = setUp()
    const life = new Lifecycle('service')
    life.use(jobs, { name: 'jobs' })
    jobs.start('a', 0)
    expect(life.snapshot().resources[0]).toMatchObject({
      path: '/service/jobs',
      kind: 'job-registry',
      description: '1 active, 0 ended',
    })
    expect(jobs.path).toBe('/service/jobs')
    const { rows } = await life.close()
    expect(rows).toMatchObject([{ path: '/service/jobs', outcome: 'closed' }])
  })

  test('that is closed by who hears of what its timer dropped has no timer any more', async () => {
    const clock = new FakeClock()
    const store = new Map<string, unknown>()
    const jobs: JobRegistry<number> = new JobRegistry<number>({
      clock,
      store,
      retain: 10,
      onEvict: () => void jobs.close(),
    })
    jobs.start('a', 0)
    jobs.start('b', 0)
    jobs.end('a', 'completed')
    await clock.advance(10)
    expect(jobs.size).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('that is closed says what it had, leaves no timer, knows nothing and takes nothing', async () => {
    const { clock, gone, jobs } = setUp()
    for (const id of ['a', 'b']) jobs.start(id, 0)
    jobs.end('a', 'completed')
    const closing = jobs.close()
    expect(jobs.close({ timeout: 0 })).toBe(closing)
    expect(await closing).toEqual({ active: ['b'], kept: 1, unsaved: 0 })
    expect(clock.pending).toBe(0)
    expect(gone).toEqual([])
    expect([jobs.size, jobs.has('a'), jobs.get('b'), await jobs.find('a'), jobs.active]).toEqual([
      ...[0, false, undefined, undefined, 0],
    ])
    const uses = [
      () => jobs.start('c', 0),
      () => jobs.update('b', 0),
      () => jobs.end('b', 'failed'),
      () => jobs.delete('b'),
    ]
    for (const use of uses) {
      expect(use).toThrow(ReferenceError)
      expect(use).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
    }
  })

  test.each<[string, object]>([
    ['max', { max: 0 }],
    ['max', { max: Number.NaN }],
    ['max', { max: 1.5 }],
    ['maxActive', { maxActive: 0 }],
    ['retain', { retain: 0 }],
    ['retain', { retain: -1 }],
    ['retain', { retain: Number.NaN }],
    ['retainPressed', { retainPressed: 2, retain: 1 }],
    ['lease', { lease: 0 }],
    ['writeTimeout', { writeTimeout: 0 }],
    ['writeTimeout', { writeTimeout: 2 ** 31 }],
    ['maxUnsaved', { maxUnsaved: 0 }],
    ['name', { name: 'a/b' }],
  ])('refuses a %s of %j', (name, options) => {
    expect(() => new JobRegistry(options)).toThrow(RangeError)
    expect(() => new JobRegistry(options)).toThrow(name)
  })

  test('refuses what it does not know, and what is of the wrong type', () => {
    const { jobs } = setUp()
    for (const options of [{ ttl: 1 }, { retain: '1h' }, { store: {} }, { onEvict: 1 }, { wall: 1 }, { clock: {} }])
      expect(() => new JobRegistry(options as object)).toThrow(TypeError)
    expect(() => jobs.start('', 0)).toThrow(RangeError)
    expect(() => jobs.start(1 as never, 0)).toThrow(TypeError)
    expect(() => jobs.end('a', 'done' as never)).toThrow(RangeError)
    expect(() => jobs.close({ timeout: -1 })).toThrow(RangeError)
  })
})
