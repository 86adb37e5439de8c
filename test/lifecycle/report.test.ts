import { inspect } from 'node:util'
import { defineKind, Lifecycle, type Report } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { never, wait } from './stubs.ts'

/** Closes a lifecycle of several layers in which all goes wrong that can. */
async function worstReport(): Promise<Report> {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, grace: 100, leaks: 'off' })
  const noting = defineKind<object>({
    name: 'server',
    matches: () => false,
    close: (_value, context) => {
      context.note('drained 3, cut 1')
      return never()
    },
    force: () => {},
  })
  life.defer(() => wait(clock, 2_500), { name: 'db', grace: 5_000 })
  life.use({}, { kind: noting, name: 'http' })
  const jobs = life.scope('jobs')
  jobs.defer(() => Promise.reject(new TypeError('no file')), { name: 'file' })
  jobs.scope('job').defer(never, { name: 'hangs' })
  jobs.scope('job').defer(() => Promise.reject('text'), { name: 'odd' })
  const closing = life.close({ reason: 'SIGTERM came' })
  await clock.advance(10_000)
  return closing
}

/** Closes a lifecycle with one disposer that fails with `error`. */
async function reportOn(error: unknown): Promise<Report> {
  const life = new Lifecycle({ name: 'app', leaks: 'off' })
  life.defer(() => Promise.reject(error), { name: 'one' })
  return life.close()
}

test('a report prints as a tree, slowest first, with what went wrong', async () => {
  const lines = String(await worstReport()).split('\n')
  expect(lines).toEqual([
    '/app ended: 5 resources (1 closed, 1 forced, 2 failed, 1 abandoned) in 2.7 s, because SIGTERM came',
    '├─ db  closed (callback) in 2.5 s',
    '├─ jobs',
    '│  ├─ job',
    '│  │  └─ hangs  abandoned (callback) in 100 ms',
    '│  ├─ job#2',
    '│  │  └─ odd  failed (callback) in 0 ms, text',
    '│  └─ file  failed (callback) in 0 ms, TypeError: no file',
    '└─ http  forced (server) in 100 ms, drained 3, cut 1',
  ])
})

test('a report is shown as it prints', async () => {
  const report = await worstReport()
  expect(inspect(report)).toBe(String(report))
})

test('a report says where what did not close gently was made', async () => {
  const life = new Lifecycle({ name: 'app', leaks: 'full' })
  life.defer(() => Promise.reject(new Error('no')), { name: 'one' })
  life.defer(() => {}, { name: 'two' })
  const text = String(await life.close())
  expect(text).toMatch(/one {2}failed .*, made at .*report\.test\.ts:\d+$/m)
  expect(text).toMatch(/two {2}closed \(callback\) in [\d.]+ ms$/m)
})

test.each([
  [0, '0 ms'],
  [0.04, '0 ms'],
  [0.25, '0.3 ms'],
  [9.94, '9.9 ms'],
  [73.4, '73 ms'],
  [999.4, '999 ms'],
  [2_450, '2.5 s'],
  [25_000, '25 s'],
])('a length of %d ms reads %s', async (ms, text) => {
  let now = 0
  const clock = Object.assign(new FakeClock(), { now: () => now })
  const life = new Lifecycle({ name: 'app', clock })
  life.defer(() => {
    now += ms
  })
  expect(String(await life.close()).split('\n')[0]).toBe(
    `/app ended: 1 resource (1 closed) in ${text}, because close() was called`,
  )
})

describe('a report serialises as JSON', () => {
  test('with all that it holds, and errors as data', async () => {
    const report = await worstReport()
    const data = JSON.parse(JSON.stringify(report))
    expect(data).toMatchObject({
      path: '/app',
      reason: 'SIGTERM came',
      complete: true,
      ms: 2_700,
      counts: { closed: 1, forced: 1, failed: 2, abandoned: 1 },
    })
    expect(data.rows).toHaveLength(5)
    expect(data.rows).toEqual(
      expect.arrayContaining([
        { path: '/app/http', kind: 'server', outcome: 'forced', ms: 100, note: 'drained 3, cut 1' },
        expect.objectContaining({
          path: '/app/jobs/job/hangs',
          error: expect.objectContaining({ name: 'EndswellError', code: 'ERR_ABANDONED', stack: expect.any(String) }),
        }),
        expect.objectContaining({ path: '/app/jobs/job#2/odd', error: 'text' }),
        expect.objectContaining({ error: expect.objectContaining({ name: 'TypeError', message: 'no file' }) }),
      ]),
    )
  })

  const cyclic: Record<string, unknown> = { text: 'cyclic' }
  cyclic['itself'] = cyclic
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()
  const hostile = (key: string): object =>
    Object.defineProperty(new Error('hostile'), key, {
      get: () => {
        throw new Error('do not look')
      },
    })
  test.each<[string, unknown, RegExp]>([
    ['an object in a circle', cyclic, /cyclic/],
    ['an error in a circle', Object.assign(new Error('round'), { cause: cyclic, self: cyclic }), /round/],
    ['a bigint', 1n, /1n/],
    ['a symbol', Symbol('odd'), /odd/],
    ['undefined', undefined, /undefined/],
    ['null', null, /null/],
    ['a function', function odd() {}, /odd/],
    ['an object without a prototype', Object.create(null), /null prototype/],
    ['an error whose code is a bigint', Object.assign(new Error('odd'), { code: 1n }), /1n/],
    ['an error whose code is in a circle', Object.assign(new Error('odd'), { code: cyclic }), /cyclic/],
    ['an error whose code is a number', Object.assign(new Error('odd'), { code: 42 }), /42/],
    ['an error whose message is a symbol', Object.assign(new Error('odd'), { message: Symbol('odd') }), /odd|Error/],
    ['an error whose name is an object in a circle', Object.assign(new Error('odd'), { name: cyclic }), /cyclic/],
    ['an error without a stack', Object.assign(new Error('bare'), { stack: undefined }), /bare/],
    ['a proxy that was revoked', revoked, /Revoked|cannot be shown/],
    ['an error whose message throws', hostile('message'), /Error/],
    ['an error whose stack throws', hostile('stack'), /hostile|do not look/],
    [
      'an object that throws when it is shown',
      {
        [inspect.custom]: () => {
          throw new Error('do not look')
        },
      },
      /do not look/,
    ],
  ])('whatever was thrown: %s', async (_what, error, shown) => {
    const report = await reportOn(error)
    const [row] = JSON.parse(JSON.stringify(report)).rows
    expect(JSON.stringify(row.error)).toMatch(shown)
    expect(String(report)).toContain('one  failed')
    expect(Object.hasOwn(report.rows[0] ?? {}, 'error')).toBe(true)
  })
})

test('a report is plain data that nothing can change', async () => {
  const report = await worstReport()
  for (const part of [report, report.counts, report.rows, ...report.rows]) expect(Object.isFrozen(part)).toBe(true)
})

test('an interim report is as frozen, and says that it is one', async () => {
  const life = new Lifecycle('app')
  let interim: Report | undefined
  life.defer(async () => {
    interim = await life.close()
  })
  await life.close()
  expect(Object.isFrozen(interim)).toBe(true)
  expect(String(interim)).toMatch(/^\/app is ending: 0 resources in /)
})
