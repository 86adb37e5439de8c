import type { ChildProcess } from 'node:child_process'
import { PassThrough, Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
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
  expect(drainPipes(childOf(), { clock, stop: never, hurry: never })).toBeUndefined()
  expect(drainPipes({} as ChildProcess, { clock, stop: never, hurry: never })).toBeUndefined()
  await drainPipes(childOf(null, undefined, closed), { clock, stop: never, hurry: never })
  expect(drainPipes(childOf(new PassThrough()), { clock, stop: stopped, hurry: never })).toBeUndefined()
  expect(clock.pending).toBe(0)
})

test('pipes that close by themselves are waited for, and nothing stays on them', async () => {
  const clock = new FakeClock()
  const pipes = [new PassThrough(), new PassThrough()]
  const before = pipes.map((pipe) => listeners(pipe))
  const draining = drainPipes(childOf(null, ...pipes), { clock, stop: never, hurry: never })
  for (const pipe of pipes) pipe.destroy()
  await draining
  expect([pipes.map((pipe) => listeners(pipe)), clock.pending]).toEqual([before, 0])
})

test('pipes that stay open are destroyed after 100 ms', async () => {
  const clock = new FakeClock()
  const pipe = new PassThrough()
  const draining = drainPipes(childOf(pipe), { clock, stop: never, hurry: never })
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
  drainPipes(childOf(pipe), { clock, stop: stop.signal, hurry: never })
  stop.abort()
  await clock.advance(200)
  expect([pipe.destroyed, listeners(pipe), clock.pending]).toEqual([false, before, 0])
})

/** A pipe that was read, and whose reader then takes its time over what has come. */
async function slowlyRead(how: string): Promise<PassThrough> {
  const pipe = new PassThrough()
  if (how === 'paused') pipe.on('data', () => {}).pause()
  else if (how === 'waiting for a sink') pipe.pipe(new Writable({ highWaterMark: 1, write() {} }))
  else void pipe[Symbol.asyncIterator]().next()
  for (let round = 0; round < 3; round++) {
    pipe.write('x')
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(pipe.readableLength).toBeGreaterThan(0)
  return pipe
}

describe.each(['paused', 'waiting for a sink', 'iterated over'])('output whose reader is %s', (how) => {
  test('is not thrown away, and the pipe is destroyed when it has stood empty for 100 ms', async () => {
    const clock = new FakeClock()
    const pipe = await slowlyRead(how)
    const draining = drainPipes(childOf(pipe), { clock, stop: never, hurry: never })
    await clock.advance(5_000)
    expect(pipe.destroyed).toBe(false)
    while (pipe.read() !== null) {} // Node 26 gives it piece by piece.
    await clock.advance(99)
    expect(pipe.destroyed).toBe(false)
    await clock.advance(101)
    await draining
    expect([pipe.destroyed, clock.pending]).toEqual([true, 0])
  })

  test('is thrown away when there is no time left for it', async () => {
    const clock = new FakeClock()
    const hurry = new AbortController()
    const pipe = await slowlyRead(how)
    const draining = drainPipes(childOf(pipe), { clock, stop: never, hurry: hurry.signal })
    await clock.advance(1_000)
    hurry.abort()
    await clock.advance(100)
    await draining
    expect(pipe.destroyed).toBe(true)
  })
})

test('output that nobody reads is not waited for', async () => {
  const clock = new FakeClock()
  const pipe = new PassThrough()
  pipe.write('x')
  const draining = drainPipes(childOf(pipe), { clock, stop: never, hurry: never })
  await clock.advance(100)
  await draining
  expect(pipe.destroyed).toBe(true)
})

test.each([1, 2])('all who listen for the close of %i pipes have heard of it when it is done', async (count) => {
  const pipes = Array.from({ length: count }, () => new PassThrough())
  let closed = 0
  const draining = drainPipes(childOf(...pipes), { clock: new FakeClock(), stop: never, hurry: never })
  for (const pipe of pipes) pipe.on('close', () => closed++).destroy()
  await draining
  expect(closed).toBe(count)
})

test('a pipe that has closed and not told of it yet is waited for', async () => {
  const pipe = new PassThrough().destroy()
  let isTold = false
  pipe.on('close', () => {
    isTold = true
  })
  expect(pipe.closed).toBe(true)
  await drainPipes(childOf(pipe), { clock: new FakeClock(), stop: never, hurry: never })
  expect(isTold).toBe(true)
})
