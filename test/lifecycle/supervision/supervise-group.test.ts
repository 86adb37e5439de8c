import { inspect } from 'node:util'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { Lifecycle } from '../../../src/index.ts'
import type { Strategy } from '../../../src/lifecycle/supervision/restart.ts'
import { type SupervisedGroup, superviseGroup } from '../../../src/lifecycle/supervision/supervise-group.ts'
import type { GroupPolicy, MemberPolicy } from '../../../src/lifecycle/supervision/supervise-policy.ts'
import { FakeClock } from '../../../src/testing/index.ts'
import { never, thrownBy, wait } from '../stubs.ts'
import { Actor, nothing, setUp } from './supervise-stubs.ts'

const names = ['a', 'b', 'c'] as const
type Name = (typeof names)[number]

/** A group of three, each of which takes 10 ms to be ready and 20 to close, and what happens to it. */
function groupOf(policy: GroupPolicy = {}, own: Partial<Record<Name, MemberPolicy<unknown>>> = {}) {
  const world = setUp({ grace: 100 })
  const { clock, life } = world
  const log: string[] = []
  const actors = { a: new Actor(), b: new Actor(), c: new Actor() }
  const member = (name: Name) => ({
    start: (scope: Parameters<Actor['start']>[0]) => {
      log.push(`${clock.now()} +${name}`)
      scope.defer(async () => {
        await wait(clock, 20)
        log.push(`${clock.now()} -${name}`)
      })
      return actors[name].start(scope)
    },
    readyWhen: () => wait(clock, 10),
    backoff: { first: 200, jitter: 0 },
    ...own[name],
  })
  const group = superviseGroup(life, 'group', { a: member('a'), b: member('b'), c: member('c') }, policy)
  const states = () => names.map((name) => group.members[name].state)
  const close = async () => {
    const closing = life.close()
    await clock.advance(1_000)
    return await closing
  }
  return { ...world, group, actors, log, states, close }
}

test('its members start in order, each when the one before is ready, and end in reverse', async () => {
  const { clock, log, group, states, close, left, changes } = groupOf()
  expect(group.path).toBe('/app/group')
  expect(group.members.b).toMatchObject({ path: '/app/group/b', state: 'starting', incarnation: 0 })
  const ready = group.ready()
  await clock.advance(20)
  expect([states(), group.state]).toEqual([['ready', 'ready', 'starting'], 'starting'])
  await clock.advance(10)
  expect([states(), group.state]).toEqual([['ready', 'ready', 'ready'], 'ready'])
  await ready
  expect(changes().slice(0, 3)).toEqual(['group/a 1 starting', 'group/a 1 ready', 'group/b 1 starting'])
  await close()
  expect(log).toEqual(['0 +a', '10 +b', '20 +c', '50 -c', '70 -b', '90 -a'])
  expect(await group.ended).toEqual({ state: 'stopped', cause: undefined })
  expect(left()).toEqual(nothing)
})

test('stop() ends all of them in reverse', async () => {
  const { clock, log, group, states, left, life } = groupOf()
  await clock.advance(30)
  const stopped = group.stop()
  expect(group.state).toBe('stopping')
  await clock.advance(60)
  await stopped
  expect([states(), group.state]).toEqual([['stopped', 'stopped', 'stopped'], 'stopped'])
  expect(log.slice(3)).toEqual(['50 -c', '70 -b', '90 -a'])
  await expect(group.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  expect(left()).toEqual(nothing)
  expect(life.state).toBe('open')
})

test.each<[Strategy, Name, string[]]>([
  ['one_for_one', 'b', ['120 -b', '320 +b']],
  ['one_for_all', 'b', ['120 -c', '120 -b', '140 -a', '340 +a', '350 +b', '360 +c']],
  ['one_for_all', 'a', ['120 -c', '120 -a', '140 -b', '340 +a', '350 +b', '360 +c']],
  ['rest_for_one', 'a', ['120 -c', '120 -a', '140 -b', '340 +a', '350 +b', '360 +c']],
  ['rest_for_one', 'b', ['120 -c', '120 -b', '320 +b', '330 +c']],
  ['rest_for_one', 'c', ['120 -c', '320 +c']],
])('%s: the end of %s takes those with it that belong to it, in reverse, and begins them in order', async (...row) => {
  const [strategy, name, expected] = row
  const { clock, log, group, actors, close, states, left } = groupOf({ strategy })
  await clock.advance(100)
  actors[name].last.crash()
  await clock.advance(300)
  expect(log.slice(3).toSorted()).toEqual(expected.toSorted())
  expect([states(), group.state]).toEqual([['ready', 'ready', 'ready'], 'ready'])
  const counts = names.map((each) => [group.members[each].incarnation - 1, group.members[each].restarts])
  const begun = names.map((each) => [Number(expected.some((line) => line.endsWith(`+${each}`))), Number(each === name)])
  expect(counts).toEqual(begun)
  await close()
  expect(left()).toEqual(nothing)
})

test('one that comes down while others wait takes its own along, and the wait is its own', async () => {
  const { clock, log, actors, states, close } = groupOf(
    { strategy: 'rest_for_one' },
    { c: { backoff: { first: 5_000, jitter: 0, max: 5_000 } } },
  )
  await clock.advance(100)
  actors.c.last.crash()
  await clock.advance(50)
  expect(states()).toEqual(['ready', 'ready', 'backing-off'])
  actors.b.last.crash()
  await clock.advance(20)
  expect(states()).toEqual(['ready', 'backing-off', 'backing-off'])
  await clock.advance(210)
  expect(states()).toEqual(['ready', 'ready', 'starting'])
  expect(log.slice(3)).toEqual(['120 -c', '170 -b', '370 +b', '380 +c'])
  await close()
})

test('one that fails before it is ready, while those behind it wait for their turn, begins again before they do', async () => {
  const { clock, log, actors, states, close, group } = groupOf({ strategy: 'one_for_all' })
  await clock.advance(5)
  actors.a.last.crash()
  await clock.advance(20)
  expect([states(), group.state]).toEqual([['backing-off', 'starting', 'starting'], 'backing-off'])
  await clock.advance(300)
  expect(log).toEqual(['0 +a', '25 -a', '225 +a', '235 +b', '245 +c'])
  expect(states()).toEqual(['ready', 'ready', 'ready'])
  await close()
})

test('with one_for_one, one that is down does not keep others from coming back', async () => {
  const { clock, actors, states, close } = groupOf({}, { a: { backoff: { first: 5_000, max: 5_000 } } })
  await clock.advance(100)
  actors.a.last.crash()
  actors.b.last.crash()
  await clock.advance(240)
  expect(states()).toEqual(['backing-off', 'ready', 'ready'])
  await close()
})

test('the intensity counts for all of them, and giving up ends all of them', async () => {
  const { clock, actors, group, states, left, life, events } = groupOf({ intensity: { max: 1, period: 10_000 } })
  await clock.advance(100)
  actors.a.last.crash()
  await clock.advance(1_000)
  actors.c.last.crash('why')
  await clock.advance(100)
  expect([states(), group.state]).toEqual([['stopped', 'stopped', 'failed'], 'failed'])
  expect(await group.ended).toEqual({ state: 'failed', cause: 'why' })
  await expect(group.ready()).rejects.toMatchObject({ code: 'ERR_GAVE_UP', path: '/app/group/c', cause: 'why' })
  expect(events.filter(({ state }) => state === 'failed')).toMatchObject([{ path: '/app/group/c', cause: 'why' }])
  expect(left()).toEqual(nothing)
  expect(life.state).toBe('open')
})

test('giving up starts the shutdown with { fatal }', async () => {
  const { clock, actors, life, left } = groupOf({ intensity: { max: 0 }, fatal: true })
  await clock.advance(100)
  actors.b.last.crash()
  await clock.advance(100)
  expect(life.state).toBe('closed')
  expect(left()).toEqual(nothing)
})

test('one whose end is for good counts as there, and is not begun again with the others', async () => {
  const { clock, actors, group, states, close } = groupOf(
    { strategy: 'one_for_all' },
    { a: { restart: 'transient' }, b: { restart: 'temporary' } },
  )
  await clock.advance(5)
  actors.a.last.end()
  await clock.advance(100)
  expect(states()).toEqual(['stopped', 'ready', 'ready'])
  await group.ready()
  // One that is temporary is ended along with the others, and that is it.
  actors.c.last.crash()
  await clock.advance(300)
  expect(states()).toEqual(['stopped', 'stopped', 'ready'])
  expect(group.members.b.incarnation).toBe(1)
  await close()
})

test('it is over when all of them have ended for good', async () => {
  const { clock, actors, group, left } = groupOf(
    {},
    { a: { restart: 'temporary' }, b: { restart: 'temporary' }, c: { restart: 'temporary' } },
  )
  await clock.advance(100)
  for (const name of names) actors[name].last.end()
  await clock.advance(20)
  expect(await group.ended).toMatchObject({ state: 'stopped' })
  expect(left()).toEqual(nothing)
})

test('a member can be stopped for good, and the others go on', async () => {
  const { clock, group, states, close } = groupOf({ strategy: 'one_for_all' })
  await clock.advance(100)
  const stopped = group.members.b.stop()
  await clock.advance(20)
  await stopped
  expect([states(), group.state]).toEqual([['ready', 'stopped', 'ready'], 'ready'])
  await close()
})

test.each<[Strategy, string[]]>([
  ['one_for_one', ['120 -b', '120 +b']],
  ['one_for_all', ['120 -c', '140 -b', '160 -a', '160 +a', '170 +b', '180 +c']],
  ['rest_for_one', ['120 -c', '140 -b', '140 +b', '150 +c']],
])('%s: a member that is restarted takes its own along, without a wait', async (strategy, expected) => {
  const { clock, group, log, close } = groupOf({ strategy, intensity: { max: 0 } })
  await clock.advance(100)
  const restarted = group.members.b.restart()
  await clock.advance(100)
  await restarted
  expect(log.slice(3)).toEqual(expected)
  expect(group.state).toBe('ready')
  await close()
})

test('giving up is told of, also where nobody listens and nothing is left to close', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock })
  const actor = new Actor()
  const members = { a: { start: actor.start }, b: { start: new Actor().start } }
  const group = superviseGroup(life, 'group', members, { intensity: { max: 0 } })
  void actor.last.scope.close()
  expect(await group.ended).toMatchObject({ state: 'failed' })
  expect(await group.members.a.ended).toMatchObject({ state: 'failed' })
  expect(group.state).toBe('failed')
  await life.close()
})

test('what can’t be ended takes all of them down', async () => {
  const { clock, group, actors, left } = groupOf()
  await clock.advance(100)
  actors.a.last.scope.defer(never)
  void group.members.a.restart()
  await clock.advance(300)
  expect(await group.ended).toMatchObject({ state: 'failed', cause: { code: 'ERR_ABANDONED' } })
  expect(left()).toEqual(nothing)
})

test('a lifecycle that begins to close lets none of them begin again, whatever they wait for', async () => {
  for (const strategy of ['one_for_one', 'one_for_all', 'rest_for_one'] as const) {
    for (const after of [5, 15, 100, 110, 130, 250]) {
      const { clock, life, group, actors, left, states } = groupOf({ strategy })
      await clock.advance(Math.min(after, 100))
      if (after > 100) actors.b.last.crash()
      await clock.advance(Math.max(0, after - 100))
      life.defer(() => wait(clock, 70))
      const closing = life.close()
      const begun = names.map((name) => actors[name].lives.length)
      await clock.advance(1_000)
      expect((await closing).counts).toMatchObject({ forced: 0, failed: 0, abandoned: 0 })
      expect(names.map((name) => actors[name].lives.length)).toEqual(begun)
      expect(states()).toEqual(['stopped', 'stopped', 'stopped'])
      expect(group.state).toBe('stopped')
      expect(left()).toEqual(nothing)
    }
  }
})

test('once a lifecycle around it begins to close, whoever asks for what is not ready is told so at once', async () => {
  const { clock, life, group, left } = groupOf()
  life.defer(() => wait(clock, 70))
  const waiting = group.ready().catch(({ code }) => code)
  const closing = life.close()
  expect(await waiting).toBe('ERR_CLOSED')
  expect(clock.now()).toBe(0)
  expect(group.state).toBe('starting')
  await expect(group.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED', message: expect.stringContaining('closing') })
  await expect(group.members.a.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  await clock.advance(1_000)
  await closing
  await expect(group.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  expect(left()).toEqual(nothing)
})

test('one that is ready stays so until its turn to close has come', async () => {
  const { clock, life, group } = groupOf()
  await clock.advance(100)
  life.defer(() => wait(clock, 70))
  const closing = life.close()
  await group.ready()
  await clock.advance(80)
  await expect(group.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  await clock.advance(100)
  await closing
})

test('disposing of it stops all of them, and it shows where it stands', async () => {
  const { life, left } = setUp()
  const actor = new Actor()
  {
    await using group = superviseGroup(life, 'group', { a: { start: actor.start } })
    expect(inspect(group)).toBe('SupervisedGroup /app/group: ready')
  }
  expect(actor.living).toBe(0)
  expect(left()).toEqual(nothing)
})

test('a start may end those behind it, which then never begin', async () => {
  for (const all of [true, false]) {
    const { clock, life } = setUp()
    const [first, second] = [new Actor(), new Actor()]
    const group: SupervisedGroup<'first' | 'second'> = superviseGroup(
      life,
      'group',
      {
        first: {
          start: (scope) => {
            if (first.lives.length > 0) void (all ? group : group.members.second).stop()
            return first.start(scope)
          },
        },
        second: { start: second.start },
      },
      { strategy: 'one_for_all' },
    )
    expect(group.state).toBe('ready')
    first.last.crash()
    await clock.advance(1_000)
    expect([first.lives.length, second.lives.length]).toEqual([2, 1])
    expect(group.members.second.incarnation).toBe(1)
    expect(group.state).toBe(all ? 'stopped' : 'ready')
    await life.close()
  }
})

test('it knows its members by name, and what each ends with', () => {
  const { life } = setUp()
  const group = superviseGroup(life, 'group', {
    number: { start: async () => 7, isNormal: (value) => value > 3 },
    text: { start: () => 'x', giveUpWhen: ({ value }) => value?.startsWith('y') ?? false },
  })
  expectTypeOf(group).toEqualTypeOf<SupervisedGroup<'number' | 'text'>>()
  expect(Object.keys(group.members)).toEqual(['number', 'text'])
  return life.close()
})

describe('the door', () => {
  const start = () => {}
  test.each(['/app/group', '/app/group/a', '/app/group/b'])(
    'is shut where whoever hears of %s closes all of it: nothing has begun',
    async (at) => {
      const { life, left } = setUp()
      const actor = new Actor()
      life.subscribe(({ type, path }) => {
        if (type === 'resource.created' && path === at) void life.close()
      })
      const members = { a: { start: actor.start }, b: { start: actor.start } }
      expect(thrownBy(() => superviseGroup(life, 'group', members)).code).toBe('ERR_CLOSED')
      await life.close()
      expect(actor.lives).toEqual([])
      expect(left()).toEqual(nothing)
    },
  )

  test.each<[unknown, unknown, string, string]>([
    [7, {}, 'TypeError', 'members must be an object'],
    [[{ start }], {}, 'TypeError', 'members must be an object of names'],
    [{}, {}, 'RangeError', 'members must be at least one'],
    [{ 1: { start } }, {}, 'RangeError', 'a name that is no number'],
    [{ 'a/b': { start } }, {}, 'RangeError', "a name without '/'"],
    [{ a: start }, {}, 'TypeError', 'members.a must be an object'],
    [{ a: {} }, {}, 'TypeError', 'members.a.start must be a function'],
    [{ a: { start, fatal: true } }, {}, 'TypeError', "members.a has no option 'fatal'"],
    [{ a: { start, restart: 'never' } }, {}, 'RangeError', 'members.a.restart'],
    [{ a: { start } }, { strategy: 'all' }, 'RangeError', "'one_for_one', 'one_for_all', 'rest_for_one'"],
    [{ a: { start } }, { restart: 'permanent' }, 'TypeError', "policy has no option 'restart'"],
    [{ a: { start } }, [], 'TypeError', 'policy must be an object of names'],
    [{ a: { start, backoff: null } }, {}, 'TypeError', 'members.a.backoff must be an object'],
    [{ a: { start } }, { grace: -1 }, 'RangeError', 'policy.grace'],
    [{ a: { start } }, { intensity: { max: -1 } }, 'RangeError', 'policy.intensity.max'],
  ])('refuses what it can’t keep to, before anything happens: %#', (members, policy, name, message) => {
    const { life, left } = setUp()
    const error = thrownBy(() => superviseGroup(life, 'group', members as never, policy as GroupPolicy))
    expect(error.name).toBe(name)
    expect(error.message).toContain(message)
    expect(left()).toEqual(nothing)
  })
})
