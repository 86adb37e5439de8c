import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/lifecycle/clock.ts'
import { killTree } from '../../src/process/kill-tree.ts'
import type { Root } from '../../src/process/tree/birth.ts'
import { Killing, type Manner } from '../../src/process/tree/killing.ts'
import { ProcessTree } from '../../src/process/tree/process-tree.ts'
import { lives, start } from '../fixtures/processes.ts'
import { until } from '../fixtures/until.ts'
import { type Fake, FakeTable, type Nature, type Place, settled, slowly } from './tree/fake-table.ts'
import { startEscaped } from './tree/start-escaped.ts'

const GRACE = 300
const REAP = 200

interface Ways extends Partial<Omit<Root, 'pid' | 'child'>> {
  readonly slow?: boolean
}

/** Kills a child of this process, or by its number. */
function kill(table: FakeTable, target: ReturnType<FakeTable['spawn']> | Fake, ways: Ways & Partial<Manner> = {}) {
  const { slow = false, marker, grouped, ...manner } = ways
  const root = 'child' in target ? { pid: target.fake.pid, child: target.child } : { pid: target.pid }
  const tree = new ProcessTree(slow ? slowly(table) : table, { ...root, marker, ...(grouped === false && { grouped }) })
  return new Killing(tree, { signal: 'SIGTERM', grace: GRACE, reap: REAP, clock: table.clock, ...manner })
}

/** Kills it, and lets all the time pass that this may take. */
async function ended(
  table: FakeTable,
  target: ReturnType<FakeTable['spawn']> | Fake,
  ways: Ways & Partial<Manner> = {},
) {
  const killing = kill(table, target, ways)
  await settled()
  await table.pass(GRACE + REAP + 100)
  return await killing.result
}

const pidsOf = (...all: readonly Fake[]) => all.map(({ pid }) => pid)

describe('who gets the gentle signal', () => {
  test.each(['session', undefined] as const)(
    'the target and those in its group, once each (leads a %s)',
    async (leads) => {
      const table = new FakeTable()
      const target = table.spawn({ obeys: 10, ...(leads && { leads }) })
      const inside = table.fork(target.fake, { obeys: 30 })
      const below = table.fork(inside, { obeys: 20 })
      const result = await ended(table, target)
      for (const each of [target.fake, inside, below]) expect(table.got(each)).toEqual(['SIGTERM'])
      expect(result).toMatchObject({
        outcome: 'closed',
        pids: pidsOf(target.fake, inside, below),
        forced: [],
        survivors: [],
        zombies: [],
        method: leads === undefined ? 'walk' : 'group',
      })
      expect(result.ms).toBeLessThan(60)
    },
  )

  test('is out before the call returns', () => {
    const table = new FakeTable()
    const target = table.spawn({ obeys: 10 })
    const below = table.fork(target.fake)
    kill(table, target)
    expect(table.hits.map(({ who }) => who)).toEqual([target.fake, below])
  })

  test.each(['group', 'session'] as const)(
    'not one whose parent put it in a %s of its own and lives',
    async (leads) => {
      const table = new FakeTable()
      const target = table.spawn({ leads: 'session', obeys: 100 })
      const nested = table.fork(target.fake, { leads, obeys: 10 })
      const killing = kill(table, target)
      await table.pass(90)
      expect(table.got(nested)).toEqual([])
      await table.pass(30)
      expect(table.got(nested)).toEqual(['SIGTERM'])
      await table.pass(100)
      expect(await killing.result).toMatchObject({ outcome: 'closed', pids: pidsOf(target.fake, nested) })
    },
  )

  test('not one that is started during the grace by a parent that lives: he is in the midst of ending it', async () => {
    const table = new FakeTable()
    const target = table.spawn({ leads: 'session', obeys: 200, forksWhenAsked: { obeys: 50 } })
    const killing = kill(table, target)
    await table.pass(190)
    const [late] = [...table.processes.values()].filter(({ parent }) => parent === target.fake.pid)
    if (late === undefined) throw new Error('it has forked')
    expect(table.got(late)).toEqual([])
    await table.pass(100)
    expect(table.got(late)).toEqual(['SIGTERM'])
    expect(await killing.result).toMatchObject({ outcome: 'closed' })
  })

  test('one that is stopped is woken, so that it can act on it', async () => {
    const table = new FakeTable()
    const target = table.spawn({ obeys: 10 })
    const below = table.fork(target.fake, { obeys: 10 })
    for (const each of [target.fake, below]) each.state = 'T'
    expect(await ended(table, target)).toMatchObject({ outcome: 'closed' })
    expect(table.got(below)).toEqual(['SIGTERM', 'SIGCONT'])
  })

  test('one that is stopped later is woken too', async () => {
    const table = new FakeTable()
    const target = table.spawn({ obeys: 100 })
    const killing = kill(table, target)
    target.fake.state = 'T'
    await table.pass(150)
    expect(await killing.result).toMatchObject({ outcome: 'closed' })
  })

  test('whatever it is called', async () => {
    const table = new FakeTable()
    const target = table.spawn({ obeys: 1 })
    await ended(table, target, { signal: 'SIGINT' })
    expect(table.got(target.fake)).toEqual(['SIGINT'])
  })
})

describe('whoever ignores it gets SIGKILL at the grace', () => {
  test.each([
    ['who leads a session', { leads: 'session' }],
    ['who leads a group', { leads: 'group' }],
    ['in our group', {}],
  ] satisfies [string, Place][])('also if the target was the first to go (%s)', async (_, place) => {
    const table = new FakeTable()
    const target = table.spawn({ obeys: 5, ...place })
    const inside = table.fork(target.fake)
    const elsewhere = table.fork(inside, { leads: 'session' })
    const killing = kill(table, target)
    await table.pass(GRACE - 1)
    expect([target.fake, inside, elsewhere].map((each) => table.lives(each))).toEqual([false, true, true])
    await table.pass(30)
    const result = await killing.result
    expect(result).toMatchObject({ outcome: 'forced', survivors: [], forced: pidsOf(inside, elsewhere) })
    expect([inside, elsewhere].some((each) => table.lives(each))).toBe(false)
    expect(result.ms).toBeGreaterThanOrEqual(GRACE)
  })

  test('all are stopped first, so that nobody forks behind our back', async () => {
    const table = new FakeTable()
    const target = table.spawn()
    const below = table.fork(target.fake)
    await ended(table, target, { grace: 0 })
    for (const each of [target.fake, below]) expect(table.got(each)).toEqual(['SIGSTOP', 'SIGKILL'])
  })

  test('at once where the signal is SIGKILL, or the grace 0', async () => {
    for (const manner of [{ signal: 'SIGKILL' }, { grace: 0 }] satisfies Partial<Manner>[]) {
      const table = new FakeTable()
      const killing = kill(table, table.spawn(), manner)
      await settled()
      await table.pass(10)
      expect(await killing.result).toMatchObject({ outcome: 'forced' })
    }
  })
})

describe('a target that is not there any more', () => {
  test('is closed, and nobody is signalled', async () => {
    const table = new FakeTable()
    const target = table.spawn()
    table.die(target.fake)
    for (const each of [target, target.fake])
      expect(await ended(table, each)).toMatchObject({ outcome: 'closed', pids: [], method: 'walk' })
    expect(table.hits).toEqual([])
  })

  test.each([true, false])('but whose group is, has that ended (a child: %s)', async (isChild) => {
    const table = new FakeTable()
    const target = table.spawn({ leads: 'session' })
    const below = table.fork(target.fake, { obeys: 10 })
    table.die(target.fake)
    const result = await ended(table, isChild ? target : target.fake)
    expect(result).toMatchObject({ outcome: 'closed', pids: pidsOf(below), method: 'group' })
  })

  test('has its number with a stranger: he is not hit', async () => {
    const table = new FakeTable()
    const target = table.spawn()
    const tree = new ProcessTree(table, { pid: target.fake.pid, child: target.child })
    table.die(target.fake)
    table.reuse(target.fake.pid)
    const killing = new Killing(tree, { signal: 'SIGKILL', grace: 0, reap: REAP, clock: table.clock })
    await settled()
    await table.pass(50)
    expect(await killing.result).toMatchObject({ outcome: 'closed', pids: [] })
    expect(await ended(table, target)).toMatchObject({ outcome: 'closed', pids: [] })
    expect(table.hits).toEqual([])
  })

  test('is a zombie that its parent never reads', async () => {
    const table = new FakeTable()
    const parent = table.fork(table.get(1), { neglects: true })
    const target = table.fork(parent, { leads: 'session' })
    const below = table.fork(target, { obeys: 10 })
    table.die(target)
    expect(table.processes.get(target.pid)?.state).toBe('Z')
    expect(await ended(table, target)).toMatchObject({ outcome: 'closed', pids: pidsOf(below), zombies: [] })
  })
})

test('a number that was given away between two looks is not signalled', async () => {
  const table = new FakeTable()
  const target = table.spawn({ obeys: 50 })
  const below = table.fork(target.fake)
  const strangers: (Fake | undefined)[] = []
  const killing = kill(table, target)
  await table.pass(GRACE - 1)
  table.die(below)
  strangers.push(table.reuse(below.pid), table.reuse(target.fake.pid))
  await table.pass(100)
  expect(await killing.result).toMatchObject({ outcome: 'closed', forced: [] })
  expect(strangers).not.toContain(undefined)
  expect(table.hits.some(({ who }) => strangers.includes(who))).toBe(false)
})

test('a number that is given away while we look at everybody is not signalled', async () => {
  const table = new FakeTable()
  const target = table.spawn()
  const below = table.fork(target.fake)
  const all = table.all.bind(table)
  table.all = () => {
    const rows = all()
    table.die(below)
    table.reuse(below.pid)
    return rows
  }
  await ended(table, target, { grace: 0 })
  expect(table.hits.every(({ who }) => who === target.fake || who === below)).toBe(true)
})

describe('whoever we may not signal', () => {
  test('survives, and it is said', async () => {
    const table = new FakeTable()
    const target = table.spawn({ obeys: 10 })
    const other = table.fork(target.fake, { denied: true })
    const result = await ended(table, target)
    expect(result).toMatchObject({
      outcome: 'abandoned',
      survivors: [{ pid: other.pid, name: other.name, state: 'S', denied: true }],
    })
    expect(result.ms).toBe(GRACE + REAP)
  })

  test('in a group too, of which others got the signal', async () => {
    const table = new FakeTable()
    const target = table.spawn({ leads: 'session' })
    table.fork(target.fake, { denied: true })
    expect(await ended(table, target)).toMatchObject({
      outcome: 'abandoned',
      forced: expect.arrayContaining([target.fake.pid]),
      survivors: [{ denied: true }],
    })
  })

  test('is no error of a child either', async () => {
    const table = new FakeTable()
    const target = table.spawn({ denied: true })
    expect(await ended(table, target)).toMatchObject({ outcome: 'abandoned', survivors: [{ denied: true }] })
    expect(table.hits).toEqual([])
  })
})

test('what even SIGKILL does not end survives, and its state says why', async () => {
  const table = new FakeTable()
  const target = table.spawn({ leads: 'session', obeys: 10 })
  const stuck = table.fork(target.fake, { stuck: true })
  const result = await ended(table, target)
  expect(result).toMatchObject({ outcome: 'abandoned', survivors: [{ pid: stuck.pid, denied: false }] })
  expect(table.clock.pending).toBe(0)
})

describe('who left group and session before we looked, and lost his parent', () => {
  const scene = (marker?: string) => {
    const table = new FakeTable()
    const target = table.spawn({ leads: 'session', obeys: 10, ...(marker && { marker }) })
    const between = table.fork(target.fake)
    const escaped = table.fork(between, { leads: 'session', obeys: 10 })
    table.die(between)
    return { table, target, escaped }
  }

  test('is found by the marker', async () => {
    const { table, target, escaped } = scene('TREE=1')
    expect(await ended(table, target, { marker: 'TREE=1' })).toMatchObject({ outcome: 'closed' })
    expect(table.lives(escaped)).toBe(false)
  })

  test('is not found without one', async () => {
    const { table, target, escaped } = scene()
    await ended(table, target)
    expect(table.got(escaped)).toEqual([])
  })
})

test('who leaves his session after the first look is still known when his parent has gone', async () => {
  const table = new FakeTable()
  const target = table.spawn({ leads: 'session', obeys: 20 })
  const below = table.fork(target.fake)
  const killing = kill(table, target)
  await table.pass(10)
  table.move(below, 'session')
  await table.pass(GRACE + 50)
  expect(await killing.result).toMatchObject({ outcome: 'forced', forced: pidsOf(below) })
})

test('who is forked in the death of a member is found by the group', async () => {
  const table = new FakeTable()
  const target = table.spawn({ leads: 'session', obeys: 20, forksDying: {} })
  const result = await ended(table, target)
  expect(result).toMatchObject({ outcome: 'forced', survivors: [] })
  expect(result.pids).toHaveLength(2)
})

test('dead ones that only this process could read, and does not, are told of', async () => {
  const table = new FakeTable()
  Object.assign(table.self, { nature: { neglects: true } })
  const target = table.fork(table.self, { obeys: 10 })
  expect(await ended(table, target)).toMatchObject({ outcome: 'closed', zombies: pidsOf(target) })
})

test('dead ones that are read a moment later are not', async () => {
  const table = new FakeTable()
  Object.assign(table.self, { nature: { neglects: true } })
  const target = table.fork(table.self, { obeys: 10 })
  const killing = kill(table, target)
  await table.pass(20)
  expect(table.get(target.pid).state).toBe('Z')
  table.reap(target)
  await table.pass(50)
  expect(await killing.result).toMatchObject({ outcome: 'closed', zombies: [] })
})

test('who was forked behind a look, and is all that is left, is found by the next', async () => {
  const table = new FakeTable()
  const target = table.spawn({ leads: 'session', obeys: 20, forksDying: { obeys: 10 } })
  const all = table.all.bind(table)
  let missed = 0
  table.all = () => {
    const rows = all()
    if (table.lives(target.fake) || missed > 0) return rows
    missed += 1
    return rows.filter(({ group }) => group !== target.fake.pid)
  }
  const result = await ended(table, target)
  expect([missed, result.outcome, result.pids.length]).toEqual([1, 'closed', 2])
})

test('a child that hides, as one of another user can, is there until its exit is told of', async () => {
  const table = new FakeTable()
  const target = table.spawn({ obeys: 30 })
  const { all, some } = table
  table.all = () => all.call(table).filter(({ pid }) => pid !== target.fake.pid)
  table.some = (pids) => some.call(table, pids).filter(({ pid }) => pid !== target.fake.pid)
  const killing = kill(table, target)
  await table.pass(20)
  expect(table.got(target.fake)).toEqual(['SIGTERM'])
  await table.pass(20)
  expect(await killing.result).toMatchObject({ outcome: 'closed', survivors: [], ms: 30 })
})

test('an exit that is told of in the midst of a look has another follow, without a wait', async () => {
  const table = new FakeTable()
  const target = table.spawn({ obeys: 1_000 })
  const { some } = table
  const killing = kill(table, target, { slow: true })
  table.some = (pids) => {
    const rows = some.call(table, pids)
    if (table.got(target.fake).length > 0) table.die(target.fake)
    return rows
  }
  expect(await killing.result).toMatchObject({ outcome: 'closed', ms: 0 })
})

test('nobody is looked for when all is over', async () => {
  const table = new FakeTable()
  const target = table.spawn({ leads: 'session', obeys: 10 })
  const above = table.fork(table.get(1), { neglects: true })
  table.fork(target.fake, { obeys: 5 }).parent = above.pid
  const tree = new ProcessTree(table, { pid: target.fake.pid, child: target.child })
  const killing = new Killing(tree, { signal: 'SIGTERM', grace: GRACE, reap: REAP, clock: table.clock })
  await table.pass(100)
  await killing.result
  const { looks } = table
  expect([tree.groupExists, tree.isGone(), table.looks]).toEqual([true, true, looks])
})

test('a target above this process: neither this process nor what it has started is hit', async () => {
  const table = new FakeTable()
  const shell = table.fork(table.get(1), { leads: 'session', obeys: 10 })
  const other = table.fork(shell, { obeys: 10 })
  Object.assign(table.self, { parent: shell.pid, group: shell.pid, session: shell.pid })
  const ours = table.spawn()
  const result = await ended(table, shell)
  expect(result).toMatchObject({ outcome: 'closed', method: 'walk', pids: pidsOf(shell, other) })
  expect([table.got(table.self), table.got(ours.fake)]).toEqual([[], []])
})

test('a hundred that are killed at once cost hardly more looks at everybody than one', async () => {
  const looks = async (count: number) => {
    const table = new FakeTable()
    const targets = Array.from({ length: count }, () => table.spawn())
    for (const { fake } of targets) table.fork(fake)
    // A fake clock fires one timer in a turn; the system all that are due.
    const results = targets.map((target) => kill(table, target, { clock: systemClock, reap: 10_000 }).result)
    for (const { outcome } of await Promise.all(results)) expect(outcome).toBe('forced')
    return table.looks
  }
  expect(await looks(100)).toBeLessThan(5 * (await looks(1)))
})

test('where looking takes its time, all is the same', async () => {
  const table = new FakeTable()
  const target = table.spawn({ leads: 'session', obeys: 10 })
  const stays = table.fork(target.fake)
  const nested = table.fork(stays, { leads: 'session' })
  const result = await ended(table, target, { slow: true })
  expect(result).toMatchObject({ outcome: 'forced', forced: pidsOf(stays, nested), method: 'group' })
  expect(table.clock.pending).toBe(0)
})

interface Plan {
  readonly parent: number
  readonly place: Place
  readonly nature: Nature
}

const places: readonly Place[] = [{}, {}, { leads: 'group' }, { leads: 'session' }]
const natures: readonly Nature[] = [
  {},
  { obeys: 0 },
  { obeys: 5 },
  { obeys: 40 },
  { obeys: 150 },
  { obeys: 150, forksWhenAsked: { obeys: 20 } },
  { obeys: 150, forksWhenAsked: {} },
  { forksWhenAsked: { leads: 'session' } },
  { neglects: true, obeys: 60 },
]
const plans: fc.Arbitrary<readonly Plan[]> = fc.array(
  fc.record({ parent: fc.nat(20), place: fc.constantFrom(...places), nature: fc.constantFrom(...natures) }),
  { minLength: 1, maxLength: 10 },
)

test('of any tree nobody is left soon after the grace, and nobody else was ever signalled', async () => {
  await fc.assert(
    fc.asyncProperty(plans, fc.boolean(), fc.boolean(), fc.boolean(), async (tree, isChild, slow, isNew) => {
      const table = new FakeTable()
      table.onFree = (pid) => void (isNew && table.reuse(pid))
      const stranger = table.fork(table.self)
      table.fork(table.get(1), { leads: 'session' })
      const [first, ...rest] = tree as [Plan, ...Plan[]]
      const target = table.spawn({ ...first.place, ...first.nature })
      const members = [target.fake]
      for (const { parent, place, nature } of rest) {
        const above = members[parent % members.length] ?? target.fake
        members.push(table.fork(above, { ...place, ...nature }))
      }
      const born = new Set(members)
      const fork = table.fork.bind(table)
      table.fork = (parent, ...more) => {
        const made = fork(parent, ...more)
        if (born.has(parent)) born.add(made)
        return made
      }
      const killing = kill(table, isChild ? target : target.fake, { slow })
      await settled()
      await table.pass(GRACE + 60)
      const left = [...born].filter((each) => table.lives(each))
      const hurt = table.hits.filter(({ who }) => !born.has(who))
      expect({ left, hurt, stranger: table.lives(stranger) }).toEqual({ left: [], hurt: [], stranger: true })
      await table.pass(60)
      expect((await killing.result).survivors).toEqual([])
      expect(table.clock.pending).toBe(0)
    }),
    { numRuns: 40 },
  )
})

describe('at the door', () => {
  test.each([0, 1, -5, 1.5, Number.NaN, process.pid])('refuses the pid %s', (pid) => {
    expect(() => killTree(pid)).toThrow(expect.objectContaining({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }))
  })

  test.each([undefined, null, '4711', {}, []])('refuses %s for a target', (target) => {
    expect(() => killTree(target as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
  })

  test.each([
    [{ grace: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ grace: Number.NaN }, 'ERR_OUT_OF_RANGE'],
    [{ reap: 2 ** 31 }, 'ERR_OUT_OF_RANGE'],
    [{ grace: '5' }, 'ERR_INVALID_ARG_TYPE'],
    [{ signal: 'SIGNOPE' }, 'ERR_OUT_OF_RANGE'],
    [{ signal: 9 }, 'ERR_OUT_OF_RANGE'],
    [{ method: 'both' }, 'ERR_OUT_OF_RANGE'],
    [{ marker: 'TREE' }, 'ERR_OUT_OF_RANGE'],
    [{ marker: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ clock: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ graze: 1 }, 'ERR_UNKNOWN_OPTION'],
    [null, 'ERR_INVALID_ARG_TYPE'],
  ])('refuses %j', (options, code) => {
    expect(() => killTree(2 ** 22 + 1, options as never)).toThrow(expect.objectContaining({ code }))
  })

  test("refuses 'group' for whoever leads none", async () => {
    const { child } = await start(['obey'])
    expect(() => killTree(child, { method: 'group' })).toThrow(RangeError)
    expect(() => killTree(process.ppid, { method: 'group' })).toThrow(RangeError)
    expect(lives(child.pid ?? 0)).toBe(true)
  })
})

describe('calls for the same child', () => {
  test('join, and a shorter grace wins', async () => {
    const { child } = await start(['ignore'])
    const first = killTree(child)
    expect(killTree(child, { grace: 10_000 })).toBe(first)
    const forced = killTree(child, { grace: 0 })
    expect(forced).toBe(first)
    const result = await forced
    expect(result.outcome).toBe('forced')
    expect(result.ms).toBeLessThan(3_000)
    expect(killTree(child)).toBe(first)
  })

  test('of which one says SIGKILL force it', async () => {
    const { child } = await start(['ignore'])
    const first = killTree(child)
    killTree(child, { signal: 'SIGKILL' })
    expect((await first).outcome).toBe('forced')
  })
})

test('a longer grace comes too late', async () => {
  const table = new FakeTable()
  const killing = kill(table, table.spawn())
  killing.forceWithin(10 * GRACE)
  await table.pass(GRACE + 20)
  expect((await killing.result).outcome).toBe('forced')
})

test('the pipes of a child are closed with it, whoever holds them', async () => {
  const { child, pid } = await startEscaped()
  expect(await killTree(child)).toMatchObject({ outcome: 'closed' })
  expect([child.stdout?.closed, lives(pid)]).toEqual([true, true])
})

test('a child that was never spawned is closed', async () => {
  const child = spawn('/nowhere/at/all')
  const failed = once(child, 'error')
  expect(await killTree(child)).toMatchObject({ outcome: 'closed', pids: [], survivors: [] })
  await failed
})

test.each(['auto', 'walk'] as const)(
  'a real tree of those who ignore it is dead soon after the grace (%s)',
  async (method) => {
    const { child, pids } = await start(['ignore', 'ignore', 'obey'], { detached: true })
    const result = await killTree(child, { grace: 200, method })
    expect(pids.filter(lives)).toEqual([])
    expect(result).toMatchObject({ outcome: 'forced', survivors: [], method: method === 'auto' ? 'group' : 'walk' })
    expect(result.pids).toEqual([...pids].sort((a, b) => a - b))
  },
)

describe('output that is read slowly', () => {
  const slow = () => {
    const child = spawn('sh', ['-c', 'seq 30000; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    child.stdout.pipe(new Writable({ write() {} }))
    return child
  }

  test('is waited for within the grace, and no longer', async () => {
    const child = slow()
    await until('some of it waits', () => child.stdout.readableLength > 0)
    const from = performance.now()
    expect(await killTree(child, { grace: 400 })).toMatchObject({ outcome: 'closed', forced: [] })
    expect(performance.now() - from).toBeGreaterThan(398)
    expect(child.stdout.destroyed).toBe(true)
  })
})
