import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/lifecycle/clock.ts'
import { Killing } from '../../../src/process/tree/killing.ts'
import { ProcessTree } from '../../../src/process/tree/process-tree.ts'
import { taskkillTable } from '../../../src/process/tree/taskkill.ts'
import { lives, type Mode, start } from '../../fixtures/processes.ts'
import { until } from '../../fixtures/until.ts'

/** Has taskkill end a child, played by a function that knows whom it would end. */
async function played(modes: readonly Mode[], signal: NodeJS.Signals = 'SIGTERM') {
  const { child, pids } = await start(modes)
  const runs: string[] = []
  const run = (file: string, args: readonly string[]) => {
    runs.push([file, ...args].join(' '))
    for (const pid of pids) if (lives(pid)) process.kill(pid, args.includes('/F') ? 'SIGKILL' : 'SIGTERM')
  }
  const tree = new ProcessTree(taskkillTable(child.pid ?? 0, run), { pid: child.pid ?? 0, child })
  const { result } = new Killing(tree, { signal, grace: 200, reap: 2_000, clock: systemClock })
  return { result: await result, runs, pids, command: `C:\\Windows\\System32\\taskkill.exe /PID ${child.pid} /T` }
}

test('a tree that ends gently is asked once', async () => {
  const { result, runs, command } = await played(['obey', 'obey'])
  expect(result).toMatchObject({ outcome: 'closed', method: 'taskkill', survivors: [] })
  expect(runs).toEqual([command])
})

test('a tree that does not is forced at the grace', async () => {
  const { result, runs, pids, command } = await played(['ignore', 'ignore'])
  expect(result).toMatchObject({ outcome: 'forced', method: 'taskkill', forced: [pids[0]] })
  expect(runs).toEqual([command, `${command} /F`])
  // The table knows of the root alone; who is below it dies as soon.
  await until('all of it is dead', () => !pids.some(lives))
})

test('a tree is forced at once where the signal is SIGKILL', async () => {
  const { result, runs, command } = await played(['obey'], 'SIGKILL')
  expect([result.outcome, runs]).toEqual(['forced', [`${command} /F`]])
})

test('the folder of Windows is where the system says', () => {
  const before = process.env['SystemRoot']
  process.env['SystemRoot'] = 'D:\\Win'
  onTestFinished(() => {
    if (before === undefined) delete process.env['SystemRoot']
    else process.env['SystemRoot'] = before
  })
  const files: string[] = []
  taskkillTable(4711, (file) => files.push(file)).signal(4711, 'SIGTERM')
  expect(files).toEqual(['D:\\Win\\System32\\taskkill.exe'])
})

test('one that is gone is seen as such', async () => {
  const { child } = await start(['obey'])
  const { pid = 0 } = child
  const table = taskkillTable(pid)
  expect([table.all(), table.marked('A=b', [])]).toMatchObject([[{ pid }], []])
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
  expect(table.some([pid, process.pid])).toMatchObject([{ pid: process.pid }])
})
