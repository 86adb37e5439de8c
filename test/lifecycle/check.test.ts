/** Bad input: each is refused with the right class and a stable code, says how to mend it, and changes nothing. */
import { Lifecycle, listener } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { thrownBy } from './stubs.ts'

type Attempt = (life: Lifecycle, bad: never) => unknown
type Code =
  | 'ERR_INVALID_ARG_TYPE'
  | 'ERR_OUT_OF_RANGE'
  | 'ERR_UNKNOWN_OPTION'
  | 'ERR_UNKNOWN_RESOURCE'
  | 'ERR_AMBIGUOUS_NAME'

const classes: Record<Code, new (message: string) => Error> = {
  ERR_INVALID_ARG_TYPE: TypeError,
  ERR_UNKNOWN_OPTION: TypeError,
  ERR_OUT_OF_RANGE: RangeError,
  ERR_UNKNOWN_RESOURCE: RangeError,
  ERR_AMBIGUOUS_NAME: RangeError,
}

const fn = (): void => {}
const disposable = { [Symbol.dispose]() {} }

/** A bad value, the code it is refused with, and what the message says of it. */
type Bad = readonly [value: unknown, code: Code, says: string]

const type = (...values: unknown[]): Bad[] => values.map((value) => [value, 'ERR_INVALID_ARG_TYPE', 'but got'])
const range = (...values: unknown[]): Bad[] => values.map((value) => [value, 'ERR_OUT_OF_RANGE', 'but got'])

const durations: Bad[] = [
  ...type('100', null, {}, 10n, true),
  ...range(Number.NaN, -1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 2 ** 31),
  [Number.POSITIVE_INFINITY, 'ERR_OUT_OF_RANGE', 'Nothing here waits for ever'],
]
const names: Bad[] = [...type(1, null, {}, ['a'], Symbol('a')), ...range('', 'a/b', 'a#1', '/')]
const booleans: Bad[] = type('true', 1, 0, null, {})
const functions: Bad[] = type(undefined, null, 'fn', {}, 1)
const objects: Bad[] = type(null, 'name', 1, fn)
const references: Bad[] = [
  ...type('db', null, 1, {}, new Set(['db'])),
  ...type([1], [null], [undefined], [Symbol('a')]),
  [['nobody'], 'ERR_UNKNOWN_RESOURCE', "holds nothing under the name 'nobody'"],
  [[{}], 'ERR_UNKNOWN_RESOURCE', 'holds nothing under that value'],
  [['twice'], 'ERR_AMBIGUOUS_NAME', "'twice#1', 'twice#2'"],
]

/** How each way to register is called with one option, or with other options altogether. */
const registrations: Record<string, (life: Lifecycle, options: object) => unknown> = {
  use: (life, options) => life.use(disposable, options),
  adopt: (life, options) => life.adopt(1, fn, options),
  defer: (life, options) => life.defer(fn, options),
  scope: (life, options) => life.scope('inside', options),
  task: (life, options) => life.task('work', fn, options),
  every: (life, options) => life.every('tick', 10, fn, options),
  after: (life, options) => life.after('later', 10, fn, options),
}

const option: Record<string, Bad[]> = { dependsOn: references, requiredBy: references, last: booleans }
const graceful = ['use', 'adopt', 'defer', 'scope', 'task', 'every', 'after']
const cases: [string, Attempt, Bad[]][] = [
  ...Object.entries(registrations).flatMap(([method, register]): [string, Attempt, Bad[]][] => [
    [`the options of ${method}`, register, objects],
    ...Object.entries(option).map(([name, bad]): [string, Attempt, Bad[]] => [
      `${name} of ${method}`,
      (life, value) => register(life, { [name]: value }),
      bad,
    ]),
  ]),
  ...graceful.map((method): [string, Attempt, Bad[]] => [
    `grace of ${method}`,
    (life, grace) => registrations[method]?.(life, { grace }),
    durations,
  ]),
  ...['use', 'adopt', 'defer'].map((method): [string, Attempt, Bad[]] => [
    `name of ${method}`,
    (life, name) => registrations[method]?.(life, { name }),
    names,
  ]),

  ['the options of a lifecycle', (_life, options) => new Lifecycle(options), type(null, 1, fn, true)],
  ['the name of a lifecycle', (_life, name) => new Lifecycle({ name }), names],
  ['the name of a lifecycle by itself', (_life, name) => new Lifecycle(name), range('', 'a/b', 'a#1')],
  ['timeout of a lifecycle', (_life, timeout) => new Lifecycle({ timeout }), durations],
  ['grace of a lifecycle', (_life, grace) => new Lifecycle({ grace }), durations],
  ['order of a lifecycle', (_life, order) => new Lifecycle({ order }), range('serial', null, 1, '')],
  ['leaks of a lifecycle', (_life, leaks) => new Lifecycle({ leaks }), range('some', null, 1, '')],
  ['clock of a lifecycle', (_life, clock) => new Lifecycle({ clock }), type(null, 1, fn, {}, { now: fn })],
  [
    'kinds of a lifecycle',
    (_life, kinds) => new Lifecycle({ kinds }),
    type(null, 1, {}, 'a', [1], [null], [{}], [{ matches: fn }]),
  ],
  ['timeout of scope', (life, timeout) => life.scope('inside', { timeout }), durations],
  ['order of scope', (life, order) => life.scope('inside', { order }), range('serial', null, 1)],
  ['kinds of scope', (life, kinds) => life.scope('inside', { kinds }), type(null, [1], [{}])],

  ['what is given to use', (life, value) => life.use(value), type(1, 'text', true, Symbol('a'), 1n, {}, [], fn)],
  ['the function of adopt', (life, bad) => life.adopt(1, bad), functions],
  ['the function of defer', (life, bad) => life.defer(bad), functions],
  ['the name of scope', (life, name) => life.scope(name), [...names, ...type(undefined)]],
  ['the name of task', (life, name) => life.task(name, fn), [...names, ...type(undefined)]],
  ['the name of every', (life, name) => life.every(name, 10, fn), [...names, ...type(undefined)]],
  ['the name of after', (life, name) => life.after(name, 10, fn), [...names, ...type(undefined)]],
  ['the name of acquire', (life, name) => life.acquire(name, fn, fn), [...names, ...type(undefined)]],
  ['the function of task', (life, bad) => life.task('work', bad), functions],
  ['the function of every', (life, bad) => life.every('tick', 10, bad), functions],
  ['the function of after', (life, bad) => life.after('later', 10, bad), functions],
  ['the function of acquire', (life, bad) => life.acquire('db', bad, fn), functions],
  ['the release of acquire', (life, bad) => life.acquire('db', fn, bad), functions],
  ['fatal of task', (life, fatal) => life.task('work', fn, { fatal }), booleans],
  [
    'the interval of every',
    (life, interval) => life.every('tick', interval, fn),
    [...durations, ...range(0, 0.5), ...type(undefined)],
  ],
  ['the delay of after', (life, delay) => life.after('later', delay, fn), [...durations, ...type(undefined)]],
  [
    'jitter of every',
    (life, jitter) => life.every('tick', 10, fn, { jitter }),
    [...range(Number.NaN, -0.1, 1.1), ...type('0.5', null)],
  ],
  ['immediate of every', (life, immediate) => life.every('tick', 10, fn, { immediate }), booleans],
  ['ref of every', (life, ref) => life.every('tick', 10, fn, { ref }), booleans],

  [
    'what is released',
    (life, bad) => life.release(bad),
    [
      ...type(undefined, null, 1, true, Symbol('a')),
      ['nobody', 'ERR_UNKNOWN_RESOURCE', 'nobody'],
      ['twice', 'ERR_AMBIGUOUS_NAME', 'twice'],
    ],
  ],
  [
    'what is forgotten',
    (life, bad) => life.forget(bad),
    [
      ...type(undefined, null, 1),
      ['nobody', 'ERR_UNKNOWN_RESOURCE', 'nobody'],
      ['twice', 'ERR_AMBIGUOUS_NAME', 'twice'],
    ],
  ],
  ['who subscribes', (life, bad) => life.subscribe(bad), functions],

  ['the options of close', (life, options) => life.close(options), type(null, 'now', 1)],
  ['reason of close', (life, reason) => life.close({ reason }), type(1, null, new Error('no'))],
  ['timeout of close', (life, timeout) => life.close({ timeout }), durations],
  ['force of close', (life, force) => life.close({ force }), booleans],
]

describe.each(cases)('%s', (_what, attempt, bad) => {
  test.each(bad)('is refused where it is %o', (value, code, says) => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'app', clock })
    life.defer(fn, { name: 'twice' })
    life.defer(fn, { name: 'twice' })
    const before = life.snapshot()
    const events: unknown[] = []
    life.subscribe((event) => events.push(event))

    const error = thrownBy(() => attempt(life, value as never))

    expect(error.constructor).toBe(classes[code])
    expect(error).toMatchObject({ code, message: expect.stringContaining(says) })
    expect(error.message).toMatch(/^[\w.' ]+/)
    expect(life.snapshot()).toEqual(before)
    expect(life.state).toBe('open')
    expect(events).toEqual([])
    expect(clock.pending).toBe(0)
  })
})

describe('an unknown option is refused, and the one that was meant is named', () => {
  const typos: [string, Attempt, string, string][] = [
    ...Object.entries(registrations).flatMap(([method, register]): [string, Attempt, string, string][] => [
      [method, register, 'dependOn', 'dependsOn'],
      [method, register, 'lats', 'last'],
      [method, register, 'GRACE', 'grace'],
    ]),
    ['use', (life, options) => life.use(disposable, options), 'closing', 'close'],
    ['use', (life, options) => life.use(disposable, options), 'frce', 'force'],
    ['scope', (life, options) => life.scope('inside', options), 'timeOut', 'timeout'],
    ['task', (life, options) => life.task('work', fn, options), 'fatle', 'fatal'],
    ['every', (life, options) => life.every('tick', 10, fn, options), 'jiter', 'jitter'],
    ['every', (life, options) => life.every('tick', 10, fn, options), 'immediatly', 'immediate'],
    ['every', (life, options) => life.every('tick', 10, fn, options), 'reff', 'ref'],
    ['a lifecycle', (_life, options) => new Lifecycle(options), 'time', 'timeout'],
    ['close', (life, options) => life.close(options), 'reson', 'reason'],
    ['listener', (_life, options) => listener(new EventTarget(), 'event', fn, options), 'onec', 'once'],
  ]
  test.each(typos.map(([method, attempt, typo, meant]) => [method, typo, meant, attempt] as const))(
    '%s: %s for %s',
    (_method, typo, meant, attempt) => {
      const life = new Lifecycle()
      const error = thrownBy(() => attempt(life, { [typo]: undefined } as never))
      expect(error.constructor).toBe(TypeError)
      expect(error).toMatchObject({
        code: 'ERR_UNKNOWN_OPTION',
        message: expect.stringContaining(`no option '${typo}'. Did you mean '${meant}'?`),
      })
      expect(life.snapshot()).toMatchObject({ state: 'open', size: 0 })
    },
  )

  test('or all that are known, where nothing is near', () => {
    expect(thrownBy(() => new Lifecycle({ xyz: 1 } as never)).message).toBe(
      "options has no option 'xyz'. Known are name, timeout, grace, order, kinds, leaks, clock.",
    )
    expect(thrownBy(() => new Lifecycle().close({ xyz: 1 } as never)).message).toBe(
      "close has no option 'xyz'. Known are reason, timeout, force.",
    )
  })

  test('and the name of what has one already is no option of it', () => {
    for (const method of ['scope', 'task', 'every', 'after'] as const) {
      const life = new Lifecycle()
      const error = thrownBy(() => registrations[method]?.(life, { name: 'other' }))
      expect(error).toMatchObject({ code: 'ERR_UNKNOWN_OPTION' })
      expect(life.snapshot().size).toBe(0)
    }
  })
})

test('the message says what was expected, what came, and how to mend it', () => {
  const life = new Lifecycle('app')
  const said = (attempt: () => unknown): string => thrownBy(attempt).message
  expect(said(() => new Lifecycle({ timeout: '5s' as never }))).toBe(
    "timeout must be a number of milliseconds, but got string '5s'.",
  )
  expect(said(() => new Lifecycle({ timeout: Number.POSITIVE_INFINITY }))).toBe(
    'timeout must be a number of milliseconds from 0 to 2147483647, but got number Infinity. Nothing here waits for ever: choose a limit.',
  )
  expect(said(() => new Lifecycle('a/b'))).toBe(
    "name must be a name without '/', but got string 'a/b'. Paths are made of names joined by it.",
  )
  expect(said(() => life.use({}))).toBe(
    'The disposer of the value must be a function, but got undefined. ' +
      "Say how it ends: use(value, { close: 'end', force: 'destroy' }), adopt(value, fn) or defer(fn).",
  )
  expect(said(() => life.defer(fn, { dependsOn: ['db'] }))).toBe(
    "options.dependsOn: /app holds nothing under the name 'db'. Register it first, in the same lifecycle.",
  )
  expect(said(() => life.defer({ a: { b: 1 } } as never))).toBe(
    'onDispose must be a function, but got object { a: [Object] }.',
  )
  expect(said(() => life.adopt(1, undefined as never))).toContain('onDispose must be a function, but got undefined')
})

test('a signal in the place of options is refused, since its mistake would go unseen', () => {
  expect(() => new Lifecycle().close(AbortSignal.abort() as never)).toThrow('Pass { signal }.')
})
