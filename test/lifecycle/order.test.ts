import { Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'
import { Log, never, thrownBy } from './stubs.ts'

type Order = 'reverse' | 'parallel'
const orders: readonly Order[] = ['reverse', 'parallel']

function setUp(order: Order = 'reverse') {
  const clock = new FakeClock()
  const log = new Log()
  const life = new Lifecycle({ name: 'orders', order, clock })
  /** Registers one that takes 10 ms to close. */
  const add = (name: string, options: Parameters<Lifecycle['defer']>[1] = {}): void =>
    life.defer(log.lasting(name, clock, 10), { name, ...options })
  const close = async (): Promise<readonly string[]> => {
    const closing = life.close()
    await clock.advance(1_000)
    expect(await closing).toMatchObject({ complete: true })
    expect(clock.pending).toBe(0)
    return log.lines
  }
  return { clock, log, life, add, close }
}

test('in reverse order the newest closes first, and each begins when the one before has ended', async () => {
  const { add, close } = setUp()
  for (const name of ['a', 'b', 'c']) add(name)
  expect(await close()).toEqual(['c', 'c.', 'b', 'b.', 'a', 'a.'])
})

test('in parallel order all begin before any ends', async () => {
  const { add, close } = setUp('parallel')
  for (const name of ['a', 'b', 'c']) add(name)
  expect(await close()).toEqual(['c', 'b', 'a', 'c.', 'b.', 'a.'])
})

test('a scope does not inherit the parallel order', async () => {
  const { life, log, clock, close } = setUp('parallel')
  const scope = life.scope('inside')
  scope.defer(log.lasting('a', clock, 10))
  scope.defer(log.lasting('b', clock, 10))
  expect(await close()).toEqual(['b', 'b.', 'a', 'a.'])
})

describe.each(orders)('in %s order', (order) => {
  test('a resource closes after one that depends on it, by name', async () => {
    const { add, close } = setUp(order)
    add('db')
    add('api', { dependsOn: ['db'] })
    expect(await close()).toEqual(['api', 'api.', 'db', 'db.'])
  })

  test('a resource closes before one that it is required by, although it is newer', async () => {
    const { add, close } = setUp(order)
    add('api')
    add('db', { requiredBy: ['api'] })
    expect(await close()).toEqual(['api', 'api.', 'db', 'db.'])
  })

  test('edges join what was registered, by value', async () => {
    const { life, log, clock, close } = setUp(order)
    const api = { [Symbol.asyncDispose]: log.lasting('api', clock, 10) }
    life.use(api)
    life.adopt({}, log.lasting('db', clock, 10), { requiredBy: [api] })
    expect(await close()).toEqual(['api', 'api.', 'db', 'db.'])
  })

  test('a value that is used twice stands for all its entries', async () => {
    const { life, log, clock, close } = setUp(order)
    const api = { [Symbol.asyncDispose]: log.lasting('api', clock, 10) }
    life.use(api)
    life.use(api)
    life.defer(log.lasting('db', clock, 10), { requiredBy: [api] })
    expect((await close()).slice(-2)).toEqual(['db', 'db.'])
  })

  test('a chain of dependants closes from its far end, and the rest keeps its order', async () => {
    const { add, close } = setUp(order)
    add('c')
    add('b', { requiredBy: ['c'] })
    add('a', { requiredBy: ['b'] })
    add('z')
    const lines = await close()
    const ends = lines.filter((line) => !line.endsWith('.'))
    expect(ends).toEqual(['z', 'c', 'b', 'a'])
    expect(lines.indexOf('b')).toBeGreaterThan(lines.indexOf('c.'))
    expect(lines.indexOf('a')).toBeGreaterThan(lines.indexOf('b.'))
  })

  test('a resource that two depend on waits for both', async () => {
    const { add, close } = setUp(order)
    add('one')
    add('two')
    add('db', { requiredBy: ['one', 'two'] })
    expect((await close()).slice(-2)).toEqual(['db', 'db.'])
  })

  test('what is last comes after all others, newest first', async () => {
    const { add, close } = setUp(order)
    add('a')
    add('logger', { last: true })
    add('telemetry', { last: true })
    add('b')
    const lines = await close()
    expect(lines.slice(4).filter((line) => !line.endsWith('.'))).toEqual(['telemetry', 'logger'])
    expect(lines.indexOf('telemetry')).toBeGreaterThan(lines.indexOf('a.'))
  })

  test('an edge is stronger than last: what a last one depends on waits for it', async () => {
    const { add, close } = setUp(order)
    add('disk')
    add('logger', { last: true, dependsOn: ['disk'] })
    add('api')
    expect(await close()).toEqual(['api', 'api.', 'logger', 'logger.', 'disk', 'disk.'])
  })

  test('what had to wait for a last one comes before the others that are last', async () => {
    const { add, close } = setUp(order)
    add('disk')
    add('telemetry', { last: true })
    add('logger', { last: true, dependsOn: ['disk'] })
    add('console', { last: true, requiredBy: ['logger'] })
    const begun = (await close()).filter((line) => !line.endsWith('.'))
    expect(begun).toEqual(
      order === 'reverse' ? ['logger', 'disk', 'console', 'telemetry'] : ['logger', 'telemetry', 'disk', 'console'],
    )
  })

  test('an edge between two that are last holds among them', async () => {
    const { add, close } = setUp(order)
    add('logger', { last: true })
    add('disk', { last: true, requiredBy: ['logger'] })
    add('api')
    expect(await close()).toEqual(['api', 'api.', 'logger', 'logger.', 'disk', 'disk.'])
  })

  test('a scope, a task and a timer can be joined by edges too', async () => {
    const { life, log, clock, add, close } = setUp(order)
    life.scope('jobs').defer(log.lasting('job', clock, 10))
    void life.task(
      'work',
      (signal) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
    )
    life.every('tick', 50, () => {})
    add('db', { requiredBy: ['jobs', 'work', 'tick'] })
    expect(await close()).toEqual(['job', 'job.', 'db', 'db.'])
  })

  test('what a released one was needed by is free when that has ended', async () => {
    const { life, clock, add, log, close } = setUp(order)
    add('api')
    add('db', { requiredBy: ['api'] })
    add('z')
    const released = life.release('api')
    await clock.advance(10)
    expect(await released).toBe('closed')
    expect((await close()).slice(2).filter((line) => !line.endsWith('.'))).toEqual(['z', 'db'])
    expect(log.lines).toHaveLength(6)
  })

  test('what a forgotten one was needed by is free, also while everything closes', async () => {
    const { life, add, close, log } = setUp(order)
    add('api')
    add('db', { requiredBy: ['api'] })
    life.defer(() => void life.forget('api'))
    expect(await close()).toEqual(order === 'reverse' ? ['db', 'db.'] : expect.arrayContaining(['db', 'db.']))
    expect(log.lines).toContain('db.')
  })

  test('a dependant that hangs holds its dependency only until it is given up', async () => {
    const { life, add, clock, log } = setUp(order)
    life.defer(never, { name: 'api', grace: 100 })
    add('db', { requiredBy: ['api'] })
    const closing = life.close()
    await clock.advance(99)
    expect(log.lines).toEqual([])
    await clock.advance(11)
    expect(log.lines).toEqual(['db', 'db.'])
    expect((await closing).counts).toEqual({ closed: 1, forced: 0, failed: 0, abandoned: 1 })
    expect(clock.pending).toBe(0)
  })
})

test('phases: edges order them whatever the order of registration, and each waits for the slowest of the one above', async () => {
  const { life, clock, log, close } = setUp('parallel')
  const phases = ['max', 'three', 'two', 'one']
  const members: Record<string, string[]> = { max: [], three: [], two: [], one: [] }
  const durations = [30, 5, 20, 1, 10, 2, 15]
  const registered = ['two', 'max', 'three', 'one', 'two', 'three', 'one']
  registered.forEach((phase, at) => {
    const name = `${phase}-${at}`
    const above = phases.slice(0, phases.indexOf(phase)).flatMap((each) => members[each] ?? [])
    const below = phases.slice(phases.indexOf(phase) + 1).flatMap((each) => members[each] ?? [])
    life.defer(log.lasting(name, clock, durations[at] ?? 0), { name, requiredBy: above, dependsOn: below })
    members[phase]?.push(name)
  })
  const lines = (await close()).map((line) => line.replace(/-\d/, ''))
  expect(lines).toEqual([
    'max',
    'max.',
    'three',
    'three',
    'three.',
    'three.',
    'two',
    'two',
    'two.',
    'two.',
    'one',
    'one',
    'one.',
    'one.',
  ])
})

describe('resources that would wait for one another are refused when they are registered', () => {
  test('the error names every member, in order', () => {
    const { life, add } = setUp()
    add('a')
    add('b', { dependsOn: ['a'] })
    add('c', { dependsOn: ['b'] })
    const error = thrownBy(() => add('d', { dependsOn: ['c'], requiredBy: ['a'] }))
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ code: 'ERR_CYCLE', message: expect.stringContaining('d → c → b → a → d') })
    expect(life.snapshot().size).toBe(3)
  })

  test('two of them', () => {
    const { add } = setUp()
    add('a')
    expect(thrownBy(() => add('b', { dependsOn: ['a'], requiredBy: ['a'] }))).toMatchObject({ code: 'ERR_CYCLE' })
  })

  test.each(['dependsOn', 'requiredBy'])('one that names itself in %s', (option) => {
    const { life } = setUp()
    const value = { [Symbol.dispose]: () => {} }
    expect(thrownBy(() => life.use(value, { [option]: [value] }))).toMatchObject({ code: 'ERR_CYCLE' })
    const fn = Object.assign(() => {}, value)
    expect(thrownBy(() => life.use(fn, { [option]: [fn] }))).toMatchObject({ code: 'ERR_CYCLE' })
    expect(thrownBy(() => life.defer(() => {}, { name: 'a', [option]: ['a'] }))).toMatchObject({
      code: 'ERR_UNKNOWN_RESOURCE',
    })
    expect(life.snapshot().size).toBe(0)
  })

  test('nothing has changed by the attempt: the edges of the others are as before', async () => {
    const { add, close } = setUp('parallel')
    add('a')
    add('b', { dependsOn: ['a'] })
    expect(() => add('c', { dependsOn: ['b'], requiredBy: ['a'] })).toThrow()
    expect(await close()).toEqual(['b', 'b.', 'a', 'a.'])
  })

  test('a long chain is searched without a stack', () => {
    const life = new Lifecycle({ leaks: 'off' })
    life.defer(() => {}, { name: 'n0' })
    for (let at = 1; at <= 10_000; at += 1) life.defer(() => {}, { name: `n${at}`, dependsOn: [`n${at - 1}`] })
    const last = { name: 'end', dependsOn: ['n10000'], requiredBy: ['n0'] }
    expect(thrownBy(() => life.defer(() => {}, last))).toMatchObject({ code: 'ERR_CYCLE' })
  })
})

test('a random order of edges is kept for ten thousand resources', async () => {
  const life = new Lifecycle({ leaks: 'off' })
  const closed: number[] = []
  const edges: (readonly [number, number])[] = []
  const values: object[] = []
  for (let at = 0; at < 10_000; at += 1) {
    const other = values[(at * 7_919) % (at || 1)]
    const way =
      other === undefined ? {} : at % 3 === 0 ? { requiredBy: [other] } : at % 3 === 1 ? { dependsOn: [other] } : {}
    if ('requiredBy' in way) edges.push([(at * 7_919) % at, at])
    if ('dependsOn' in way) edges.push([at, (at * 7_919) % at])
    values.push(life.adopt({}, () => void closed.push(at), way))
  }
  await life.close()
  const turn = new Map(closed.map((at, when) => [at, when]))
  expect(closed).toHaveLength(10_000)
  for (const [before, later] of edges) expect(turn.get(before)).toBeLessThan(turn.get(later) ?? -1)
})
