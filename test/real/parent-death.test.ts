import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { findSetpriv } from '../../src/process/guard/pdeathsig.ts'
import { everybody, marked, read } from '../fixtures/parent-death/trees.ts'
import { lives } from '../fixtures/processes.ts'
import { until } from '../fixtures/until.ts'

const program = fileURLToPath(new URL('../fixtures/parent-death/parent.ts', import.meta.url))
const starting = fileURLToPath(new URL('../fixtures/parent-death/starting.ts', import.meta.url))
const setpriv = findSetpriv() ?? 'none'
const canPdeathsig = spawnSync(setpriv, ['--pdeathsig', 'KILL', '--', 'true']).status === 0

/** How often each is done; 50 for figures worth printing. */
const rounds = Number(process.env['ENDSWELL_ROUNDS'] ?? 2)
const figures: string[] = []

afterAll(() => {
  if (process.env['ENDSWELL_ROUNDS'] !== undefined) process.stdout.write(`${figures.join('\n')}\n`)
})

/** What the parent tells of its tree. */
interface Tree {
  readonly pid: number
  readonly mark: string
  readonly pids: readonly number[]
  readonly sidecars: readonly number[]
  readonly parentDeathGuard: string
}

const trees = ['idle', 'spinning', 'grandchild', 'setsid'] as const

/** Has a parent start a tree, and come to its end. Nothing of it outlives the test. */
async function grief(tree: string, guard: string, end: string): Promise<{ tree: Tree; ms: number }> {
  const parent = spawn(process.execPath, [program, tree, guard, end], { stdio: ['ignore', 'pipe', 'pipe'] })
  let told: Tree | undefined
  onTestFinished(async () => {
    parent.kill('SIGKILL')
    const left = () => [...(told?.pids ?? []), ...(told?.sidecars ?? [])].filter(lives)
    for (const pid of left()) process.kill(pid, 'SIGKILL')
    await until('nothing of the test lives', () => left().length === 0)
  })
  parent.stderr.resume()
  const exit = once(parent, 'exit')
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
  told = JSON.parse(line) as Tree
  if (end.startsWith('SIG')) parent.kill(end as NodeJS.Signals)
  await exit
  const from = performance.now()
  const { pids, sidecars, mark } = told
  if (guard !== 'none') {
    await until('all are dead', () => marked(mark).length === 0 && ![...pids, ...sidecars].some(lives))
  }
  return { tree: told, ms: performance.now() - from }
}

test.each(trees)(
  'no orphan is left of a tree when its parent is killed by SIGKILL: %s',
  async (name) => {
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      const { tree, ms } = await grief(name, 'auto', 'SIGKILL')
      expect(tree.pids).toContain(tree.pid)
      expect({ guard: tree.parentDeathGuard, sidecars: tree.sidecars.length }).toEqual({
        guard: 'sidecar',
        sidecars: 1,
      })
      times.push(ms)
    }
    times.sort((a, b) => a - b)
    figures.push(
      `${name}: ${rounds} rounds, dead after ${times[rounds >> 1]?.toFixed(1)} ms (${times.at(-1)?.toFixed(1)} at most)`,
    )
  },
  120_000,
)

test('no orphan is left of a service that was started by a service that is killed', async () => {
  const { tree } = await grief('nested', 'auto', 'SIGKILL')
  expect(tree.pids).toHaveLength(4)
})

test('no orphan is left of what was just being started when the parent was killed', async () => {
  for (let round = 0; round < rounds; round++) {
    const id = crypto.randomUUID()
    const env = { ...process.env, ENDSWELL_TEST: id }
    const parent = spawn(process.execPath, [starting], { stdio: ['ignore', 'pipe', 'inherit'], env })
    const carriers = () => everybody().filter((pid) => read(pid, 'environ').includes(id))
    onTestFinished(() => {
      for (const pid of carriers()) process.kill(pid, 'SIGKILL')
    })
    await once(parent.stdout, 'data')
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40))
    parent.kill('SIGKILL')
    await once(parent, 'exit')
    await until('all are dead', () => carriers().length === 0)
  }
}, 120_000)

test.runIf(canPdeathsig).each(['idle', 'spinning'])(
  'nor is one of a child that the kernel guards: %s',
  async (name) => {
    const { tree } = await grief(name, 'pdeathsig', 'SIGKILL')
    expect({ guard: tree.parentDeathGuard, sidecars: tree.sidecars }).toEqual({ guard: 'pdeathsig', sidecars: [] })
  },
)

test.each(trees)('where nobody guards it, a tree outlives its parent: %s', async (name) => {
  const { tree } = await grief(name, 'none', 'SIGKILL')
  expect({ guard: tree.parentDeathGuard, sidecars: tree.sidecars }).toEqual({ guard: 'none', sidecars: [] })
  expect(tree.pids.every(lives)).toBe(true)
})

test.each(['SIGTERM', 'exit', 'error'])(
  'no orphan is left when a parent ends by %s with all open',
  async (end) => {
    for (let round = 0; round < rounds; round++) await grief('setsid', 'auto', end)
  },
  120_000,
)
