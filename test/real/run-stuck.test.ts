import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Program, rowOf } from '../fixtures/run/program.ts'

/** A pipe to which nobody writes: whoever opens it to read waits in the kernel. */
function silentPipe(): string {
  const folder = mkdtempSync(join(tmpdir(), 'endswell-'))
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return fifo
}

test('a worker that is stuck in a native call is abandoned, and the process ends all the same, with its status', async () => {
  const { status, out, err } = await new Program('stuck.ts', ['worker', silentPipe()]).exit
  expect({ status, out }).toEqual({ status: 81, out: 'exits with 81\n' })
  expect(rowOf(err, '/app/reader')).toMatchObject({ kind: 'worker', outcome: 'abandoned' })
})

test.each([
  ['a worker that nobody has registered', 'stranger'],
  ['a worker that was there before', 'elder'],
  ['an operation of the thread pool', 'file'],
])('what nobody knows of, and is stuck in a native call, holds the exit up for a while only: %s', async (_, what) => {
  const { status, signal, out } = await new Program('stuck.ts', [what, silentPipe()]).exit
  expect(out).toBe('exits with 0\n')
  expect({ status, signal }).toEqual({ status: null, signal: 'SIGKILL' })
})

test('where nothing is stuck the exit is an ordinary one', async () => {
  const { status, out } = await new Program('stuck.ts', ['nothing']).exit
  expect({ status, out }).toEqual({ status: 0, out: 'exits with 0\n' })
})
