import { expect, test } from 'vitest'
import { Program } from '../fixtures/run/program.ts'

test('what is written at last has its own time, also after a closing that took all of its', async () => {
  const { status, out } = await new Program('endings.ts', ['flushes long']).stop()
  expect({ status, out }).toEqual({ status: 81, out: 'ready\nlog written\n' })
})

test('an event loop that is blocked while it drains ends with status 83', async () => {
  const { status, err } = await new Program('endings.ts', ['blocks while it drains']).stop()
  expect(status).toBe(83)
  expect(err).toMatch(/^ {2}at busy \(.*endings\.ts:/m)
})

test('a main function that fails when all has been closed has failed all the same', async () => {
  const { status, err } = await new Program('endings.ts', ['fails afterwards']).exit
  expect(status).toBe(1)
  expect(err).toContain('half imported')
})

test('a signal that comes while the process exits does not change its status', async () => {
  const program = new Program('endings.ts', ['leaves long'])
  void program.stop()
  await program.said('leaving')
  program.child.kill('SIGTERM')
  const { status, signal } = await program.exit
  expect({ status, signal }).toEqual({ status: 0, signal: null })
})

test('a run in a worker ends that worker, and never the process', async () => {
  const { status, signal, out } = await new Program('in-worker.ts').exit
  expect({ status, signal, out }).toEqual({ status: 0, signal: null, out: 'the worker exited with 0\n' })
})
