import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Lifecycle, type LifecycleEvent, TimeoutError } from '../../src/index.ts'
import { scopeOf } from '../../src/lifecycle/lifecycle.ts'
import type { ChildExit } from '../../src/process/child/child-exit.ts'
import { superviseProcess } from '../../src/process/supervise-process.ts'
import { superviseProcesses } from '../../src/process/supervise-processes.ts'
import { listeners } from '../fixtures/listeners.ts'
import { lives } from '../fixtures/processes.ts'
import { until } from '../fixtures/until.ts'
import { thrownBy } from '../lifecycle/stubs.ts'
import { nothing } from '../lifecycle/supervision/supervise-stubs.ts'

const holder = fileURLToPath(new URL('../fixtures/supervised/holder.ts', import.meta.url))
const soon = { first: 10, jitter: 0 } as const

function setUp(grace = 5_000) {
  const life = new Lifecycle({ name: 'app', grace })
  const events: LifecycleEvent[] = []
  life.subscribe((event) => event.type === 'supervised.changed' && events.push(event))
  onTestFinished(async () => void (await life.close({ force: true })))
  /** A shell script, with what it is to be supervised by. */
  const shell = (script: string) => ({ name: 'job', command: 'sh', args: ['-c', script] })
  const left = () => {
    const scope = scopeOf(life)
    // The sidecar goes with the lifecycle, and listens for its end.
    const own = Math.max(0, (listeners(scope.signal)['abort'] ?? 0) - 1)
    return { held: scope.entries.size, listeners: own, timers: 0 }
  }
  return { life, events, shell, left }
}

/** A directory that goes with the test. */
function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'supervise-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Whether somebody listens there. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('close', () => socket.destroy())
    socket.on('connect', () => socket.destroy())
  })
}

describe('a process', () => {
  test('is started, and again when it is gone, with its exit as the cause', async () => {
    const { life, shell, events, left } = setUp()
    const job = superviseProcess(life, shell('echo hello; exec sleep 60'), { backoff: soon })
    await job.ready()
    const { pid = 0 } = job
    expect(job).toMatchObject({ path: '/app/job', state: 'ready', incarnation: 1 })
    expect(job.child?.path).toBe('/app/job/1/process')
    await until('it has spoken', () => job.child?.lastWords.length === 1)
    process.kill(pid, 'SIGKILL')
    await until('the second one is ready', () => job.incarnation === 2 && job.state === 'ready')
    expect(job.pid).not.toBe(pid)
    const exit = { code: null, signal: 'SIGKILL', forced: false, abandoned: false, oomHint: true, lastWords: ['hello'] }
    expect(job.cause).toEqual(exit)
    expect(events.find(({ state }) => state === 'backing-off')).toMatchObject({ cause: exit, timeout: 10 })
    expect(lives(pid)).toBe(false)
    await job.stop()
    expect(job).toMatchObject({ state: 'stopped', child: undefined, pid: undefined, parentDeathGuard: 'none' })
    expect(await job.ended).toMatchObject({ cause: { signal: 'SIGTERM', oomHint: false } })
    expect(left()).toEqual(nothing)
  })

  test.each([
    [0, 'stopped', 1],
    [3, 'failed', 3],
  ] as const)('that is transient and exits with %i ends as %s', async (code, state, incarnation) => {
    const { life, shell, left } = setUp()
    const job = superviseProcess(life, shell(`exit ${code}`), {
      restart: 'transient',
      backoff: soon,
      intensity: { max: 2 },
    })
    const end = await job.ended
    expect(end).toMatchObject({ state, cause: { code, signal: null } })
    expect(job.incarnation).toBe(incarnation)
    expect(left()).toEqual(nothing)
  })

  test('ends normally as isNormal says', async () => {
    const { life, shell } = setUp()
    const job = superviseProcess(life, shell('exit 3'), { restart: 'transient', isNormal: ({ code }) => code === 3 })
    expect(await job.ended).toMatchObject({ state: 'stopped', cause: { code: 3 } })
  })

  test('gives up at once on a status that is declared as fatal, also before it was ready', async () => {
    for (const readyWhen of [undefined, /never/]) {
      const { life, shell } = setUp()
      const spec = { ...shell('echo no config >&2; exit 78'), ...(readyWhen && { readyWhen }) }
      const job = superviseProcess(life, spec, { giveUpOn: [77, 78] })
      const { state, cause } = await job.ended
      expect([state, job.incarnation]).toEqual(['failed', 1])
      const exit = (readyWhen === undefined ? cause : (cause as { exit: ChildExit }).exit) as ChildExit
      expect(exit).toMatchObject({ code: 78, lastWords: ['no config'] })
    }
  })

  test('gives up where giveUpWhen says so', async () => {
    const { life, shell } = setUp()
    const giveUpWhen = ({ value }: { value?: ChildExit }) => value?.lastWords.at(-1) === 'hopeless'
    const job = superviseProcess(life, shell('echo hopeless; exit 1'), { giveUpWhen })
    expect(await job.ended).toMatchObject({ state: 'failed' })
    expect(job.incarnation).toBe(1)
  })

  test.each([
    ['does not exist', { command: '/nowhere/nothing' }, 'ENOENT'],
    ['is no program', { command: holder }, 'EACCES'],
    ['has no such directory', { command: 'sh', cwd: '/nowhere' }, 'ENOENT'],
    ['has too long arguments', { command: 'sh', args: ['-c', 'x'.repeat(4_000_000)] }, 'E2BIG'],
  ])('that %s is given up at once', async (_what, command, code) => {
    const { life, left } = setUp()
    const job = superviseProcess(life, { name: 'job', ...command })
    await expect(job.ready()).rejects.toMatchObject({ code: 'ERR_GAVE_UP', cause: { code: 'ERR_SPAWN_FAILED' } })
    expect(await job.ended).toMatchObject({ state: 'failed', cause: { cause: { code } } })
    expect(job).toMatchObject({ incarnation: 1, pid: undefined })
    expect(left()).toEqual(nothing)
  })

  test('that is not ready in time is ended with its whole tree', async () => {
    const { life, shell, left } = setUp(100)
    const pids: number[] = []
    const spec = {
      ...shell(`trap '' TERM; sleep 60 & echo $! $$; wait; wait`),
      readyWhen: /ready/,
      readyTimeout: 200,
      onLine: (line: string) => void pids.push(...line.split(' ').map(Number)),
    }
    const job = superviseProcess(life, spec, { restart: 'temporary' })
    const { state, cause } = await job.ended
    expect(state).toBe('stopped')
    expect(cause).toBeInstanceOf(TimeoutError)
    expect(cause).toMatchObject({ path: '/app/job/1/process', timeout: 200 })
    expect(pids).toHaveLength(2)
    expect(pids.filter(lives)).toEqual([])
    expect(left()).toEqual(nothing)
  })

  test('has its port free when it begins again, though a stubborn grandchild has held it', async () => {
    const { life, left } = setUp(200)
    const lines: string[] = []
    const spec = {
      name: 'service',
      command: process.execPath,
      args: [holder, join(directory(), 'port'), 'leader'],
      readyWhen: /listening|taken/,
      onLine: (line: string) => void lines.push(line),
    }
    const service = superviseProcess(life, spec, { backoff: { first: 0 } })
    await service.ready()
    const exited = once(service.child?.child as ChildProcess, 'exit')
    process.kill(service.pid ?? 0, 'SIGUSR2')
    await exited
    expect(service.state).toBe('stopping')
    await service.ready()
    expect(service.cause).toMatchObject({ code: 3, forced: true })
    await service.restart()
    expect(service).toMatchObject({ incarnation: 3, restarts: 1 })
    const parts = lines.map((line) => line.split(' '))
    expect(parts.map(([word, port]) => [word, port])).toEqual(Array(3).fill(['listening', parts[0]?.[1]]))
    const pids = parts.map(([, , pid]) => Number(pid))
    expect(pids.map(lives)).toEqual([false, false, true])
    expect(await answers(Number(parts[0]?.[1]))).toBe(true)
    await service.stop()
    expect(pids.filter(lives)).toEqual([])
    expect(left()).toEqual(nothing)
  })

  test.each(['starting', 'ready', 'backing-off'])('can be stopped while it is %s', async (state) => {
    const { life, shell, left } = setUp()
    const errors: LifecycleEvent[] = []
    life.subscribe((event) => event.type === 'resource.error' && errors.push(event))
    const script = state === 'backing-off' ? 'exit 1' : 'exec sleep 60'
    const spec = { ...shell(script), ...(state === 'starting' && { readyWhen: /never/ }) }
    const job = superviseProcess(life, spec, { backoff: { first: 30_000 } })
    await until(state, () => job.state === state)
    const { pid } = job
    await job.stop()
    expect([job.state, job.incarnation]).toEqual(['stopped', 1])
    if (pid !== undefined) expect(lives(pid)).toBe(false)
    expect(errors).toEqual([])
    expect(left()).toEqual(nothing)
  })

  test('ends with its lifecycle, in its turn', async () => {
    const { life, shell } = setUp()
    const job = superviseProcess(life, shell('exec sleep 60'))
    await job.ready()
    const { pid = 0 } = job
    const { rows, counts } = await life.close()
    expect(counts).toMatchObject({ forced: 0, failed: 0, abandoned: 0 })
    expect(rows.map(({ path }) => path)).toContain('/app/job/1/process')
    expect([job.state, lives(pid)]).toEqual(['stopped', false])
  })

  test.each([undefined, /never/])('that leaves behind what can’t be ended is given up: %s', async (readyWhen) => {
    const { life, shell, left } = setUp(100)
    const pids: number[] = []
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
    })
    onTestFinished(async () => {
      kill.mockRestore()
      for (const pid of pids) process.kill(pid, 'SIGKILL')
      await until('nothing of the test lives', () => !pids.some(lives))
    })
    const onLine = (line: string): void => void pids.push(Number(line))
    const spec = { ...shell('sleep 60 >/dev/null 2>&1 & echo $!; exit 3'), onLine, ...(readyWhen && { readyWhen }) }
    const job = superviseProcess(life, spec)
    const { state, cause } = await job.ended
    expect([state, job.incarnation]).toEqual(['failed', 1])
    expect(String(cause)).toContain('EPERM')
    expect(pids.map(lives)).toEqual([true])
    await expect(job.restart()).rejects.toMatchObject({ code: 'ERR_GAVE_UP' })
    expect(left()).toEqual(nothing)
  })

  test('that can’t be ended when it is restarted is not begun a second time', async () => {
    const { life, shell } = setUp(100)
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
    })
    const job = superviseProcess(life, shell('exec sleep 60'))
    await job.ready()
    const { pid = 0 } = job
    onTestFinished(async () => {
      kill.mockRestore()
      process.kill(pid, 'SIGKILL')
      await until('nothing of the test lives', () => !lives(pid))
    })
    await expect(job.restart()).rejects.toMatchObject({ code: 'ERR_GAVE_UP' })
    expect(lives(pid)).toBe(true)
    expect(job.pid).toBe(undefined)
  })

  test('whose child is stopped by hand has come to an end as any', async () => {
    const { life, shell } = setUp()
    const job = superviseProcess(life, shell('exec sleep 60'), { backoff: soon })
    await job.ready()
    await job.child?.stop()
    await until('the second one is ready', () => job.incarnation === 2 && job.state === 'ready')
    await job.stop()
  })
})

describe('a group of processes', () => {
  test.each([
    ['one_for_one', [1, 2, 1]],
    ['one_for_all', [2, 2, 2]],
    ['rest_for_one', [1, 2, 2]],
  ] as const)('%s: those that belong together begin again together, in order', async (strategy, expected) => {
    const { life, left } = setUp()
    const started: string[] = []
    const member = (name: string) => ({
      command: 'sh',
      args: ['-c', `echo up ${name}; exec sleep 60`],
      readyWhen: /up/,
      onLine: () => void started.push(name),
      backoff: soon,
    })
    const group = superviseProcesses(life, 'group', { a: member('a'), b: member('b'), c: member('c') }, { strategy })
    await group.ready()
    expect(started.join('')).toBe('abc')
    const first = Object.values(group.members).map(({ pid = 0 }) => pid)
    process.kill(group.members.b.pid ?? 0, 'SIGKILL')
    await until('it has gone down', () => group.state !== 'ready')
    await group.ready()
    expect(Object.values(group.members).map(({ incarnation }) => incarnation)).toEqual(expected)
    expect(started.slice(3).join('')).toBe(['a', 'b', 'c'].filter((_, at) => expected[at] === 2).join(''))
    const now = Object.values(group.members).map(({ pid = 0 }) => pid)
    expect([...first.filter(lives), ...now].length).toBe(expected.filter((count) => count === 1).length + 3)
    await group.stop()
    expect([...first, ...now].filter(lives)).toEqual([])
    expect(group.state).toBe('stopped')
    expect(left()).toEqual(nothing)
  })

  test('gives up as a whole', async () => {
    const { life } = setUp()
    const group = superviseProcesses(life, 'group', {
      good: { command: 'sleep', args: ['60'] },
      bad: { command: '/nowhere/nothing' },
    })
    await expect(group.ready()).rejects.toMatchObject({ code: 'ERR_GAVE_UP', path: '/app/group/bad' })
    expect(await group.ended).toMatchObject({ state: 'failed' })
    expect(group.members.good).toMatchObject({ state: 'stopped', pid: undefined })
  })
})

describe('the door', () => {
  const spec = { name: 'job', command: 'true' }
  test.each<[unknown, unknown, string]>([
    [7, {}, 'spec must be an object'],
    [{ command: 'true' }, {}, 'name must be a string'],
    [{ name: 'job' }, {}, 'command must be a string'],
    [{ ...spec, signal: AbortSignal.abort() }, {}, "spec has no option 'signal'"],
    [{ ...spec, dependsOn: [] }, {}, "spec has no option 'dependsOn'"],
    [{ ...spec, args: 'x' }, {}, 'args must be an array of strings'],
    [{ ...spec, env: ['A=1'] }, {}, 'options.env must be an object'],
    [{ ...spec, stopSignal: 'SIGKILL' }, {}, 'options.stopSignal must be a signal that can be heeded'],
    [spec, null, 'policy must be an object'],
    [{ ...spec, readyWhen: 7 }, {}, 'options.readyWhen must be a regular expression'],
    [spec, { readyWhen: /x/ }, "policy has no option 'readyWhen'"],
    [spec, { giveUpOn: 3 }, 'policy.giveUpOn must be an array of statuses'],
    [spec, { giveUpOn: [256] }, 'Each of policy.giveUpOn must be a whole number from 0 to 255'],
    [spec, { giveUpWhen: 3 }, 'policy.giveUpWhen must be a function'],
    [spec, { restart: 'always' }, 'policy.restart must be one of'],
  ])('refuses what it can’t keep to, before anything happens: %#', (first, second, message) => {
    const { life, left } = setUp()
    expect(thrownBy(() => superviseProcess(life, first as never, second as never)).message).toContain(message)
    expect(left()).toEqual(nothing)
  })

  test('refuses what is no lifecycle', () => {
    const calls = [
      () => superviseProcess(42 as never, spec),
      () => superviseProcesses(42 as never, 'group', { a: { command: 'true' } }),
    ]
    for (const call of calls) {
      const error = thrownBy(call)
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
      expect(error.message).toContain('life must be a Lifecycle')
    }
  })

  test.each(['sidecar', 'pdeathsig'] as const)('refuses a guard that is not to be had here: %s', (onParentDeath) => {
    const { life, left } = setUp()
    const platform = vi.spyOn(process, 'platform', 'get').mockReturnValue('win32')
    onTestFinished(() => platform.mockRestore())
    const error = thrownBy(() => superviseProcess(life, { ...spec, onParentDeath }))
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_RANGE', message: expect.stringContaining('onParentDeath') })
    expect(left()).toEqual(nothing)
  })

  test.each<[unknown, unknown, string]>([
    [[spec], {}, 'specs must be an object of names and processes'],
    [{ a: 7 }, {}, 'specs.a must be an object'],
    [{ a: spec }, {}, "specs.a has no option 'name'"],
    [{ a: { command: 'true', giveUpOn: [-1] } }, {}, 'Each of specs.a.giveUpOn'],
    [{ a: { command: 'true' } }, { strategy: 'all' }, 'policy.strategy must be one of'],
  ])('refuses a group that it can’t keep to: %#', (specs, policy, message) => {
    const { life, left } = setUp()
    const error = thrownBy(() => superviseProcesses(life, 'group', specs as never, policy as never))
    expect(error.message).toContain(message)
    expect(left()).toEqual(nothing)
  })
})
