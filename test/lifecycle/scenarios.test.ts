/**
 * What other lifecycle libraries test, or were asked to mend, told again with ours. What holds in either order of closing
 * is in `scenarios-orders.test.ts`.
 *
 * | scenario | first seen in | here |
 * |---|---|---|
 * | T01 | fx, executes in order and in reverse order | what was opened first closes last |
 * | T02 | fx, an error halts the chain and rolls back | a step that fails … |
 * | T03 | fx, an error doesn't halt the chain, gathers all | every stop runs … |
 * | T04 | fx, start and stop errors | the error of the start … |
 * | T05 | fx, does nothing when not started, without hooks | ending what never began … |
 * | T07 | fx, stop while a step starts | a stop in the middle of a start … |
 * | T13 | Spring, smart lifecycle groups | phases are scopes … |
 * | T14 | Spring, mixed shutdown | what has no phase … |
 * | T15 | Spring, a dependency beats its phase | an edge is stronger … |
 * | T16 | Spring, failing bean | a step that fails … |
 * | T17 | Spring 28277 | a phase is over when the slowest … |
 * | T18 | Spring 33442 | a stop that throws at once … |
 * | T20 | .NET, callback order, callback occurs once | eleven callbacks … |
 * | T21 | .NET, stop phases exception | three stops that throw … |
 * | T22 | .NET, stop concurrently or not | of two in parallel … |
 * | T24 | Nest 14118 | a resource can use what it depends on … |
 * | T25 | Nest 17039 | of two siblings … |
 * | T26 | avvio, close order, async handlers | nested registrations … |
 * | T27 | avvio, close handles errors | the error reaches whoever disposes … |
 * | T28 | avvio 54, fastify preClose runs once | closing again … |
 * | T29 | avvio, async dispose; fastify, cannot be reopened | a lifecycle that has ended is not started again |
 * | T30 | lightship, error in a handler, shutdown many times | of two siblings …, closing again … |
 * | T31 | http-graceful-shutdown, finally and the first error | the last step runs …, closing again … |
 * | T32 | node-graceful-shutdown, cycles | two that wait for each other … |
 * | T58 | most: a hook added while stopping | what is registered while everything closes … |
 */
import { Lifecycle, type SuppressedError } from 'endswell'
import { describe, expect, test } from 'vitest'
import { Log, setUp, thrownBy, wait } from './stubs.ts'

/** Opens steps in order, rolling back what was opened when one fails, and hands the whole over. */
async function start(log: Log, steps: readonly string[], broken?: string): Promise<Lifecycle> {
  await using life = new Lifecycle('app')
  for (const step of steps) {
    await life.acquire(
      step,
      async () => {
        log.at(`start ${step}`)()
        if (step === broken) throw new Error(`${step} is broken`)
      },
      log.at(`stop ${step}`),
    )
  }
  return life.move()
}

describe('start and stop', () => {
  test('what was opened first closes last', async () => {
    const log = new Log()
    const life = await start(log, ['a', 'b', 'c'])
    await life.close()
    expect(log.lines).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a'])
  })

  test('a step that fails stops those before it, once, newest first; its own stop and the later steps never run', async () => {
    const log = new Log()
    await expect(start(log, ['a', 'b', 'c', 'd'], 'c')).rejects.toThrow('c is broken')
    expect(log.lines).toEqual(['start a', 'start b', 'start c', 'stop b', 'stop a'])
  })

  test('the error of the start is the one that the rollback’s hides, and both are there', async () => {
    const rollback = new Error('rollback')
    const begin = async (): Promise<void> => {
      await using life = new Lifecycle()
      life.defer(() => Promise.reject(rollback))
      throw new Error('start')
    }
    const error: SuppressedError = await begin().then(
      () => Promise.reject(new Error('it started')),
      (reason) => reason,
    )
    // By its name: where the engine has no `await using`, the compiler brings a class of its own.
    expect(error).toMatchObject({ name: 'SuppressedError', error: rollback, suppressed: { message: 'start' } })
  })

  test('a stop in the middle of a start stops what had started once, and releases what arrives late', async () => {
    const { clock, log, life } = setUp()
    await life.acquire('a', async () => log.at('start a')(), log.at('stop a'))
    const second = life.acquire('b', () => wait(clock, 50, 'b'), log.at('stop b')).catch((error) => error.code)
    await clock.advance(10)
    const closing = life.close()
    expect(() => life.acquire('c', log.at('start c'), () => {})).toThrow(ReferenceError)
    await clock.advance(50)
    await closing
    expect(await second).toBe('ERR_CLOSED')
    expect(log.lines).toEqual(['start a', 'stop b', 'stop a'])
  })

  test('ending what never began, or failed to, does nothing and does not throw', async () => {
    const log = new Log()
    const empty = new Lifecycle()
    await empty.disposeAsync()
    expect((await empty.close()).rows).toEqual([])
    await start(log, ['a'], 'a').catch(() => {})
    expect(log.lines).toEqual(['start a'])
    const life = new Lifecycle()
    life.use(null)
    life.use(undefined)
    expect(await life.close()).toMatchObject({ complete: true, rows: [] })
  })

  test('a lifecycle that has ended is not started again: that throws, and a new one takes its place', async () => {
    const { life, log } = setUp()
    life.defer(log.at('stop'))
    await life.disposeAsync()
    const error = thrownBy(() => life.defer(() => {}))
    expect(error.constructor).toBe(ReferenceError)
    expect(error.message).toContain('/app is closed')
    const again = new Lifecycle('app')
    again.defer(log.at('stop again'))
    await again.close()
    expect(log.lines).toEqual(['stop', 'stop again'])
  })
})

describe('phases are scopes', () => {
  const names = ['min', 'minus one', 'zero', 'one', 'two', 'three', 'max'] as const
  function setUpPhases(order: 'reverse' | 'parallel' = 'parallel') {
    const { life, ...more } = setUp()
    const phases = Object.fromEntries(names.map((name) => [name, life.scope(name, { order })])) as Record<
      (typeof names)[number],
      Lifecycle
    >
    return { life, phases, ...more }
  }

  test('that stop from the highest down, whatever was registered first, and however long each takes', async () => {
    const { clock, log, phases, close } = setUpPhases()
    const members = [
      ['two', 30],
      ['max', 300],
      ['one', 5],
      ['three', 1],
      ['two', 1],
      ['three', 200],
      ['one', 50],
    ] as const
    for (const [phase, ms] of members) {
      phases[phase].defer(async () => {
        await wait(clock, ms)
        log.at(phase)()
      })
    }
    await close()
    expect(log.lines).toEqual(['max', 'three', 'three', 'two', 'two', 'one', 'one'])
  })

  test('and what has no phase belongs to the one that is open', async () => {
    const { life, log, phases, close } = setUpPhases()
    for (const name of ['max', 'one', 'minus one', 'min'] as const) phases[name].defer(log.at(name))
    phases.zero.defer(log.at('zero'))
    phases.zero.defer(log.at('zero too'))
    life.defer(log.at('above all'))
    await close()
    expect(log.lines).toEqual(['above all', 'max', 'one', 'zero too', 'zero', 'minus one', 'min'])
  })

  test('a phase is over when the slowest in it has stopped, also where one in another phase depends on it', async () => {
    const { clock, life, close } = setUp()
    const log = new Log()
    life.defer(log.lasting('low', clock, 10), { name: 'low' })
    const phase = life.scope('phase', { order: 'parallel' })
    phase.defer(log.lasting('slow', clock, 3_000))
    phase.defer(log.lasting('quick', clock, 10))
    life.defer(log.lasting('dependant', clock, 500), { dependsOn: ['phase', 'low'] })
    await close()
    expect(log.lines).toEqual(['dependant', 'dependant.', 'quick', 'slow', 'quick.', 'slow.', 'low', 'low.'])
  })

  test('a stop that throws at once ends its phase at once, not when its time is over', async () => {
    for (const broken of [
      () => {
        throw new Error('no')
      },
      () => Promise.reject(new Error('no')),
    ]) {
      const { log, phases, close } = setUpPhases()
      phases.three.defer(broken)
      phases.two.defer(log.at('two'))
      const { ms, counts } = await close()
      expect({ ms, counts }).toEqual({ ms: 0, counts: { closed: 1, forced: 0, failed: 1, abandoned: 0 } })
      expect(log.lines).toEqual(['two'])
    }
  })

  test.each([
    ['a dependency is registered last', ['web', 'db'], { db: { requiredBy: ['web'] } }],
    ['a dependant is registered first of many', ['web', 'x', 'y', 'db'], { db: { requiredBy: ['web'] } }],
    ['a dependant is last', ['db', 'x', 'web'], { web: { last: true, dependsOn: ['db'] } }],
  ])('an edge is stronger than the place: %s', async (_how, order, edges: Record<string, object>) => {
    const { log, life, close } = setUp()
    for (const name of order) life.defer(log.at(name), { name, ...edges[name] })
    await close()
    expect(log.lines.indexOf('web')).toBeLessThan(log.lines.indexOf('db'))
    expect(log.lines).toHaveLength(order.length)
  })
})

test('nested registrations stop after what was registered later, one strictly after another, in depth', async () => {
  const { clock, life, log, close } = setUp()
  const add = (scope: Lifecycle, name: string, ms: number): void =>
    scope.defer(ms === 0 ? log.at(name) : log.lasting(name, clock, ms))
  add(life, '6', 500)
  const one = life.scope('one')
  add(one, '5', 0)
  const two = one.scope('two')
  add(two, '4', 500)
  add(two, '3', 0)
  add(one, '2', 500)
  add(life, '1', 0)
  await close()
  expect(log.lines).toEqual(['1', '2', '2.', '3', '4', '4.', '5', '6', '6.'])
})

test('the error reaches whoever disposes, and the report, from however deep', async () => {
  const { life, close } = setUp()
  const error = new Error('deep')
  const deepest = life.scope('one').scope('two').scope('three')
  deepest.defer(() => Promise.reject(error))
  expect((await close()).rows).toMatchObject([{ path: '/app/one/two/three/callback#1', error }])
  const other = new Lifecycle()
  other
    .scope('one')
    .scope('two')
    .defer(() => Promise.reject(error))
  await expect(other.disposeAsync()).rejects.toBe(error)
})

test('two that wait for each other, and one that waits for itself, are refused when they are registered', async () => {
  const { life, log, close } = setUp()
  life.defer(log.at('a'), { name: 'a' })
  expect(thrownBy(() => life.defer(log.at('b'), { name: 'b', dependsOn: ['a'], requiredBy: ['a'] }))).toMatchObject({
    code: 'ERR_CYCLE',
    message: expect.stringContaining('b → a → b'),
  })
  const self = {}
  expect(thrownBy(() => life.use(self, { close: log.at('self'), dependsOn: [self] })).code).toBe('ERR_CYCLE')
  expect(thrownBy(() => life.defer(log.at('c'), { dependsOn: ['nobody'] })).code).toBe('ERR_UNKNOWN_RESOURCE')
  await close()
  expect(log.lines).toEqual(['a'])
})
