import { exec, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Lifecycle } from 'endswell'
import { expect, onTestFinished, test } from 'vitest'
import { lives, type Mode, start } from '../fixtures/processes.ts'

const program = fileURLToPath(new URL('../fixtures/child.ts', import.meta.url))
const GRACE = 300

test('groups of processes, half of which ignore SIGTERM, are all dead soon after the grace', async () => {
  const life = new Lifecycle({ name: 'life', grace: GRACE, order: 'parallel' })
  const trees: Mode[][] = [
    ['obey', 'ignore', 'obey'],
    ['ignore', 'obey', 'ignore'],
    ['obey', 'obey', 'ignore'],
    ['ignore', 'ignore', 'obey'],
  ]
  const started = await Promise.all(trees.map((modes) => start(modes, { detached: true })))
  const pids = started.flatMap((each) => each.pids)
  expect(pids.filter(lives)).toHaveLength(12)
  for (const { child } of started) life.use(child)
  const report = await life.close()
  expect(pids.filter(lives)).toEqual([])
  expect(report.counts).toEqual({ closed: 0, forced: 4, failed: 0, abandoned: 0 })
  expect(report.ms).toBeGreaterThanOrEqual(GRACE - 2)
})

test.each([
  ['exec', () => exec(`exec ${process.execPath} ${program} obey`)],
  ['execFile', () => execFile(process.execPath, [program, 'obey'])],
  ['fork', () => fork(program, ['obey'], { silent: true })],
])('what %s starts is closed, its pipes and channel too', async (_, run) => {
  const child = run()
  onTestFinished(() => void child.kill('SIGKILL'))
  if (child.stdout !== null) await once(child.stdout, 'data')
  const life = new Lifecycle('life')
  life.use(child)
  const close = once(child, 'close')
  expect((await life.close()).counts).toMatchObject({ closed: 1 })
  await close
  expect([child.signalCode, child.connected]).toEqual(['SIGTERM', false])
  expect(child.stdio.every((pipe) => pipe === null || pipe === undefined || pipe.destroyed)).toBe(true)
})

test('a child that cannot be spawned leaves its lifecycle', async () => {
  const life = new Lifecycle('life')
  const child = life.use(execFile('/nowhere/at/all', () => {}))
  await new Promise((resolve) => child.on('close', resolve))
  expect(life.snapshot().size).toBe(0)
})

test('a child that is released is closed, and the others live on', async () => {
  const life = new Lifecycle('life')
  const [one, two] = [life.use((await start(['obey'])).child), life.use((await start(['obey'])).child)]
  expect(await life.release(one)).toBe('closed')
  expect([one.signalCode, two.signalCode]).toEqual(['SIGTERM', null])
  expect(life.snapshot().resources).toMatchObject([{ kind: 'child-process', description: `pid ${two.pid}` }])
  await life.close()
})
