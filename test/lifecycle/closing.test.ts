import { defineKind, Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { Log, never, wait } from './stubs.ts'

const stubborn = defineKind({ name: 'stubborn', matches: () => false, close: never, force: never })
const stiff = defineKind({ name: 'stiff', matches: () => false, close: never, force: () => {} })

describe('at the deadline', () => {
  test.each(['reverse', 'parallel'] as const)('all that is left is forced at once, in %s order', async (order) => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'app', clock, order, timeout: 1_000, grace: 10_000 })
    const forced: [number, string][] = []
    const kind = defineKind<{ name: string }>({
      name: 'thing',
      matches: () => false,
      close: never,
      force: ({ name }) => {
        forced.push([clock.now(), name])
        return wait(clock, 100)
      },
    })
    for (const name of ['a', 'b', 'c']) life.use({ name }, { kind, name })
    const closing = life.close()
    await clock.advance(1_000)
    expect(forced.map(([at]) => at)).toEqual([1_000, 1_000, 1_000])
    await clock.advance(100)
    const { counts, ms } = await closing
    expect(counts).toEqual({ closed: 0, forced: 3, failed: 0, abandoned: 0 })
    expect(ms).toBe(1_100)
    expect(clock.pending).toBe(0)
  })

  test('what can only close gets its call, and a second for it', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 1_000, grace: 10_000 })
    const log = new Log()
    life.defer(log.lasting('in time', clock, 999), { name: 'in time' })
    life.defer(log.lasting('too long', clock, 1_001), { name: 'too long' })
    life.defer(log.at('at once'), { name: 'at once' })
    life.defer(never, { name: 'hangs' })
    const closing = life.close()
    await clock.advance(1_000)
    expect(log.lines.toSorted()).toEqual(['at once', 'in time', 'too long'])
    await clock.advance(1_000)
    const { counts, rows } = await closing
    expect(counts).toEqual({ closed: 2, forced: 0, failed: 0, abandoned: 2 })
    const abandoned = rows.filter(({ outcome }) => outcome === 'abandoned').map(({ path }) => path)
    expect(abandoned).toEqual(['/lifecycle/hangs', '/lifecycle/too long'])
    expect(rows[0]).toMatchObject({ path: '/lifecycle/hangs', ms: 2_000 })
    expect(clock.pending).toBe(1)
  })

  test('edges and last do not hold it up', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 1_000, grace: 10_000 })
    life.use({}, { kind: stiff, name: 'db' })
    life.use({}, { kind: stubborn, name: 'api', dependsOn: ['db'] })
    life.use({}, { kind: stiff, last: true })
    const closing = life.close()
    await clock.advance(1_000)
    expect(life.snapshot().size).toBe(1)
    await clock.advance(1_000)
    expect((await closing).counts).toEqual({ closed: 0, forced: 2, failed: 0, abandoned: 1 })
  })

  test('a close that has hung for less than its grace is forced too', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 1_000, grace: 900 })
    life.use({}, { kind: stiff })
    life.use({}, { kind: stiff })
    const closing = life.close()
    await clock.advance(1_000)
    const { rows } = await closing
    expect(rows.map(({ ms }) => ms)).toEqual([900, 100])
  })

  test('it is over a second later, whatever happens', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 1_000 })
    for (let at = 0; at < 5; at += 1) {
      life.use({}, { kind: stubborn })
      life.defer(never)
      life.scope('inside').use({}, { kind: stubborn })
      void life.task('task', never).catch(() => {})
    }
    const closing = life.close()
    await clock.advance(2_000)
    expect((await closing).counts.abandoned).toBe(20)
    expect(life.state).toBe('closed')
    expect(clock.pending).toBe(0)
  })

  test('with a timeout of 0 everything is forced at once', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    life.use({}, { kind: stiff })
    life.use({}, { kind: stiff })
    const closing = life.close({ timeout: 0 })
    await clock.advance(0)
    expect((await closing).counts.forced).toBe(2)
  })
})

test('the timeout of close() is stronger than the lifecycle’s own', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ clock, timeout: 1_000, grace: 100_000 })
  life.use({}, { kind: stiff })
  const closing = life.close({ timeout: 3_000 })
  await clock.advance(2_999)
  expect(life.state).toBe('closing')
  await clock.advance(1)
  expect((await closing).ms).toBe(3_000)
})

test('by default a root takes 25 s, and a resource 5 s', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ clock })
  for (let at = 0; at < 6; at += 1) life.use({}, { kind: stiff })
  const closing = life.close()
  await clock.advance(25_000)
  const { rows, ms } = await closing
  expect(rows.map((row) => row.ms)).toEqual([5_000, 5_000, 5_000, 5_000, 5_000, 0])
  expect(ms).toBe(25_000)
})

describe('one who asks for the same closing again', () => {
  test('joins it: the disposers run once, and all get the same report', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    const log = new Log()
    life.defer(log.lasting('a', clock, 10))
    const reports = [life.close(), life.close(), life.close({ reason: 'another' })]
    await clock.advance(5)
    reports.push(life.close())
    await clock.advance(5)
    reports.push(life.close())
    const [first, ...others] = await Promise.all(reports)
    for (const other of others) expect(other).toBe(first)
    expect(first?.reason).toBe('close() was called')
    expect(log.lines).toEqual(['a', 'a.'])
  })

  test('joins what disposeAsync has begun', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    life.defer(() => wait(clock, 10), { name: 'a' })
    life.defer(() => wait(clock, 20), { name: 'b' })
    const disposed = life.disposeAsync()
    await clock.advance(5)
    const closing = life.close()
    await clock.advance(50)
    await disposed
    const { reason, counts, ms, rows } = await closing
    expect(rows.find(({ path }) => path === '/lifecycle/a')).toMatchObject({ outcome: 'closed', ms: 10 })
    expect({ reason, counts, ms }).toEqual({
      reason: 'disposeAsync() was called',
      counts: { closed: 2, forced: 0, failed: 0, abandoned: 0 },
      ms: 30,
    })
  })

  test('can shorten it', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 10_000, grace: 10_000 })
    life.use({}, { kind: stiff })
    const closing = life.close()
    await clock.advance(100)
    void life.close({ timeout: 200 })
    await clock.advance(200)
    expect((await closing).ms).toBe(300)
    expect(clock.pending).toBe(0)
  })

  test('cannot lengthen it', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, timeout: 1_000, grace: 10_000 })
    life.use({}, { kind: stiff })
    const closing = life.close()
    void life.close({ timeout: 20_000 })
    await clock.advance(1_000)
    expect((await closing).ms).toBe(1_000)
  })

  test('can force it: everything is forced at once', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    for (let at = 0; at < 3; at += 1) life.use({}, { kind: stiff })
    const log = new Log()
    life.defer(log.lasting('callback', clock, 500))
    const closing = life.close()
    await clock.advance(100)
    expect(life.close({ force: true })).toBeInstanceOf(Promise)
    await clock.advance(0)
    expect(life.snapshot().size).toBe(1)
    await clock.advance(400)
    const { counts, ms } = await closing
    expect(counts).toEqual({ closed: 1, forced: 3, failed: 0, abandoned: 0 })
    expect(ms).toBe(500)
    expect(log.lines).toEqual(['callback', 'callback.'])
  })
})

test('with { force } nothing is closed gently first', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ clock })
  const log = new Log()
  life.use({}, { close: log.at('close'), force: log.at('force'), name: 'a' })
  life.defer(log.at('callback'))
  const closing = life.close({ force: true })
  await clock.advance(0)
  expect((await closing).counts).toEqual({ closed: 1, forced: 1, failed: 0, abandoned: 0 })
  expect(log.lines.toSorted()).toEqual(['callback', 'force'])
})

test('after a closing nothing of it is left: no timer, no resource, no report pinned by nobody', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ clock })
  life.defer(() => wait(clock, 10))
  life.use({}, { kind: stiff, grace: 50 })
  life.scope('inside').every('tick', 20, () => {})
  life.after('later', 1_000, () => {})
  const closing = life.close()
  await clock.advance(100)
  await closing
  expect(clock.pending).toBe(0)
  expect(life.snapshot()).toMatchObject({ state: 'closed', size: 0, resources: [] })
})

test('a blocked event loop makes it late, not wrong', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ clock, timeout: 1_000 })
  life.use({}, { kind: stiff })
  life.defer(never)
  const closing = life.close()
  clock.blocked(60_000)
  await clock.advance(1_000)
  expect((await closing).counts).toEqual({ closed: 0, forced: 1, failed: 0, abandoned: 1 })
  expect(clock.pending).toBe(0)
})
