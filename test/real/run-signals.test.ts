import { describe, expect, test } from 'vitest'
import { lineOf, Program } from '../fixtures/run/program.ts'

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends a run gently, and the status is 0, not the signal', async (signal) => {
  const program = new Program('service.ts', [{}, 'quick'])
  const { status, signal: died, out, err } = await program.stop(signal)
  expect({ status, died }).toEqual({ status: 0, died: null })
  expect(out).toBe('ready\nclosing quick\nclosing work\nover\n')
  expect(lineOf(err)).toMatchObject({ status: 0, path: '/app', reason: `${signal} came`, counts: { closed: 3 } })
})
