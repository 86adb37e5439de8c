import { existsSync, linkSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { Lifecycle, type LifecycleEvent } from 'endswell'
import { RetentionSweeper, type RetentionSweeperOptions, type SweepReport } from 'endswell/disk'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { ownFolder } from '../fixtures/folder.ts'
import { until } from '../fixtures/until.ts'

const day = 86_400_000
const now = 1_790_000_000_000
const wall = (): number => now

/** Files by name: how many days old they are, and how many bytes they have. A name with a slash makes the folder. */
function fill(root: string, files: Readonly<Record<string, readonly [days: number, size?: number]>>): void {
  for (const [name, [days, size = 1]] of Object.entries(files)) {
    const path = join(root, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, 'x'.repeat(size))
    age(path, days)
  }
}

function age(path: string, days: number): void {
  const seconds = (now - days * day) / 1_000
  utimesSync(path, seconds, seconds)
}

function listed(root: string): string[] {
  return readdirSync(root, { recursive: true }).map(String).sort()
}

function sweeperOf(root: string, rules: RetentionSweeperOptions['rules'], more = {}): RetentionSweeper {
  return new RetentionSweeper({ root, rules, wall, ...more })
}

describe('a sweep', () => {
  test('removes what is a week old, folders with all that is in them, and nothing that no rule is for', async () => {
    const root = ownFolder()
    fill(root, {
      'job_1.log': [8, 10],
      'job_2.log': [6],
      'job_3.log.gz': [99],
      'other.log': [99],
      'job_old/a/b.txt': [8, 100],
      'job_new/a/b.txt': [1],
      'datasets/job_1/x': [8, 1_000],
      'datasets/keep/x': [99],
    })
    for (const path of ['job_old/a', 'job_old', 'job_new/a', 'job_new', 'datasets/job_1', 'datasets/keep', 'datasets'])
      age(join(root, path), 99)
    const rules = [
      { match: 'job_*.log' },
      { match: 'job_*', kind: 'dir' },
      { match: 'datasets/job_*', kind: 'dir' },
    ] as const
    const report = await sweeperOf(root, rules).sweep()
    expect(listed(root)).toEqual([
      'datasets',
      'datasets/keep',
      'datasets/keep/x',
      'job_2.log',
      'job_3.log.gz',
      'job_new',
      'job_new/a',
      'job_new/a/b.txt',
      'other.log',
    ])
    const { ms, samples, ...figures } = report
    expect(figures).toEqual({
      scanned: 9,
      matched: 5,
      removed: 3,
      bytes: 1_110,
      failed: 0,
      skipped: 0,
      aborted: false,
      dryRun: false,
    })
    expect(ms).toBeGreaterThanOrEqual(0)
    expect(samples.toSorted((one, other) => one.path.localeCompare(other.path))).toEqual(
      ['datasets/job_1', 'job_1.log', 'job_old'].map((path) => ({ path, outcome: 'removed', reason: 'age' })),
    )
    expect(Object.isFrozen(report)).toBe(true)
  })

  test.each([
    ['a file in it', 'job_1/a/file'],
    ['a folder in it', 'job_1/a'],
    ['itself', 'job_1'],
  ])('leaves a folder alone as long as %s is young', async (_, young) => {
    const root = ownFolder()
    fill(root, { 'job_1/a/file': [99] })
    for (const path of ['job_1/a', 'job_1']) age(join(root, path), 99)
    age(join(root, young), 1)
    const sweeper = sweeperOf(root, [{ match: 'job_*', kind: 'dir' }])
    expect(await sweeper.sweep()).toMatchObject({ matched: 1, removed: 0, skipped: 0 })
    age(join(root, young), 8)
    expect(await sweeper.sweep()).toMatchObject({ matched: 1, removed: 1 })
    expect(listed(root)).toEqual([])
  })

  test('keeps the newest where there may only be so many, or so many bytes', async () => {
    for (const [limits, left] of [
      [{ maxCount: 2 }, ['1', '2']],
      [{ maxCount: 0 }, []],
      [{ maxTotalSize: 35 }, ['1', '2']],
      [{ maxTotalSize: 30 }, ['1', '2']],
      [{ maxTotalSize: 29 }, ['1']],
      [{ maxTotalSize: 0 }, []],
      [{ maxCount: 3, maxTotalSize: 15 }, ['1']],
      [{ maxCount: 1, minAge: 2 * day }, ['1']],
      [{ maxCount: 1, minAge: 2.5 * day }, ['1', '2']],
      [{ maxCount: 9, maxAge: 3 * day }, ['1', '2']],
      [{ maxAge: 0, minAge: 3 * day }, ['1', '2']],
      [{ maxAge: Number.POSITIVE_INFINITY }, ['1', '2', '3', '4']],
    ] as const) {
      for (const kind of ['file', 'dir'] as const) {
        const root = ownFolder()
        const inside = kind === 'file' ? '' : '/x'
        fill(root, {
          [`3${inside}`]: [3, 10],
          [`1${inside}`]: [1, 10],
          [`4${inside}`]: [4, 10],
          [`2${inside}`]: [2, 20],
        })
        if (kind === 'dir') for (const name of ['1', '2', '3', '4']) age(join(root, name), Number(name))
        const maxAge = Number.POSITIVE_INFINITY
        await sweeperOf(root, [{ match: '*', kind, maxAge, ...limits }]).sweep()
        expect([kind, limits, readdirSync(root)]).toEqual([kind, limits, left])
      }
    }
  })

  test('goes by the first rule that is for an entry, so that one before the others can protect it', async () => {
    const root = ownFolder()
    fill(root, { a_keep: [9], a: [9], b: [9] })
    const rules = [
      { match: '*_keep', maxAge: Number.POSITIVE_INFINITY },
      { match: 'a*' },
      { match: '*', maxAge: 10 * day },
    ]
    expect(await sweeperOf(root, rules).sweep()).toMatchObject({ matched: 3, removed: 1 })
    expect(readdirSync(root)).toEqual(['a_keep', 'b'])
  })

  test('finds by expressions and functions as deep as they say, and believes nothing but true', async () => {
    for (const [match, depth, gone] of [
      [/^\w\.log$/g, 1, ['a.log']],
      [/\.log$/y, undefined, []],
      [/\.log/, undefined, ['a.log']],
      [/\.log$/, 2, ['a.log', 'x/b.log']],
      [/^x\/y/, Number.POSITIVE_INFINITY, ['x/y/c.log']],
      [({ name }: { name: string }) => name === 'b.log', 2, ['x/b.log']],
      [({ path, kind }: { path: string; kind: string }) => path === 'a.log' && kind === 'file', 3, ['a.log']],
      [async () => false, 9, []],
      [() => 1, 9, []],
    ] as const) {
      const root = ownFolder()
      const files = ['a.log', 'x/b.log', 'x/y/c.log']
      fill(root, Object.fromEntries(files.map((name) => [name, [9]])))
      const rule = { match: match as () => boolean, ...(depth !== undefined && { depth }) }
      await sweeperOf(root, [rule]).sweep()
      const expected = match instanceof RegExp && match.sticky ? ['a.log'] : gone
      expect([match, files.filter((name) => !existsSync(join(root, name)))]).toEqual([match, expected])
    }
  })

  test('a function that throws fails its entry, and nothing else', async () => {
    const root = ownFolder()
    fill(root, { a: [9], b: [9] })
    const sweeper = sweeperOf(root, [
      {
        match: ({ name }) => {
          if (name === 'a') throw new RangeError('broken')
          return true
        },
      },
    ])
    const events: LifecycleEvent[] = []
    sweeper.subscribe((event) => events.push(event))
    const { failed, removed, samples } = await sweeper.sweep()
    expect({ failed, removed }).toEqual({ failed: 1, removed: 1 })
    expect(samples[0]).toEqual({ path: 'a', outcome: 'failed', reason: 'RangeError' })
    expect(events.find(({ type }) => type === 'resource.error')?.error).toBeInstanceOf(RangeError)
    expect(readdirSync(root)).toEqual(['a'])
  })

  test('what such a function throws is an uncaught exception where nobody listens', async () => {
    const root = ownFolder()
    fill(root, { a: [9] })
    const match = (): boolean => {
      throw new RangeError('broken')
    }
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    try {
      const thrown = new Promise((resolve) => process.once('uncaughtException', resolve))
      expect(await sweeperOf(root, [{ match }]).sweep()).toMatchObject({ failed: 1, removed: 0 })
      expect(await thrown).toBeInstanceOf(RangeError)
    } finally {
      for (const other of others) process.on('uncaughtException', other)
    }
  })

  test('in a dry run tells the same and removes nothing', async () => {
    const root = ownFolder()
    fill(root, { 'a.log': [9, 5], 'b.log': [1], 'c.log': [2], 'd/x': [9, 7] })
    age(join(root, 'd'), 9)
    const rules = [
      { match: '*.log', maxCount: 1 },
      { match: '*', kind: 'dir' },
    ] as const
    const before = listed(root)
    const dry = await sweeperOf(root, rules, { dryRun: true }).sweep()
    expect(listed(root)).toEqual(before)
    const wet = await sweeperOf(root, rules).sweep()
    // Several are worked at at once: which is through first is chance.
    const paths = ({ samples }: SweepReport): string[] => samples.map(({ path, reason }) => `${path} ${reason}`).sort()
    expect(paths(dry)).toEqual(paths(wet))
    expect({ ...dry, ms: 0, samples: [], dryRun: false }).toEqual({ ...wet, ms: 0, samples: [] })
    expect(listed(root)).toEqual(['b.log'])
  })

  test('counts no bytes of a file that has another name', async () => {
    const root = ownFolder()
    fill(root, { a: [9, 100] })
    linkSync(join(root, 'a'), join(root, 'b'))
    expect(await sweeperOf(root, [{ match: 'a' }]).sweep()).toMatchObject({ removed: 1, bytes: 0 })
    expect(await sweeperOf(root, [{ match: 'b' }]).sweep()).toMatchObject({ removed: 1, bytes: 100 })
  })

  test('removes links only where a rule is for links, and never what they lead to', async () => {
    const [root, outside] = [ownFolder(), ownFolder()]
    fill(outside, { 'x/file': [99] })
    symlinkSync(join(outside, 'x'), join(root, 'job_1'))
    symlinkSync(join(outside, 'x/file'), join(root, 'job_2'))
    const old = { maxAge: 0, minAge: 0 }
    const later = { wall: () => Date.now() + day }
    for (const kind of ['file', 'dir'] as const)
      expect(await sweeperOf(root, [{ match: 'job_*', kind, ...old }], later).sweep()).toMatchObject({ matched: 0 })
    expect(await sweeperOf(root, [{ match: 'job_*', kind: 'link', ...old }], later).sweep()).toMatchObject({
      removed: 2,
    })
    expect(listed(outside)).toEqual(['x', 'x/file'])
  })
})

describe('a sweeper', () => {
  test('sweeps nothing where there is no root', async () => {
    const root = join(ownFolder(), 'none')
    expect(await sweeperOf(root, [{ match: '*' }]).sweep()).toMatchObject({ scanned: 0, removed: 0, aborted: false })
  })

  test('takes a URL, and what is asked for twice is swept once', async () => {
    const root = ownFolder()
    fill(root, { a: [9] })
    const sweeper = new RetentionSweeper({ root: pathToFileURL(root), rules: [{ match: '*' }], wall })
    const [one, other] = [sweeper.sweep(), sweeper.sweep()]
    expect(one).toBe(other)
    expect(sweeper.last).toBeUndefined()
    const report = await one
    expect(sweeper.last).toBe(report)
    expect(sweeper.stats()).toMatchObject({ sweeps: 1, removed: 1, bytes: 1, refused: 0 })
    expect(await sweeper.sweep()).toMatchObject({ removed: 0 })
    expect(sweeper.stats()).toMatchObject({ sweeps: 2, removed: 1 })
    expect(inspect(sweeper)).toBe(`RetentionSweeper /sweeper of ${root} (1 removed, 1 bytes, in 2 sweeps)`)
  })

  test('stops between two entries when its signal aborts, and tells how far it has come', async () => {
    const root = ownFolder()
    fill(root, Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`f${at}`, [9]])))
    const stop = new AbortController()
    const sweeper = sweeperOf(root, [{ match: '*' }], { concurrency: 1 })
    sweeper.subscribe(({ type }) => type === 'item.dropped' && stop.abort())
    expect(await sweeper.sweep({ signal: stop.signal })).toMatchObject({ removed: 1, aborted: true })
    expect(readdirSync(root)).toHaveLength(49)
    expect(await sweeper.sweep({ signal: stop.signal })).toMatchObject({ removed: 0, aborted: true })
    expect(() => sweeper.sweep({ signal: {} as AbortSignal })).toThrow(TypeError)
  })

  test('sweeps by itself after each interval, never two at once, and tells of it', async () => {
    const root = ownFolder()
    const clock = new FakeClock()
    const sweeper = sweeperOf(root, [{ match: '*' }], { clock, interval: 600_000, jitter: 0 })
    const events: LifecycleEvent[] = []
    sweeper.subscribe((event) => events.push(event))
    for (const round of [1, 2, 3]) {
      fill(root, { [`f${round}`]: [9] })
      await clock.advance(599_999)
      expect(sweeper.stats().sweeps).toBe(round - 1)
      await clock.advance(1)
      await until('it has swept', () => sweeper.stats().sweeps === round)
      await until('its timer is set', () => clock.pending === 1)
    }
    expect(events.map(({ type, path, item, reason }) => [type, path, item, reason]).slice(0, 2)).toEqual([
      ['item.dropped', '/sweeper', 'f1', 'age'],
      ['cleanup.ended', '/sweeper', undefined, undefined],
    ])
    expect(events[1]?.cause).toMatchObject({ removed: 1 })
    expect(await sweeper.close()).toEqual({ stopped: false, abandoned: false })
    expect(clock.pending).toBe(0)
  })

  test('that cannot sweep says so to whoever asks, and otherwise to its listeners', async () => {
    const root = ownFolder()
    fill(root, { file: [9] })
    const clock = new FakeClock()
    const sweeper = sweeperOf(join(root, 'file'), [{ match: '*' }], { clock, interval: 10, jitter: 0 })
    const errors: unknown[] = []
    sweeper.subscribe(({ error }) => errors.push(error))
    await expect(sweeper.sweep()).rejects.toMatchObject({ code: 'ENOTDIR' })
    await clock.advance(10)
    await until('it has tried', () => sweeper.stats().refused === 2)
    expect(errors).toHaveLength(2)
    await until('it tries again', () => clock.pending === 1)
    await sweeper.close()
  })

  test('that is closed stops a sweep under way, and sweeps no more', async () => {
    const root = ownFolder()
    fill(root, Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`f${at}`, [9]])))
    const sweeper = sweeperOf(root, [{ match: '*' }])
    const report = sweeper.sweep()
    const end = sweeper.close()
    expect(sweeper.close()).toBe(end)
    expect(await end).toEqual({ stopped: true, abandoned: false })
    expect(await report).toMatchObject({ aborted: true })
    await expect(sweeper.sweep()).rejects.toMatchObject({ name: 'ReferenceError', code: 'ERR_CLOSED' })
    expect(readdirSync(root).length).toBeGreaterThan(0)
  })

  test('that is closed at once does not wait for the file system', async () => {
    const root = ownFolder()
    fill(root, { a: [9] })
    const sweeper = sweeperOf(root, [{ match: '*' }])
    const report = sweeper.sweep()
    const end = sweeper.close()
    expect(sweeper.close({ timeout: 0 })).toBe(end)
    expect(await end).toEqual({ stopped: true, abandoned: true })
    await report
  })

  test('ends with its lifecycle', async () => {
    const root = ownFolder()
    const life = new Lifecycle('jobs')
    const sweeper = life.use(sweeperOf(root, [{ match: '*' }], { interval: 1_000 }), { name: 'logs' })
    expect(sweeper.path).toBe('/jobs/logs')
    expect((await life.close()).rows).toMatchObject([{ path: '/jobs/logs', kind: 'sweeper', outcome: 'closed' }])
    await using other = sweeperOf(root, [{ match: '*' }])
    life.forget(other)
  })

  test('refuses roots that nobody means', () => {
    const refused = (root: unknown) => expect(() => sweeperOf(root as string, [{ match: '*' }]))
    for (const root of [
      '/',
      '//',
      '/..',
      '/tmp/..',
      homedir(),
      `${homedir()}/`,
      dirname(homedir()),
      'logs',
      '../logs',
      '.',
      '',
    ])
      refused(root).toThrow(RangeError)
    refused(new URL('http://localhost/tmp')).toThrow(RangeError)
    for (const root of [undefined, 1, null]) refused(root).toThrow(TypeError)
  })

  test('refuses rules and options that make no sense', () => {
    const root = ownFolder()
    for (const rules of [[], [{}], [{ match: '../x' }], [{ match: '' }], [{ match: 1 }], 'x', [null]] as unknown[])
      expect(() => sweeperOf(root, rules as [])).toThrow(/options\.rules/)
    for (const rule of [
      { maxAge: -1 },
      { maxAge: Number.NaN },
      { maxAge: '7d' },
      { maxCount: 1.5 },
      { maxTotalSize: -1 },
      { minAge: -1 },
      { depth: 2 },
      { kind: 'folder' },
      { maxage: 1 },
    ] as object[])
      expect(() => sweeperOf(root, [{ match: '*', ...rule }])).toThrow()
    for (const more of [
      { interval: 0 },
      { interval: 2 ** 31 },
      { jitter: 2 },
      { concurrency: 0 },
      { concurrency: 1.5 },
      { dryRun: 1 },
      { followRoot: 'yes' },
      { name: 'a/b' },
      { wall: 1 },
      { maxAge: 1 },
    ])
      expect(() => sweeperOf(root, [{ match: '*' }], more)).toThrow(Error)
  })
})
