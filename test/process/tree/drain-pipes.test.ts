import type { ChildProcess } from 'node:child_process'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { drainPipes } from '../../../src/process/tree/drain-pipes.ts'
import { FakeClock } from '../../../src/testing/fake-clock.ts'
import { listeners } from '../../fixtures/listeners.ts'

/** A child that has exited, with some pipes. */
const childOf = (...stdio: unknown[]) => ({ stdio }) as unknown as ChildProcess
const never = new AbortController().signal

test('there is nothing to wait for without pipes, with closed ones, or when nobody waits any more', async () => {
  const closed = new PassThrough().destroy()
  await new Promise((resolve) => closed.on('close', resolve))
  const stopped = AbortSignal.abort()
  const clock = new FakeClock()
  expect(drainPipes(childOf(), clock, never)).toBeUndefined()
  expect(drainPipes({} as ChildProcess, clock, never)).toBeUndefined()
  expect(drainPipes(childOf(null, undefined, closed), clock, never)).toBeUndefined()
  expect(drainPipes(childOf(new PassThrough()), clock, stopped)).toBeUndefined()
  expect(clock.pending).toBe(0)
})

test('pipes that close by themselves are waited for, and nothing stays on them', async () => {
  const clock = new FakeClock()
  const pipes = [new PassThrough(), new PassThrough()]
  const before = pipes.map((pipe) => listeners(pipe))
  const draining = drainPipes(childOf(null, ...pipes), clock, never)
  for (const pipe of pipes) pipe.destroy()
  await draining
  expect([pipes.map((pipe) => listeners(pipe)), clock.pending]).toEqual([before, 0])
})

test('pipes that stay open are destroyed after 100 ms', async () => {
  const clock = new FakeClock()
  const pipe = new PassThrough()
  const draining = drainPipes(childOf(pipe), clock, never)
  await clock.advance(99)
  expect(pipe.destroyed).toBe(false)
  await clock.advance(1)
  await draining
  expect(pipe.destroyed).toBe(true)
})

test('when nobody waits any more it lets go of them, and they stay open', async () => {
  const clock = new FakeClock()
  const pipe = new PassThrough()
  const before = listeners(pipe)
  const stop = new AbortController()
  drainPipes(childOf(pipe), clock, stop.signal)
  stop.abort()
  await clock.advance(200)
  expect([pipe.destroyed, listeners(pipe), clock.pending]).toEqual([false, before, 0])
})
