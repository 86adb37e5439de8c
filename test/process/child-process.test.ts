import { spawn } from 'node:child_process'
import { getEventListeners, once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { childProcess } from '../../src/process/child-process.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { TestContext } from '../fixtures/context.ts'
import { listeners } from '../fixtures/listeners.ts'
import { lives, type Mode, start } from '../fixtures/processes.ts'
import { until } from '../fixtures/until.ts'
import { startEscaped } from './tree/start-escaped.ts'

const { close, force, isGone, onGone, describe: tell, matches } = childProcess
const context = () => new TestContext()

const settles = (promise: unknown, within: number) =>
  Promise.race([Promise.resolve(promise).then(() => true), sleep(within, false)])

describe('close', () => {
  test.each([{ detached: false }, { detached: true }])(
    'ends a child that obeys SIGTERM ($detached)',
    async (options) => {
      const { child } = await start(['obey'], options)
      const told = context()
      await close(child, told)
      expect(getEventListeners(told.signal, 'abort')).toEqual([])
      expect([child.exitCode, child.signalCode]).toEqual([null, 'SIGTERM'])
      expect(isGone?.(child)).toBe(true)
    },
  )

  test('lets a child choose its exit status', async () => {
    const { child } = await start(['status'])
    await close(child, context())
    expect(child.exitCode).toBe(7)
  })

  test.each(['obey', 'ignore'] satisfies Mode[])(
    'ends every member of the group of a detached child',
    async (leader) => {
      const { child, pids } = await start([leader, 'obey', 'obey'], { detached: true })
      const closing = close(child, context())
      if (leader === 'ignore') {
        await until('its children are dead', () => !lives(pids[1] ?? 0) && !lives(pids[2] ?? 0))
        expect(isGone?.(child)).toBe(false)
        await force?.(child, context())
      }
      await closing
      expect(pids.filter(lives)).toEqual([])
    },
  )

  test('is not done while a member lives whose leader has died', async () => {
    const { child, pids } = await start(['obey', 'ignore'], { detached: true })
    const exit = once(child, 'exit')
    const closing = close(child, context())
    await exit
    expect(await settles(closing, 250)).toBe(false)
    expect(pids.map(lives)).toEqual([false, true])
    expect(isGone?.(child)).toBe(false)
    await force?.(child, context())
    expect(pids.map(lives)).toEqual([false, false])
    expect(isGone?.(child)).toBe(true)
    await closing
  })

  test('reaches what a child started that leads no group, and waits for it', async () => {
    const { child, pids } = await start(['obey', 'obey', 'ignore'])
    const closing = close(child, context())
    await until('those who obey are dead', () => pids.filter(lives).length === 1)
    expect([await settles(closing, 50), isGone?.(child)]).toEqual([false, false])
    await force?.(child, context())
    expect([pids.filter(lives), isGone?.(child)]).toEqual([[], true])
    await closing
  })

  test('signals a child that leads no group as Node does, and fails at once when that is refused', async () => {
    const { child } = await start(['obey'])
    const refusal = Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
    const signals: unknown[] = []
    child.kill = (signal) => {
      signals.push(signal)
      throw refusal
    }
    const told = context()
    await expect(close(child, told)).rejects.toBe(refusal)
    await expect(force?.(child, told)).rejects.toBe(refusal)
    expect(signals).toEqual(['SIGTERM', 'SIGSTOP', 'SIGKILL'])
    expect(child.listenerCount('exit')).toBe(0)
  })

  test('goes on while one lives that does not refuse, and fails when none does any more', async () => {
    const { child, pids } = await start(['ignore', 'obey'])
    const refusal = Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
    const kill = process.kill.bind(process)
    const partly = vi.spyOn(process, 'kill').mockImplementation((pid, signal) => {
      if (pid === pids[1]) throw refusal
      return kill(pid, signal)
    })
    onTestFinished(() => partly.mockRestore())
    const closing = Promise.resolve(close(child, context()))
    expect(
      await settles(
        closing.catch(() => {}),
        50,
      ),
    ).toBe(false)
    kill(child.pid ?? 0, 'SIGKILL')
    await expect(closing).rejects.toBe(refusal)
    partly.mockRestore()
    await force?.(child, context())
    expect(pids.filter(lives)).toEqual([])
  })

  test('resolves at once when the child has exited, or was never spawned', async () => {
    const exited = spawn('true', { stdio: 'ignore' })
    await once(exited, 'exit')
    const missing = spawn('/nowhere/at/all')
    await once(missing, 'error')
    for (const child of [exited, missing]) {
      expect(isGone?.(child)).toBe(true)
      await close(child, context())
      await force?.(child, context())
    }
  })

  test('destroys the pipes 100 ms after the exit, although somebody else holds them', async () => {
    // Who has left before anybody looked is no member of the tree.
    const { child, pid } = await startEscaped()
    const exit = once(child, 'exit').then(() => performance.now())
    const closed = once(child, 'close').then(() => performance.now())
    await close(child, context())
    const ms = (await closed) - (await exit)
    expect(ms).toBeGreaterThan(98)
    expect(lives(pid)).toBe(true)
  })

  test('hands over all output that the child wrote before it exited', async () => {
    const child = spawn('sh', ['-c', 'trap "seq 20000; exit" TERM; echo ready; while :; do read x; done'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    await once(child.stdout, 'data')
    await close(child, context())
    expect(text.trimEnd().split('\n').at(-1)).toBe('20000')
  })

  test('lets go of the child when its grace is over, and stays pending', async () => {
    const { child } = await start(['ignore', 'ignore'], { detached: true })
    const before = listeners(child)
    const told = context()
    const closing = close(child, told)
    expect(listeners(child)).not.toEqual(before)
    told.graceOver()
    expect(listeners(child)).toEqual(before)
    await force?.(child, context())
    expect(listeners(child)).toEqual(before)
    expect(await settles(closing, 20)).toBe(false)
  })
})

test.each([{ detached: false }, { detached: true }])(
  'force lets go of what even SIGKILL does not end ($detached)',
  async (options) => {
    const { child } = await start(['obey'], options)
    const before = listeners(child)
    const clock = new FakeClock()
    const told = new TestContext({ clock })
    const deaf = vi.spyOn(process, 'kill').mockReturnValue(true)
    onTestFinished(() => deaf.mockRestore())
    child.kill = () => true
    const forcing = force?.(child, told)
    await clock.advance(999)
    expect(listeners(child)).not.toEqual(before)
    await clock.advance(1)
    expect([listeners(child), clock.pending]).toEqual([before, 0])
    expect(await settles(forcing, 20)).toBe(false)
    expect(told.notes).toEqual([expect.stringMatching(new RegExp(`^still there: ${child.pid} \\S+ \\(\\w\\)$`))])
  },
)

describe('a child that ends by itself', () => {
  test('leaves, once', async () => {
    const { child } = await start(['obey'])
    let left = 0
    const undo = onGone?.(child, () => {
      left += 1
    })
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    expect(left).toBe(1)
    undo?.()
  })

  test('leaves when it could not be spawned, and its error stays unhandled', async () => {
    const child = spawn('/nowhere/at/all')
    let left = 0
    const undo = onGone?.(child, () => {
      left += 1
    })
    expect(child.listenerCount('error')).toBe(0)
    const [error] = await once(child, 'error')
    expect(error).toMatchObject({ code: 'ENOENT' })
    expect(left).toBe(1)
    undo?.()
    expect(listeners(child)).toEqual({})
  })

  test('stays when members of its group live on, and can still be closed', async () => {
    const { child, pids } = await start(['obey', 'obey'], { detached: true })
    let left = 0
    onGone?.(child, () => {
      left += 1
    })
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    expect(left).toBe(0)
    expect(isGone?.(child)).toBe(false)
    await close(child, context())
    expect(pids.filter(lives)).toEqual([])
    expect(isGone?.(child)).toBe(true)
  })
})

test('an undo takes all listeners off', async () => {
  const { child } = await start(['obey'])
  const before = listeners(child)
  const undo = onGone?.(child, () => {})
  undo?.()
  expect(listeners(child)).toEqual(before)
})

test('tells the pid', async () => {
  const { child } = await start(['obey'])
  expect(tell?.(child)).toBe(`pid ${child.pid}`)
  const missing = spawn('/nowhere/at/all')
  await once(missing, 'error')
  expect(tell?.(missing)).toBe('not spawned')
})

test('knows a child process that has no disposer of its own', async () => {
  const { child } = await start(['obey'])
  expect(matches(child)).toBe(true)
  for (const other of [undefined, null, 1, 'x', {}, { spawnfile: 'x' }, process]) expect(matches(other)).toBe(false)
  Object.assign(child, { async [Symbol.asyncDispose]() {} })
  expect(matches(child)).toBe(false)
})
