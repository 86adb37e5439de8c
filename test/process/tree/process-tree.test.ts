import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { Root } from '../../../src/process/tree/birth.ts'
import { ProcessTree, treeOf } from '../../../src/process/tree/process-tree.ts'
import { snapshotsOf } from '../../../src/process/tree/snapshots.ts'
import { lives, start } from '../../fixtures/processes.ts'
import { until } from '../../fixtures/until.ts'
import { FakeTable, settled, slowly } from './fake-table.ts'
import { startEscaped } from './start-escaped.ts'

const treeIn = (table: FakeTable, { fake, child }: ReturnType<FakeTable['spawn']>, more: Partial<Root> = {}) =>
  new ProcessTree(table, { pid: fake.pid, child, ...more })

describe('the group', () => {
  test('is that which the root leads', () => {
    const table = new FakeTable()
    for (const leads of ['group', 'session'] as const) {
      const target = table.spawn({ leads })
      expect(treeIn(table, target).group).toBe(target.fake.pid)
      expect(treeIn(table, target, { grouped: false }).group).toBeUndefined()
    }
    expect(treeIn(table, table.spawn()).group).toBeUndefined()
  })

  test('is never our own, though the root leads it', () => {
    const table = new FakeTable()
    const shell = table.fork(table.get(1), { leads: 'group' })
    table.self.group = shell.pid
    expect(new ProcessTree(table, { pid: shell.pid }).group).toBeUndefined()
  })

  test('is nobody who got the number of a child that has exited', () => {
    const table = new FakeTable()
    const target = table.spawn({ leads: 'session' })
    table.die(target.fake)
    const stranger = table.reuse(target.fake.pid)
    if (stranger !== undefined) table.move(stranger, 'session')
    expect(treeIn(table, target).group).toBeUndefined()
  })

  test('is that which the root goes to after it was first seen', async () => {
    const table = new FakeTable()
    const target = table.spawn()
    const tree = treeIn(table, target)
    table.move(target.fake, 'session')
    await tree.look(table.clock)
    expect(tree.group).toBe(target.fake.pid)
  })

  test('is given up when nobody is left in it, since its number is free then', async () => {
    const table = new FakeTable()
    const target = table.spawn({ leads: 'session' })
    const tree = treeIn(table, target)
    table.die(target.fake)
    await tree.look(table.clock)
    expect([tree.group, tree.mayHide]).toEqual([undefined, false])
  })

  test('is another one if whoever is in it is in another session', async () => {
    const table = new FakeTable()
    const target = table.spawn({ leads: 'session' })
    const { pid } = target.fake
    const tree = treeIn(table, target)
    table.die(target.fake)
    const next = table.reuse(pid)
    if (next === undefined) throw new Error('its number is free')
    table.move(next, 'group')
    const orphan = table.fork(next)
    table.die(next)
    expect(orphan.group).toBe(pid)
    await tree.look(table.clock)
    await tree.force(table.clock)
    expect([tree.isGone(), table.hits]).toEqual([true, []])
  })
})

describe('isGone', () => {
  test('is true of a child without a group as soon as it has exited, and looks at nobody else', () => {
    const table = new FakeTable()
    const target = table.spawn()
    const tree = treeIn(table, target)
    expect(tree.isGone()).toBe(false)
    table.die(target.fake)
    expect([tree.isGone(), table.looks]).toEqual([true, 0])
  })

  test('is true of a child whose group has ended, and looks at nobody else', () => {
    const table = new FakeTable()
    const target = table.spawn({ leads: 'session' })
    const tree = treeIn(table, target)
    table.die(target.fake)
    expect([tree.isGone(), table.looks]).toEqual([true, 0])
  })

  test.each([false, true])('is false while somebody lives in its group (where looking takes its time: %s)', (slow) => {
    const table = new FakeTable()
    const target = table.spawn({ leads: 'session' })
    const below = table.fork(target.fake)
    const { pid } = target.fake
    const tree = new ProcessTree(slow ? slowly(table) : table, { pid, child: target.child })
    table.die(target.fake)
    expect(tree.isGone()).toBe(false)
    table.die(below)
    expect(tree.isGone()).toBe(true)
  })

  test('is true where only zombies are left', () => {
    const table = new FakeTable()
    const target = table.spawn({ leads: 'session' })
    const between = table.fork(target.fake, { neglects: true, leads: 'session' })
    const zombie = table.fork(target.fake)
    zombie.parent = between.pid
    const tree = treeIn(table, target)
    table.die(target.fake)
    expect(tree.isGone()).toBe(false)
    table.die(zombie)
    between.parent = 1
    between.session = between.pid
    expect([table.get(zombie.pid).state, tree.isGone()]).toEqual(['Z', true])
  })

  test('stays true, whoever gets the number of the child and of its group', async () => {
    const table = new FakeTable()
    const target = table.spawn({ leads: 'session' })
    const tree = treeIn(table, target)
    table.die(target.fake)
    expect(tree.isGone()).toBe(true)
    const next = table.reuse(target.fake.pid)
    if (next !== undefined) table.move(next, 'session')
    expect([tree.isGone(), await tree.look(table.clock), await tree.glance()]).toEqual([true, false, false])
  })
})

test('members are remembered from one rung to the next', async () => {
  const table = new FakeTable()
  const target = table.spawn({ obeys: 0 })
  const below = table.fork(target.fake)
  const tree = treeIn(table, target)
  await tree.look(table.clock)
  await tree.ask()
  await table.pass(5)
  expect(table.lives(target.fake)).toBe(false)
  await tree.force(table.clock)
  expect([table.lives(below), tree.forced]).toEqual([false, [below.pid]])
})

test('who is killed was stopped before, and everybody is looked at in between', async () => {
  const table = new FakeTable()
  const target = table.spawn()
  const tree = treeIn(table, target)
  const forcing = tree.force(table.clock)
  expect([table.got(target.fake), table.looks]).toEqual([['SIGSTOP'], 0])
  // It had forked right before.
  const late = table.fork(target.fake)
  await forcing
  for (const each of [target.fake, late]) expect(table.got(each)).toEqual(['SIGSTOP', 'SIGKILL'])
})

test('who stands still is killed when this process exits before its turn has come', async () => {
  const table = new FakeTable()
  const target = table.spawn()
  const before = process.listeners('exit')
  const forcing = treeIn(table, target).force(table.clock)
  const added = process.listeners('exit').filter((each) => !before.includes(each))
  expect(added).toHaveLength(1)
  added[0]?.(0)
  expect(table.lives(target.fake)).toBe(false)
  await forcing
  expect(process.listeners('exit')).toEqual(before)
})

test('one listener of the exit does for all, and is gone with the last', async () => {
  const table = new FakeTable()
  const before = process.listenerCount('exit')
  const forcing = Array.from({ length: 20 }, () => treeIn(table, table.spawn()).force(table.clock))
  expect(process.listenerCount('exit')).toBe(before + 1)
  await Promise.all(forcing)
  expect(process.listenerCount('exit')).toBe(before)
})

test('who stands still is killed when nobody can be looked at any more', async () => {
  const table = new FakeTable()
  const target = table.spawn()
  const tree = treeIn(table, target)
  table.all = () => {
    throw new Error('no more files')
  }
  await expect(tree.force(table.clock)).rejects.toThrow('no more files')
  expect(table.lives(target.fake)).toBe(false)
})

test('a look of this turn is everybody else’s too, and one of the next is another', async () => {
  const table = new FakeTable()
  const snapshots = snapshotsOf(table)
  expect(snapshots.recent(table.clock)).toBe(snapshots.recent(table.clock))
  expect(table.looks).toBe(1)
  const [one, two] = await Promise.all([snapshots.fresh(table.clock), snapshots.fresh(table.clock)])
  expect([one === two, table.looks]).toEqual([true, 2])
  await settled()
  snapshots.recent(table.clock)
  expect(table.looks).toBe(3)
  table.clock.blocked(21)
  snapshots.recent(table.clock)
  expect(table.looks).toBe(4)
})

test('a child that was started after the look of this turn is looked for again', async () => {
  const table = new FakeTable()
  await treeIn(table, table.spawn()).look(table.clock)
  const target = table.spawn()
  const below = table.fork(target.fake)
  const tree = treeIn(table, target)
  await tree.look(table.clock)
  expect(tree.found).toEqual([target.fake.pid, below.pid])
})

describe('treeOf', () => {
  test('is the same for a child, whatever is added to it', async () => {
    const { child } = await start(['obey'])
    const tree = treeOf(child)
    expect([treeOf(child, { marker: 'A=b' }), tree.marker]).toEqual([tree, 'A=b'])
    expect([treeOf(child).marker, tree.pid, tree.child]).toEqual(['A=b', child.pid, child])
  })

  test('knows a group whose leader has exited before anybody looked', async () => {
    const { child, pids } = await start(['obey', 'ignore'], { detached: true })
    const tree = treeOf(child)
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    expect([tree.group, tree.isGone()]).toEqual([child.pid, false])
    process.kill(pids[1] ?? 0, 'SIGKILL')
  })

  test('is gone where the child was never spawned', async () => {
    const child = spawn('/nowhere/at/all')
    await once(child, 'error')
    expect(treeOf(child).isGone()).toBe(true)
  })

  test('finds those with the marker who left group, session and parent', async () => {
    const marker = `ENDSWELL_TEST=${process.pid}`
    const env = { ...process.env, ENDSWELL_TEST: `${process.pid}` }
    const { child, pid } = await startEscaped({ env })
    const tree = treeOf(child, { marker })
    await tree.look({ now: () => 0, setTimeout: () => ({ unref() {} }), clearTimeout() {} })
    expect(tree.found).toContain(pid)
    expect(tree.found).not.toContain(process.pid)
    await tree.force({ now: () => 0, setTimeout: () => ({ unref() {} }), clearTimeout() {} })
    await until('all are dead', () => !lives(pid) && tree.isGone())
  })
})
