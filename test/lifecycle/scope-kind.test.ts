import { defineKind, Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { Log, never, wait } from './stubs.ts'

const stiff = defineKind({ name: 'stiff', matches: () => false, close: never, force: () => {} })

describe('a scope', () => {
  test('closes at its place among its siblings', async () => {
    const life = new Lifecycle('app')
    const log = new Log()
    life.defer(log.at('older'))
    const scope = life.scope('inside')
    life.defer(log.at('newer'))
    scope.defer(log.at('a'))
    scope.defer(log.at('b'))
    await life.close()
    expect(log.lines).toEqual(['newer', 'b', 'a', 'older'])
    expect(scope.state).toBe('closed')
  })

  test('has a path inside its parent, which stays when it has left', async () => {
    const life = new Lifecycle('app')
    const scope = life.scope('jobs').scope('job')
    expect(scope.path).toBe('/app/jobs/job')
    await scope.close()
    expect(scope.path).toBe('/app/jobs/job')
    expect((await scope.close()).path).toBe('/app/jobs/job')
  })

  test.each<[string, (scope: Lifecycle) => Promise<unknown>]>([
    ['close', (scope) => scope.close()],
    ['disposeAsync', (scope) => scope.disposeAsync()],
  ])('leaves its parent when it ends early by %s, whether it holds something or not', async (_how, end) => {
    const life = new Lifecycle('app')
    const left: string[] = []
    life.subscribe((event) => event.type === 'resource.left' && left.push(event.path))
    const empty = life.scope('empty')
    const full = life.scope('full')
    full.defer(() => {})
    expect(life.snapshot().size).toBe(2)
    await end(empty)
    expect(life.snapshot().size).toBe(1)
    await end(full)
    expect(life.snapshot().size).toBe(0)
    expect(left).toEqual(['/app/empty', '/app/full'])
    expect((await life.close()).counts.closed).toBe(0)
  })

  test('leaves nothing behind, however many come and go', async () => {
    const life = new Lifecycle({ name: 'app', leaks: 'off' })
    for (let at = 0; at < 10_000; at += 1) {
      const scope = life.scope('request')
      if (at % 2 === 0) scope.defer(() => {})
      await scope.disposeAsync()
    }
    expect(life.snapshot()).toMatchObject({ size: 0, resources: [] })
    expect(life.scope('request').path).toBe('/app/request')
  })

  test.each(['closing', 'closed'])('is born closed where its parent is %s', async (state) => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'app', clock })
    life.defer(() => wait(clock, 10))
    const closing = life.close()
    if (state === 'closed') {
      await clock.advance(10)
      await closing
    }
    expect(life.state).toBe(state)
    const scope = life.scope('late')
    expect(scope).toMatchObject({ state: 'closed', disposed: true, path: '/app/late' })
    expect(scope.signal.aborted).toBe(true)
    expect(() => scope.defer(() => {})).toThrow(ReferenceError)
    expect(await scope.close()).toMatchObject({ complete: true, rows: [] })
    expect(scope.scope('deeper').state).toBe('closed')
    await clock.advance(10)
    expect((await closing).complete).toBe(true)
  })

  test('has its own rows in the report of its parent, and none for itself', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'app', clock, grace: 100 })
    const scope = life.scope('jobs').scope('job')
    scope.defer(never, { name: 'hangs' })
    scope.defer(() => Promise.reject(new Error('no')), { name: 'fails' })
    scope.use({}, { kind: stiff, name: 'stiff' })
    scope.defer(() => {}, { name: 'well' })
    const closing = life.close({ reason: 'SIGTERM' })
    await clock.advance(1_000)
    const { counts, rows } = await closing
    expect((await scope.close()).reason).toBe('SIGTERM')
    expect(counts).toEqual({ closed: 1, forced: 1, failed: 1, abandoned: 1 })
    expect(rows.map(({ path, outcome }) => [path, outcome])).toEqual([
      ['/app/jobs/job/stiff', 'forced'],
      ['/app/jobs/job/hangs', 'abandoned'],
      ['/app/jobs/job/fails', 'failed'],
      ['/app/jobs/job/well', 'closed'],
    ])
  })

  test('ends with the worst outcome that is in it', async () => {
    const outcomes: Record<string, () => unknown> = {
      closed: () => {},
      failed: () => Promise.reject(new Error('no')),
      abandoned: never,
    }
    for (const [outcome, fn] of Object.entries(outcomes)) {
      const clock = new FakeClock()
      const life = new Lifecycle({ clock, grace: 10 })
      const scope = life.scope('inside')
      scope.defer(fn)
      scope.defer(() => {})
      const released = life.release('inside')
      await clock.advance(10)
      expect(await released).toBe(outcome)
      expect(scope.state).toBe('closed')
    }
  })

  test('passes its errors on to the disposeAsync of its parent', async () => {
    const life = new Lifecycle()
    const [one, two, three] = ['one', 'two', 'three'].map((name) => new Error(name))
    life.defer(() => Promise.reject(three))
    const scope = life.scope('inside')
    scope.defer(() => Promise.reject(two))
    scope.defer(() => Promise.reject(one))
    await expect(life.disposeAsync()).rejects.toMatchObject({
      error: three,
      suppressed: { error: two, suppressed: one },
    })
  })

  test('does not wait for the grace of its parent: only a deadline ends it', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, grace: 100, timeout: 10_000 })
    const scope = life.scope('inside', { grace: 4_000 })
    scope.defer(() => wait(clock, 3_000))
    scope.defer(() => wait(clock, 3_000))
    const closing = life.close()
    await clock.advance(6_000)
    expect(await closing).toMatchObject({ ms: 6_000, counts: { closed: 2 } })
  })
})

describe('a scope that closes on its own while its parent closes', () => {
  test('is joined, not ended twice', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'app', clock })
    const log = new Log()
    const scope = life.scope('inside')
    scope.defer(log.lasting('a', clock, 100), { name: 'a' })
    const own = scope.close({ reason: 'early' })
    await clock.advance(50)
    const whole = life.close()
    await clock.advance(50)
    expect(await own).toMatchObject({ reason: 'early', counts: { closed: 1 } })
    expect(await whole).toMatchObject({ ms: 50, counts: { closed: 1 }, rows: [{ path: '/app/inside/a', ms: 100 }] })
    expect(log.lines).toEqual(['a', 'a.'])
  })

  test('may be closed by a sibling’s disposer, which may await it', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    const log = new Log()
    const scope = life.scope('inside')
    scope.defer(log.lasting('inside', clock, 100))
    life.defer(async () => {
      const { complete } = await scope.close()
      log.at(`complete: ${complete}`)()
    })
    const closing = life.close()
    await clock.advance(100)
    expect((await closing).complete).toBe(true)
    expect(log.lines).toEqual(['inside', 'inside.', 'complete: true'])
  })

  test('may hold the disposer that closes its parent: that one gets an interim report', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'app', clock, grace: 100 })
    const interim: unknown[] = []
    const deepest = life.scope('inside').scope('deeper')
    deepest.defer(async () => interim.push(await life.close()))
    const closing = life.close()
    await clock.advance(0)
    expect(interim).toMatchObject([{ path: '/app', complete: false }])
    expect(await closing).toMatchObject({ complete: true, counts: { closed: 1 } })
  })

  test('is not held up for ever by one that awaits its parent after an await, whose row says so', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'app', clock, grace: 100 })
    const wait = async (): Promise<void> => {
      await undefined
      await life.close()
    }
    const deepest = life.scope('inside').scope('deeper')
    deepest.defer(wait, { name: 'callback' })
    deepest.use({}, { close: wait, force: () => {}, name: 'custom' })
    const closing = life.close()
    await clock.advance(200)
    const { rows } = await closing
    expect(rows).toMatchObject([
      { path: '/app/inside/deeper/custom', outcome: 'forced', note: expect.stringContaining('its own lifecycle') },
      { path: '/app/inside/deeper/callback', outcome: 'abandoned', note: expect.stringContaining('its own lifecycle') },
    ])
  })
})
