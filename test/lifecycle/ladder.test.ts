import { defineKind, EndswellError, type Kind, Lifecycle, type Report, type Row } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { failAfter, never, wait } from './stubs.ts'

/** Closes one resource of that kind, and tells its row and the moment, on the clock, when its closing was over. */
async function rowOf(
  kind: (clock: FakeClock) => Partial<Kind<object>>,
  { by = 'closing' }: { by?: 'closing' | 'release' } = {},
): Promise<Row & { at: number }> {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, grace: 100 })
  const whole = defineKind({ name: 'thing', matches: () => false, close: () => {}, ...kind(clock) })
  life.use({}, { kind: whole, name: 'thing' })
  let at = -1
  const events: Row[] = []
  life.subscribe((event) => {
    if (event.type !== 'resource.ended') return
    at = clock.now()
    events.push(event as unknown as Row)
  })
  const ending: Promise<unknown> = by === 'closing' ? life.close() : life.release('thing')
  await clock.advance(10_000)
  expect(clock.pending).toBe(0)
  const [event] = events
  expect(events).toHaveLength(1)
  if (event === undefined) throw new Error('no event')
  if (by === 'release') {
    expect(await ending).toBe(event.outcome)
    return { ...event, at }
  }
  const { rows } = (await ending) as Report
  expect(rows).toHaveLength(1)
  return { ...(rows[0] as Row), at }
}

describe.each(['closing', 'release'] as const)('one resource, in a %s', (by) => {
  test.each<[string, (clock: FakeClock) => Partial<Kind<object>>, Partial<Row> & { at: number }]>([
    ['closed where its close returns', () => ({ close: () => {} }), { outcome: 'closed', at: 0 }],
    [
      'closed where its close resolves within its grace',
      (clock) => ({ close: () => wait(clock, 99) }),
      { outcome: 'closed', at: 99 },
    ],
    [
      'closed where it resolves in the last moment of its grace',
      (clock) => ({ close: () => wait(clock, 100) }),
      { outcome: 'closed', at: 100 },
    ],
    [
      'abandoned at the end of its grace where it hangs and nothing forces it',
      () => ({ close: never }),
      { outcome: 'abandoned', at: 100 },
    ],
    ['forced at the end of its grace', () => ({ close: never, force: () => {} }), { outcome: 'forced', at: 100 }],
    [
      'forced where forcing takes its time',
      (clock) => ({ close: never, force: () => wait(clock, 999) }),
      { outcome: 'forced', at: 1_099 },
    ],
    [
      'forced where forcing makes its close settle',
      (clock) => ({ close: () => wait(clock, 300), force: never }),
      { outcome: 'forced', at: 300 },
    ],
    [
      'abandoned where forcing hangs too, a second after its grace',
      () => ({ close: never, force: never }),
      { outcome: 'abandoned', at: 1_100 },
    ],
    [
      'failed where its close throws',
      () => ({
        close: () => {
          throw new Error('no')
        },
      }),
      { outcome: 'failed', at: 0 },
    ],
    [
      'failed where its close rejects',
      (clock) => ({ close: () => failAfter(clock, 50, new Error('no')) }),
      { outcome: 'failed', at: 50 },
    ],
    [
      'failed where its close threw, although forcing ended it',
      () => ({
        close: () => {
          throw new Error('no')
        },
        force: () => {},
      }),
      { outcome: 'failed', at: 0 },
    ],
    [
      'failed where its close rejected, although forcing ended it',
      (clock) => ({ close: () => failAfter(clock, 50, new Error('no')), force: () => wait(clock, 10) }),
      { outcome: 'failed', at: 60 },
    ],
    [
      'failed where its close threw and forcing hangs, a second later',
      () => ({
        close: () => {
          throw new Error('no')
        },
        force: never,
      }),
      { outcome: 'failed', at: 1_000 },
    ],
    [
      'abandoned where forcing throws',
      () => ({
        close: never,
        force: () => {
          throw new Error('no')
        },
      }),
      { outcome: 'abandoned', at: 100 },
    ],
    [
      'abandoned where forcing rejects',
      (clock) => ({ close: never, force: () => failAfter(clock, 20, new Error('no')) }),
      { outcome: 'abandoned', at: 120 },
    ],
    [
      'abandoned where forcing returns and it is still not gone',
      () => ({ close: never, force: () => {}, isGone: () => false }),
      { outcome: 'abandoned', at: 1_100 },
    ],
    [
      'forced where it is gone after forcing',
      () => ({ close: never, force: () => {}, isGone: () => true }),
      { outcome: 'forced', at: 100 },
    ],
    [
      'forced where it is gone by the end of the second, which nothing tells',
      (clock) => ({ close: never, force: () => {}, isGone: () => clock.now() > 500 }),
      { outcome: 'forced', at: 1_100 },
    ],
    [
      'abandoned where asking whether it is gone throws',
      () => ({
        close: never,
        force: () => {},
        isGone: () => {
          throw new Error('no')
        },
      }),
      { outcome: 'abandoned', at: 100 },
    ],
  ])('is %s', async (_rule, kind, expected) => {
    expect(await rowOf(kind, { by })).toMatchObject(expected)
  })

  test("its kind's grace is stronger than its lifecycle's, its own is stronger than both", async () => {
    expect(await rowOf(() => ({ close: never, grace: 40 }), { by })).toMatchObject({ outcome: 'abandoned', at: 40 })
    const clock = new FakeClock()
    const life = new Lifecycle({ clock, grace: 100 })
    const kind = defineKind({ name: 'thing', matches: () => false, close: never, grace: 40 })
    life.use({}, { kind, grace: 70, name: 'thing' })
    const ending = by === 'closing' ? life.close() : life.release('thing')
    await clock.advance(69)
    expect(life.snapshot().size).toBe(1)
    await clock.advance(1)
    expect(life.snapshot().size).toBe(0)
    await ending
  })
})

test('the row has how long it took, counted from its own turn', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ clock })
  for (const ms of [30, 20, 10]) life.defer(() => wait(clock, ms), { name: `takes-${ms}` })
  const closing = life.close()
  await clock.advance(100)
  const { rows, ms } = await closing
  expect(rows.map((row) => [row.path, row.ms])).toEqual([
    ['/lifecycle/takes-30', 30],
    ['/lifecycle/takes-20', 20],
    ['/lifecycle/takes-10', 10],
  ])
  expect(ms).toBe(60)
})

test('what its close threw is the error of the row; what forcing threw is the cause of ERR_ABANDONED', async () => {
  const error = new Error('no')
  expect(await rowOf(() => ({ close: () => Promise.reject(error) }))).toMatchObject({ error })
  const { error: abandoned } = await rowOf(() => ({ close: never, force: () => Promise.reject(error) }))
  expect(abandoned).toBeInstanceOf(EndswellError)
  expect(abandoned).toMatchObject({ code: 'ERR_ABANDONED', path: '/app/thing', cause: error })
})

test('ERR_ABANDONED says what was tried', async () => {
  const { error: once } = await rowOf(() => ({ close: never }))
  expect(String(once)).toBe('EndswellError: /app/thing (thing) was abandoned. Its close did not settle in time.')
  const { error: twice } = await rowOf(() => ({ close: never, force: never }))
  expect(String(twice)).toContain('Neither close nor force ended it in time.')
})

test('undefined is an error too', async () => {
  const row = await rowOf(() => ({ close: () => Promise.reject(undefined) }))
  expect(row.outcome).toBe('failed')
  expect('error' in row).toBe(true)
})

test('its timer is cleared the moment it is not needed', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ clock })
  const kind = defineKind({ name: 'thing', matches: () => false, close: () => wait(clock, 10), force: () => {} })
  life.use({}, { kind, name: 'thing' })
  const released = life.release('thing')
  expect(clock.pending).toBe(2)
  await clock.advance(10)
  expect(await released).toBe('closed')
  expect(clock.pending).toBe(0)
})

test('what settles after it has been given up is published as resource.late, and changes nothing', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ clock, grace: 100 })
  const late: unknown[] = []
  life.subscribe((event) => event.type === 'resource.late' && late.push(event.error))
  const [one, two, three] = ['one', 'two', 'three'].map((name) => new Error(name))
  life.defer(() => failAfter(clock, 5_000, one), { name: 'one' })
  life.use({}, { close: () => failAfter(clock, 5_000, two), name: 'two' })
  life.use({}, { close: never, force: () => failAfter(clock, 6_000, three), name: 'three' })
  const closing = life.close()
  await clock.advance(2_000)
  const report = await closing
  expect(report.counts).toEqual({ closed: 0, forced: 0, failed: 0, abandoned: 3 })
  await clock.advance(10_000)
  expect(late).toEqual([three, two, one])
  expect(report.counts.abandoned).toBe(3)
})
