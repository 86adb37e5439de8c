import { once } from 'node:events'
import * as fs from 'node:fs'
import { afterEach, expect, test, vi } from 'vitest'
import { childProcess } from '../../src/process/child-process.ts'
import { ledGroup } from '../../src/process/group.ts'
import { TestContext } from '../fixtures/context.ts'
import { start } from '../fixtures/processes.ts'

vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  return { ...real, readFileSync: vi.fn(real.readFileSync) }
})

afterEach(() => {
  vi.resetAllMocks()
})

test('without /proc, a group is known by whether it can be signalled', async () => {
  const detached = await start(['obey'], { detached: true })
  const attached = await start(['obey'])
  vi.mocked(fs.readFileSync).mockImplementation(() => {
    throw Object.assign(new Error('no /proc here'), { code: 'ENOENT' })
  })
  expect(ledGroup(detached.child)).toBe(detached.child.pid)
  expect(ledGroup(attached.child)).toBeUndefined()
  for (const { child } of [detached, attached]) {
    const exit = once(child, 'exit')
    await childProcess.close(child, new TestContext())
    await exit
    expect(childProcess.isGone?.(child)).toBe(true)
  }
})
