import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Lifecycle } from '../../../src/index.ts'
import { scopeOf } from '../../../src/lifecycle/lifecycle.ts'
import { type Cover, coverFor } from '../../../src/process/guard/parent-death.ts'
import { spawnChild } from '../../../src/process/spawn-child.ts'
import { sidecarsOf } from '../../fixtures/parent-death/trees.ts'
import { lives } from '../../fixtures/processes.ts'
import { until } from '../../fixtures/until.ts'

/** A lifecycle that is closed with the test, with the sidecars that it is to leave. */
function open(): Lifecycle {
  const life = new Lifecycle('life')
  onTestFinished(async () => {
    await life.close({ force: true })
    await noSidecar()
  })
  return life
}

const noSidecar = () => until('no sidecar is left', () => sidecarsOf(process.pid).length === 0)

/** Covers a tree that nobody has started. */
function cover(life: Lifecycle): Cover {
  return coverFor(scopeOf(life), crypto.randomUUID())
}

describe('the sidecar of a lifecycle', () => {
  test('serves all its children, one after the other, also those in scopes that have closed since', async () => {
    const life = open()
    const seen = new Set<number>()
    for (let round = 0; round < 5; round++) {
      const scope = life.scope('inside')
      const { ended } = await spawnChild(scope, 'true')
      for (const pid of sidecarsOf(process.pid)) seen.add(pid)
      await ended
      await scope.close()
    }
    expect(seen.size).toBe(1)
    expect(sidecarsOf(process.pid)).toEqual([...seen])
  })

  test('ends when that has closed, whatever is in it then', async () => {
    for (const isEmpty of [true, false]) {
      const life = open()
      cover(life.scope('inside')).end()
      if (!isEmpty) life.defer(() => expect(sidecarsOf(process.pid)).toHaveLength(1))
      expect(sidecarsOf(process.pid)).toHaveLength(1)
      expect((await life.close()).counts).toMatchObject({ failed: 0 })
      await noSidecar()
    }
  })

  test('stays until what could not be ended is gone', async () => {
    const life = open()
    const one = cover(life)
    await life.close()
    expect(one.mechanism).toBe('sidecar')
    one.end()
    await noSidecar()
  })

  test('is there for what is started in a scope that was to close, and was forgotten', async () => {
    const life = open()
    const inside = life.scope('inside')
    cover(life).end()
    life.forget('inside')
    await life.close()
    await noSidecar()
    const one = cover(inside)
    expect(one.mechanism).toBe('sidecar')
    one.end()
    await inside.close()
  })

  test('does not hold a lifecycle that was dropped; it ends with the process', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const dropped = drop()
    await until('it is collected', () => {
      gc()
      return dropped.deref() === undefined
    })
    for (const pid of sidecarsOf(process.pid)) process.kill(pid, 'SIGKILL')
    await noSidecar()

    function drop(): WeakRef<object> {
      const life = new Lifecycle('life')
      cover(life).end()
      return new WeakRef(scopeOf(life))
    }
  })

  test('does not keep a process alive whose lifecycle nobody closes, and ends with that', async () => {
    const source = (path: string) => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href)
    const program = `
      const { Lifecycle } = await import(${source('lifecycle/lifecycle.ts')})
      const { spawnChild } = await import(${source('process/spawn-child.ts')})
      globalThis.life = new Lifecycle('life')
      const { ended } = await spawnChild(life, 'true')
      await ended
      const { sidecarsOf } = await import(${JSON.stringify(new URL('../../fixtures/parent-death/trees.ts', import.meta.url).href)})
      console.log(JSON.stringify(sidecarsOf(process.pid)))
    `
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void parent.kill('SIGKILL'))
    const [told] = (await once(parent.stdout, 'data')) as [Buffer]
    const sidecars = JSON.parse(told.toString()) as number[]
    expect(sidecars).toHaveLength(1)
    expect(await once(parent, 'exit')).toEqual([0, null])
    await until('it has gone', () => !sidecars.some(lives))
  })
})
