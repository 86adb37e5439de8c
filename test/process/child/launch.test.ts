import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { Lifecycle } from '../../../src/index.ts'
import { scopeOf } from '../../../src/lifecycle/lifecycle.ts'
import { ChildError } from '../../../src/process/child/child-error.ts'
import { launch } from '../../../src/process/child/launch.ts'
import { coverFor } from '../../../src/process/guard/parent-death.ts'
import { findSetpriv } from '../../../src/process/guard/pdeathsig.ts'
import { FakeClock } from '../../../src/testing/fake-clock.ts'
import { markOf, pipesOf, read, sidecarsOf } from '../../fixtures/parent-death/trees.ts'
import { until } from '../../fixtures/until.ts'

/** A lifecycle that is closed with the test. */
function open(): Lifecycle {
  const life = new Lifecycle('life')
  onTestFinished(async () => {
    await life.close({ force: true })
    await until('no sidecar is left', () => sidecarsOf(process.pid).length === 0)
  })
  return life
}

const setpriv = findSetpriv() ?? 'none'
const canPdeathsig = spawnSync(setpriv, ['--pdeathsig', 'KILL', '--', 'true']).status === 0

afterEach(() => {
  vi.restoreAllMocks()
})

describe('launch', () => {
  test('gives the child in the turn in which it is called, and itself when that is ready', async () => {
    const life = open()
    const launched = launch(life, 'sleep', ['60'], { name: 'sleeper' })
    expect(launched.pid).toBe(launched.child.pid)
    expect(launched.path).toBe('/life/sleeper')
    expect(life.snapshot().size).toBe(1)
    expect(await launched.ready).toBe(launched)
  })

  test('gives a child without a pid where the command does not exist, and its promises say so', async () => {
    const life = open()
    const launched = launch(life, '/nowhere', [], { name: 'it' })
    expect(launched).toMatchObject({ pid: Number.NaN, path: '/life/it', parentDeathGuard: 'none', lastWords: [] })
    expect(life.snapshot().size).toBe(0)
    await expect(launched.ready).rejects.toBeInstanceOf(ChildError)
    const flags = { forced: false, abandoned: false, oomHint: false }
    expect(await launched.ended).toEqual({ code: null, signal: null, ...flags, lastWords: [] })
    expect(await launched.stop()).toBe(await launched.ended)
  })

  test('throws what the system refuses at once', () => {
    expect(() => launch(open(), 'true', ['x'.repeat(3_000_000)])).toThrow(
      expect.objectContaining({ name: 'ChildError', code: 'ERR_SPAWN_FAILED' }),
    )
  })

  test('throws the reason of a signal that has aborted', () => {
    const reason = new Error('never mind')
    expect(() => launch(open(), 'true', [], { signal: AbortSignal.abort(reason) })).toThrow(reason)
  })

  test('gives no two trees the same mark, also one inside the other', async () => {
    const life = open()
    const env = { ...process.env, ENDSWELL_TREE: 'outer' }
    const marks = [1, 2].map(() => markOf(launch(life, 'sleep', ['60'], { env }).pid))
    expect(new Set([...marks, 'outer', 'none']).size).toBe(4)
  })

  test('leaves its guard in place where nothing ends the child, until that exits after all', async () => {
    const clock = new FakeClock()
    const life = new Lifecycle({ name: 'life', clock })
    const launched = launch(life, 'sleep', ['60'])
    const { child, pid } = launched
    const deaf = vi.spyOn(process, 'kill').mockReturnValue(true)
    child.kill = () => true
    const closing = life.close({ force: true })
    await clock.advance(1_000)
    expect((await closing).counts).toMatchObject({ abandoned: 1 })
    expect(await launched.ended).toMatchObject({ code: null, signal: null, abandoned: true })
    expect(launched.parentDeathGuard).toBe('sidecar')
    deaf.mockRestore()
    process.kill(pid, 'SIGKILL')
    await once(child, 'exit')
    expect(launched.parentDeathGuard).toBe('none')
    await until('no sidecar is left', () => sidecarsOf(process.pid).length === 0)
  })

  test('gives the child no pipe but its own', async () => {
    const life = open()
    const bare = launch(life, 'sleep', ['60'], { output: 'ignore', onParentDeath: 'none' })
    const guarded = launch(life, 'sleep', ['60'], { output: 'ignore' })
    await until('both run', () => [bare, guarded].every(({ pid }) => read(pid, 'cmdline').startsWith('sleep')))
    expect(pipesOf(guarded.pid)).toEqual(pipesOf(bare.pid))
  })
})

describe('what guards a tree when this process dies', () => {
  test.runIf(canPdeathsig)('is the kernel, where that was asked for; the child keeps its pid', async () => {
    const life = open()
    const child = launch(life, 'sh', ['-c', 'echo $$; exec sleep 60'], { onParentDeath: 'pdeathsig', readyWhen: /./ })
    await child.ready
    expect(child.parentDeathGuard).toBe('pdeathsig')
    expect(child.lastWords).toEqual([String(child.pid)])
    expect(sidecarsOf(process.pid)).toEqual([])
  })

  test.each(['sidecar', 'pdeathsig'] as const)('is refused where it is not to be had: %s', (wanted) => {
    vi.spyOn(process, 'platform', 'get').mockReturnValue('win32')
    expect(() => coverFor(scopeOf(open()), 'x', wanted)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }))
  })

  test('is nobody by default where there is no shell', () => {
    vi.spyOn(process, 'platform', 'get').mockReturnValue('win32')
    expect(coverFor(scopeOf(open()), 'x').mechanism).toBe('none')
  })

  test('is not the kernel in a thread, with which the child would end', async () => {
    const file = new URL('../../../src/process/guard/pdeathsig.ts', import.meta.url).href
    const text = `import(${JSON.stringify(file)}).then(({ findSetpriv }) => require('worker_threads').parentPort.postMessage(findSetpriv() ?? 'none'))`
    const worker = new Worker(text, { eval: true })
    expect(await new Promise((resolve) => worker.once('message', resolve))).toBe('none')
    await worker.terminate()
  })
})
