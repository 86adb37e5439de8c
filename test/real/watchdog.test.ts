import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Exit, Program } from '../fixtures/run/program.ts'
import { until } from '../fixtures/until.ts'

/** Starts a program that blocks its loop in that way. */
function start(
  way: string,
  options: object = {},
  surroundings: ConstructorParameters<typeof Program>[2] = {},
): Program {
  return new Program('../watchdog/blocked.ts', [way, options], surroundings)
}

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

describe('nothing is ended', () => {
  test.each([
    ['whose loop turns, however late', 'a loop that turns', 1_500],
    ['whose loop is blocked for less than its deadline', 'a loop that blocks for a while', 150],
    ['whose loop is blocked past it for less than the slack', 'a loop that blocks for a while', 300],
    ['that is over in time', 'nothing', 0],
  ])('%s; it ends by itself, and nothing of the watchdog is left', async (_, way, ms) => {
    expect(await start(way, { for: ms }).exit).toEqual({
      ...{ status: 0, signal: null, err: '' },
      out: 'ready\ndone 0 false\nexit listener\n',
    })
  })

  test.each([
    ['before its deadline', 1_000],
    ['after its deadline', 1],
  ])('that was suspended, begun %s', async (_, deadline) => {
    const program = start('a loop that turns until it is told', { deadline, slack: 200 })
    await program.said('ready')
    await sleep(300)
    for (let times = 0; times < 3; times += 1) {
      program.child.kill('SIGSTOP')
      await sleep(1_000)
      program.child.kill('SIGCONT')
      await sleep(50)
    }
    await sleep(500)
    program.child.kill('SIGUSR2')
    expect(await program.exit).toMatchObject({ status: 0, err: '' })
  })
})

describe('the thread', () => {
  // Past the streams of the thread, which nobody reads.
  const load = "--import=data:text/javascript,import{writeSync}from'node:fs';writeSync(1,'loaded,')"

  test.each([
    ['its environment', [], { NODE_OPTIONS: load }],
    ['its command line', [load], {}],
  ])('does not run what the application has Node load first by %s', (_, flags, env) => {
    const file = fileURLToPath(new URL('../fixtures/watchdog/blocked.ts', import.meta.url))
    const { status, stdout } = spawnSync(process.execPath, [...flags, file, 'a loop'], {
      ...{ encoding: 'utf8', timeout: 15_000, killSignal: 'SIGKILL' },
      env: { ...process.env, NODE_OPTIONS: '', ...env },
    })
    expect({ status, stdout }).toEqual({ status: 83, stdout: 'loaded,ready\n' })
  })

  test('that is not allowed is done without, and a warning says so', async () => {
    const env = { NODE_OPTIONS: '--permission --allow-fs-read=*' }
    const { status, err } = await start('a loop that turns', { for: 100 }, { env }).exit
    expect(status).toBe(0)
    expect(err).toMatch(/\[ENDSWELL_WATCHDOG_OFF\] EndswellWarning: The watchdog is off/)
  })
})

test('in a worker it is done without, and a warning says so', async () => {
  const { status, err } = await new Program('../watchdog/in-worker.ts').exit
  expect(status).toBe(0)
  expect(err).toMatch(/\[ENDSWELL_WATCHDOG_OFF\] .* the main thread only/)
})

describe('the main thread is let go', () => {
  test.each([
    ['moves before it could be stopped', 'idle'],
    ['has moved when it was stopped', 'busy'],
  ])('where it %s', async (_, doing) => {
    const { status, out } = await new Program('../watchdog/arrest.ts', [doing]).exit
    expect({ status, out }).toEqual({ status: 0, out: 'moves, and it goes on\n' })
  })
})

/** Runs that program as the first process of a container. */
async function contained(way: string): Promise<Exit> {
  return await new Program('../watchdog/contained.ts', ['blocked.ts', way]).exit
}

describe.runIf(canUnshare())('the first process of a container', () => {
  test('is ended like any other', async () => {
    const { status, err } = await contained('a loop')
    expect(status).toBe(83)
    expect(err).toContain('  at spin (')
  })

  test('is ended also where its system ignores that it kills itself', async () => {
    const { status, err } = await contained('pbkdf2')
    expect(status).toBeGreaterThan(128)
    expect(err).toContain('in native code')
  })
})

function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

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
