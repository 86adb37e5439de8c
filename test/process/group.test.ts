import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { hasExited, ledGroup, livingMembers, signalGroup } from '../../src/process/group.ts'
import { start } from '../fixtures/processes.ts'
import { until } from '../fixtures/until.ts'

/** A child as far as its group is concerned. */
const childOf = (pid: number | undefined, exitCode: number | null = null) =>
  ({ pid, exitCode, signalCode: null }) as unknown as ChildProcess

afterEach(() => {
  vi.restoreAllMocks()
})

describe('ledGroup', () => {
  test('is the number of a detached child, and none of another', async () => {
    const detached = await start(['obey'], { detached: true })
    const attached = await start(['obey'])
    expect(ledGroup(detached.child)).toBe(detached.child.pid)
    expect(ledGroup(attached.child)).toBeUndefined()
  })

  test('outlives the leader while a member lives', async () => {
    const { child, pids } = await start(['obey', 'obey'], { detached: true })
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    expect(ledGroup(child)).toBe(child.pid)
    expect(livingMembers(child.pid ?? 0)).toEqual([pids[1]])
    signalGroup(child.pid ?? 0, 'SIGKILL')
    await until('the group is gone', () => ledGroup(child) === undefined)
  })

  test('is none where the number of an exited child has gone to somebody else', async () => {
    const { child } = await start(['obey'], { detached: true })
    expect(ledGroup(childOf(child.pid))).toBe(child.pid)
    expect(ledGroup(childOf(child.pid, 0))).toBeUndefined()
  })

  const ours = Number(readFileSync('/proc/self/stat', 'latin1').split(') ')[1]?.split(' ')[2])

  test.each([undefined, 0, 1, process.pid, ours])('is never that of pid %s', (pid) => {
    expect(ledGroup(childOf(pid))).toBeUndefined()
  })

  test('is none on Windows', async () => {
    const { child } = await start(['obey'], { detached: true })
    vi.spyOn(process, 'platform', 'get').mockReturnValue('win32')
    expect(ledGroup(child)).toBeUndefined()
  })
})

describe('livingMembers', () => {
  test('asks those that it is told of, and looks for all when they are dead', async () => {
    const { child, pids } = await start(['obey', 'obey', 'obey'], { detached: true })
    const [leader = 0, ...others] = pids
    expect(livingMembers(leader)).toEqual(pids.toSorted((a, b) => a - b))
    expect(livingMembers(leader, others)).toEqual(others)
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    expect(livingMembers(leader, [leader]).toSorted()).toEqual(others.toSorted())
  })

  test('are none in a group that nobody is in', () => {
    expect(livingMembers(2 ** 22 + 1)).toEqual([])
  })
})

describe('signalGroup', () => {
  test('takes a group that has ended for no error', () => {
    expect(() => signalGroup(2 ** 22 + 1, 'SIGTERM')).not.toThrow()
  })

  test('throws when it is not allowed to', () => {
    vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
    })
    expect(() => signalGroup(2 ** 22 + 1, 'SIGTERM')).toThrow('EPERM')
  })

  test.each([-5, 0, 1, Number.NaN])('refuses %s, which the system takes for others', (group) => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
    expect(() => signalGroup(group, 'SIGTERM')).toThrow(RangeError)
    expect(kill).not.toHaveBeenCalled()
  })
})

test('a child has exited by status, by signal, or by never having been spawned', () => {
  expect(hasExited(childOf(4711))).toBe(false)
  expect(hasExited(childOf(4711, 0))).toBe(true)
  expect(hasExited(Object.assign(childOf(4711), { signalCode: 'SIGKILL' }))).toBe(true)
  expect(hasExited(childOf(undefined))).toBe(true)
})
