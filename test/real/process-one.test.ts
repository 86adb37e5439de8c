import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Row } from 'endswell'
import type { KillTreeResult } from 'endswell/process'
import { describe, expect, test } from 'vitest'

const program = fileURLToPath(new URL('../fixtures/forest/process-one.ts', import.meta.url))
const namespace = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']
/** A namespace of processes, as a container has, needs rights that not every machine gives. */
const canUnshare = spawnSync('unshare', [...namespace.slice(1), 'true']).status === 0
/** A shell reaps whoever is handed to it while it waits, as an init does. */
const init = ['sh', '-c', '"$@"; exit $?', 'init']

interface Told {
  readonly pid: number
  readonly result: KillTreeResult
  /** Members that were zombies afterwards, by what the system said. */
  readonly left: readonly number[]
  readonly rows: readonly Row[]
  readonly leftByLife: readonly number[]
}

async function tell(command: readonly string[]): Promise<Told> {
  const [file = '', ...args] = [...command, process.execPath, program]
  const { stdout } = await promisify(execFile)(file, args, { timeout: 18_000, killSignal: 'SIGKILL' })
  return JSON.parse(stdout) as Told
}

describe.runIf(canUnshare)('as process 1 of a container', () => {
  test('a tree is ended, its orphans stay zombies that nobody reaps, and that is told with its remedy', async () => {
    const { pid, result, left, rows, leftByLife } = await tell(namespace)
    expect(pid).toBe(1)
    expect(result).toMatchObject({ outcome: 'forced', survivors: [] })
    expect(left.length).toBeGreaterThan(0)
    expect([...result.zombies].sort()).toEqual([...left].sort())
    expect(leftByLife.length).toBeGreaterThan(0)
    expect(rows).toMatchObject([{ outcome: 'forced', note: expect.stringContaining('--init') }])
  })

  test('below an init that reaps there are none', async () => {
    const { pid, result, rows } = await tell([...namespace, ...init])
    expect(pid).not.toBe(1)
    expect(result).toMatchObject({ outcome: 'forced', survivors: [], zombies: [] })
    expect(JSON.stringify(rows)).not.toContain('--init')
  })
})

test('outside a container there are no zombies to tell of', async () => {
  const { result, rows } = await tell([])
  expect(result).toMatchObject({ outcome: 'forced', survivors: [], zombies: [] })
  expect(JSON.stringify(rows)).not.toContain('--init')
})
