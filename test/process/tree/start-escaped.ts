import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { procTable } from '../../../src/process/tree/proc-table.ts'
import type { Sighting } from '../../../src/process/tree/process-table.ts'
import { lives } from '../../fixtures/processes.ts'
import { until } from '../../fixtures/until.ts'

/** A child, and one that it has started, which has left its group, its session and its parent, but holds its pipe. */
export interface Escape {
  readonly child: ChildProcess
  readonly pid: number
}

/** Starts both. Neither survives the test. */
export async function startEscaped(options: SpawnOptions = {}): Promise<Escape> {
  const script = 'sh -c "setsid sleep 60 & echo \\$!"; read wait'
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'], ...options })
  if (child.stdout === null) throw new Error('the pipe is what it is about')
  const pid = Number(`${(await once(child.stdout, 'data'))[0]}`)
  onTestFinished(() => {
    child.kill('SIGKILL')
    if (lives(pid)) process.kill(pid, 'SIGKILL')
  })
  const all = () => procTable.all() as readonly Sighting[]
  await until('it has escaped', () => {
    const rows = all()
    return rows.some((row) => row.pid === pid && row.session === pid) && !rows.some((row) => row.parent === child.pid)
  })
  return { child, pid }
}
