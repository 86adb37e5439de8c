import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Exit } from '../fixtures/run/program.ts'
import { until } from '../fixtures/until.ts'
import { start } from '../fixtures/watchdog/start.ts'

const head = 'endswell: the event loop has been blocked past the deadline of /app/prices (step, 200 ms)'

/** What the last words were given. */
function blockIn({ err }: Exit) {
  const [, json = '{}'] = err.match(/^last words: (.+)$/m) ?? []
  return JSON.parse(json)
}

describe('an event loop that is blocked past a deadline ends the process with 83, and its culprit is named:', () => {
  test.each([
    'a loop',
    'a loop that catches everything',
    'a loop after an await',
    'a loop in a timer',
    'a loop, with reads that hang',
    'a regular expression',
    'microtasks',
    'awaits',
    'process.nextTick',
    'a function with a process of its own',
    'Atomics.wait',
  ])('%s', async (way) => {
    const exit = await start(way, { file: fifo() }).exit
    expect(exit).toMatchObject({ status: 83, signal: null })
    const [first, culprit] = exit.err.split('\n')
    expect(first).toBe(head)
    expect(culprit).toMatch(/^ {2}at spin \(\/.+\/blocked\.ts:\d+:\d+\)$/)
    expect(blockIn(exit)).toMatchObject({ path: '/app/prices', budget: 'step', ms: 200 })
    expect(blockIn(exit).frames).toContainEqual(expect.objectContaining({ function: 'spin' }))
    // In the midst of what never ends, nothing else of the application runs; and Node says nothing of its own.
    expect(exit.out).toBe('ready\n')
    expect(exit.err).not.toContain('debugger')
  })

  test('in another context', async () => {
    const exit = await start('another context').exit
    expect(exit.status).toBe(83)
    expect(exit.err).toContain('\n  at spin (elsewhere.js:1:')
  })
})

test('the status can be another', async () => {
  expect((await start('a loop', { status: 7 }).exit).status).toBe(7)
})

test.each(['a child process', 'pbkdf2'])('what is blocked in native code is killed, and says so (%s)', async (way) => {
  const program = start(way)
  onTestFinished(() => {
    const [, sleeper] = program.err.match(/sleeper (\d+)/) ?? []
    if (sleeper !== undefined) process.kill(Number(sleeper), 'SIGKILL')
  })
  await once(program.child, 'exit')
  expect(program.child.signalCode).toBe('SIGKILL')
  const told = 'is blocked past the deadline of /app/prices (step, 200 ms) in native code'
  await until('it is told', () => program.err.includes(told))
})

describe('the last words', () => {
  test('that throw are told of, and the status stays', async () => {
    const { status, err } = await start('a loop', { words: 'throws' }).exit
    expect(status).toBe(83)
    expect(err).toContain('endswell: the last words failed: Error: lost for words')
  })

  test('that never end are cut by a kill', async () => {
    const { signal, err } = await start('a loop', { words: 'loops' }).exit
    expect(signal).toBe('SIGKILL')
    expect(err).toContain('endswell: the last words did not end: the process is killed\n')
  })

  test.each(['says', 'floods'])('that nobody reads, on a pipe that is full, hold nothing up (%s)', async (words) => {
    const program = start('a loop', { words }, { stdio: ['ignore', 'pipe', fullPipe() as never] })
    const { status, signal } = await program.exit
    expect(signal ?? status).toBe('SIGKILL')
  })
})

/** A pipe with a name, to which nobody writes. */
function fifo(): string {
  const folder = mkdtempSync(join(tmpdir(), 'endswell-fifo-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  return path
}

/** What writes to it waits for ever: it is full, and nobody reads. */
function fullPipe(): number {
  const path = fifo()
  const filler = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const end = openSync(path, constants.O_RDWR)
  onTestFinished(() => {
    closeSync(filler)
    closeSync(end)
  })
  try {
    for (;;) writeSync(filler, 'x'.repeat(4_096))
  } catch {
    return end
  }
}
