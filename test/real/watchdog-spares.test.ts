import { execFileSync, spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Exit, Program } from '../fixtures/run/program.ts'
import { start } from '../fixtures/watchdog/start.ts'

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
