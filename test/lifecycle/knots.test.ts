/** Whoever is told of a closing, or ends something in it, may ask for more of the same. */
import { defineKind, Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { Log, never, wait } from './stubs.ts'

const stiff = defineKind({ name: 'stiff', matches: () => false, close: never, force: () => {} })

describe.each(['defer', 'use'] as const)('close() inside a disposer of its own (%s)', (how) => {
  function setUp(options: { force?: () => unknown } = {}) {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'app', clock, grace: 100 })
    life.defer(() => wait(clock, 10), { name: 'older' })
    const add = (fn: () => unknown): void =>
      how === 'defer' ? life.defer(fn, { name: 'one' }) : void life.use({}, { close: fn, name: 'one', ...options })
    return { clock, life, add }
  }

  test('gives an interim report, when called at once', async () => {
    const { clock, life, add } = setUp()
    const interim: unknown[] = []
    add(async () => interim.push(await life.close()))
    const closing = life.close()
    await clock.advance(10)
    const report = await closing
    expect(interim).toMatchObject([{ complete: false, path: '/app', counts: { closed: 0 } }])
    expect(report).toMatchObject({ complete: true, counts: { closed: 2 }, ms: 10 })
    expect(String(interim[0])).toContain('/app is ending')
  })

  test('waits for itself when called after an await, until its grace breaks the knot, and its row says so', async () => {
    const { clock, life, add } = setUp()
    add(async () => {
      await undefined
      await life.close()
    })
    const closing = life.close()
    await clock.advance(99)
    expect(life.state).toBe('closing')
    await clock.advance(11)
    const { rows, counts } = await closing
    expect(counts).toEqual({ closed: 1, forced: 0, failed: 0, abandoned: 1 })
    expect(rows[0]).toMatchObject({ path: '/app/one', outcome: 'abandoned', ms: 100 })
    expect(rows[0]?.note).toContain('does it await its own lifecycle?')
    expect(clock.pending).toBe(0)
  })

  test('forces the rest when it says so, once it has returned', async () => {
    const { clock, life, add } = setUp()
    life.use({}, { kind: stiff, name: 'newer' })
    add(() => void life.close({ force: true }))
    const closing = life.close()
    await clock.advance(10)
    expect((await closing).counts).toEqual({ closed: 2, forced: 1, failed: 0, abandoned: 0 })
    expect(clock.pending).toBe(0)
  })

  test('is not needed: disposeAsync resolves at once there, as the standard has it', async () => {
    const { clock, life, add } = setUp()
    add(() => life.disposeAsync())
    const closing = life.close()
    await clock.advance(10)
    expect((await closing).counts.closed).toBe(2)
  })
})

test.each([{ force: true }, { timeout: 50 }])(
  'who shortens a closing with %o awaits no knot: no row says so',
  async (options) => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock })
    life.defer(never)
    life.use({}, { kind: stiff })
    const closing = life.close()
    await clock.advance(10)
    void life.close(options)
    await clock.advance(2_000)
    const { rows, counts } = await closing
    expect(counts).toMatchObject({ forced: 1, abandoned: 1 })
    expect(rows.map(({ note }) => note)).toEqual([undefined, undefined])
  },
)

test('close() at once in a disposer that is being released gives an interim report', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ clock })
  const interim: unknown[] = []
  life.defer(async () => interim.push(await life.close()), { name: 'one' })
  expect(await life.release('one')).toBe('closed')
  expect(interim).toMatchObject([{ complete: false }])
  expect((await life.close()).complete).toBe(true)
})

test('a knot is broken by force where there is a second rung, and its row says so too', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, grace: 100 })
  const close = async (): Promise<void> => {
    await undefined
    await life.close()
  }
  life.use({}, { close, force: () => {}, name: 'one' })
  const closing = life.close()
  await clock.advance(100)
  const { rows } = await closing
  expect(rows[0]).toMatchObject({ outcome: 'forced', note: expect.stringContaining('its own lifecycle') })
})

test('who listens to the signal and closes with force has everything forced, nothing twice', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ clock })
  const log = new Log()
  const broken = (): never => {
    log.at('broken')()
    throw new Error('no')
  }
  life.defer(log.at('older'))
  life.defer(broken)
  life.use({}, { kind: stiff })
  life.signal.addEventListener('abort', () => void life.close({ force: true }))
  const closing = life.close()
  await clock.advance(0)
  expect((await closing).counts).toEqual({ closed: 1, forced: 1, failed: 1, abandoned: 0 })
  expect(log.lines.toSorted()).toEqual(['broken', 'older'])
  expect(clock.pending).toBe(0)
})

test.each(['resource.ended', 'lifecycle.closing', 'resource.forcing'])(
  'who closes with force when told of %s has everything forced, and waited for',
  async (type) => {
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, grace: 100 })
    const forces = (): Promise<void> => wait(clock, 500)
    life.use({}, { close: never, force: forces, name: 'db' })
    life.use({}, { close: never, force: forces, name: 'api', dependsOn: ['db'] })
    life.defer(never, { name: 'newest' })
    life.defer(() => {
      throw new Error('no')
    })
    life.subscribe((event) => {
      if (event.type === type) void life.close({ force: true })
    })
    const closing = life.close()
    await clock.advance(2_000)
    const { counts } = await closing
    expect(counts).toEqual({ closed: 0, forced: 2, failed: 1, abandoned: 1 })
    expect(life.snapshot().size).toBe(0)
    expect(clock.pending).toBe(0)
  },
)

test('what one forces in passing is not ended a second time', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ clock })
  const log = new Log()
  life.defer(log.at('forgotten'), { name: 'forgotten' })
  life.use({}, { close: never, force: () => void life.forget('forgotten'), name: 'forgets' })
  life.defer(log.at('released'), { name: 'released' })
  life.use({}, { close: never, force: () => void life.release('released'), name: 'releases' })
  const closing = life.close({ force: true })
  await clock.advance(0)
  expect((await closing).counts).toMatchObject({ forced: 2 })
  expect(log.lines.toSorted()).toEqual(['released'])
  expect(life.snapshot().size).toBe(0)
})
