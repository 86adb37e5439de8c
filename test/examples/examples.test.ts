import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { until } from '../fixtures/until.ts'
import { folder, Program } from './program.ts'

/** Examples that end by themselves, and what they print. */
const outputs: Readonly<Record<string, readonly string[]>> = {
  '03-ordered-shutdown': [
    'http closes',
    'metrics closes',
    'cache closes',
    'database closes',
    'log closes',
    '5 closed, 1 failed',
    '/shop/mailer: nobody answers',
  ],
  '04-scopes': [
    'attempt 1: /server/attempt-1',
    'attempt 1: connection closed',
    'attempt 1 broke off',
    'attempt 2: /server/attempt-2',
    'attempt 2: connection closed',
    'attempt 2 broke off',
    'attempt 3: /server/attempt-3',
    'attempt 3: connection closed',
    'between: 0 held',
    'poll: told to stop',
    '/server/session is closed, 1 closed',
  ],
  '05-own-kind': [
    '/builder/sources: watcher, in this folder',
    '/builder/assets: watcher, in this folder',
    '1 held when one has ended by itself',
    '1 closed: /builder/assets, a watcher',
  ],
  '06-client-without-disposer': ['/app/client: forced', '/app/silent server: closed'],
  '07-startup': [
    'database opened',
    'database closed',
    'ERR_STARTUP_TIMEOUT: /orders/connections/warehouse did not start within 100 ms. Impact: orders cannot be shipped.',
    '/orders/connections failed',
    '  /orders/connections/database done, 3 attempts',
    '  /orders/connections/cache degraded',
    '  /orders/connections/warehouse timed out',
    '/orders/http not begun',
    '1 closed',
    'warehouse opened',
    'warehouse closed',
  ],
  '09-supervised-process': [
    'life 1 starting',
    'life 1 ready',
    'life 1 stopping',
    "life 1 backing-off: exited with 3, said 'the queue is corrupt'",
    'life 2 starting',
    'life 2 ready',
    'life 2 stopping',
    "life 2 backing-off: exited with 3, said 'the queue is corrupt'",
    'life 3 starting',
    'life 3 ready',
    'it runs in life 3, after 2 restarts',
    'life 3 stopping',
    'life 3 stopped',
    '/shop/callback#1: closed',
    '/shop/mailer/3/process: forced',
    '/shop/mailer/3/start: closed',
  ],
  '10-recycled-cluster': [
    '2 workers serve',
    'at least 2 recycled for requests, all others go on',
    'at least 1 recycled for memory, all others go on',
    '0 requests failed, 0 workers crashed, 0 did not come up',
  ],
  '11-limits': [
    '/shop/prices dropped milk: evict',
    'prices of tea and rum',
    'missed: tea is out',
    '/shop/jobs dropped bill: evict',
    '1 job runs',
    'missed: milk is out',
    'missed: rum is in',
    'cleaned 2 of news',
    'the second lease: ERR_TIMEOUT',
    'rows, and /shop/database was forced: 1 still leased (main.ts)',
  ],
}

test('every example has its test', () => {
  const others = ['01-job-service', '02-ten-lines', '08-kubernetes']
  expect(readdirSync(folder).sort()).toEqual([...others, ...Object.keys(outputs)].sort())
})

test.each(Object.entries(outputs))('%s prints what happens, and ends by itself', async (name, lines) => {
  const program = new Program(`${name}/main.ts`)
  expect(await program.end).toEqual({ status: 0, signal: null })
  expect(program.output.trim().split('\n')).toEqual(lines)
})

test.each(['SIGTERM', 'SIGINT'] as const)('02-ten-lines serves until %s, and ends with status 0', async (signal) => {
  const program = new Program('02-ten-lines/main.ts')
  await program.printed('\n')
  const [url = ''] = program.output.split('\n')
  expect(await (await fetch(url)).text()).toBe('hello, visitor 1\n')
  expect(await (await fetch(url)).text()).toBe('hello, visitor 2\n')
  program.signal(signal)
  expect(await program.end).toEqual({ status: 0, signal: null })
  expect(await program.listens()).toBe(false)
  const report = JSON.parse(program.output.trim().split('\n').at(-1) ?? '')
  expect(report).toMatchObject({ status: 0, reason: `${signal} came`, counts: { closed: 2, forced: 0, failed: 0 } })
})

/** How many ms the demo's clients are busy here. */
const BUSY = '300'

describe('the demo', { timeout: 90_000 }, () => {
  test.each([
    ['--hang=database', '/job-service/connections/database did not start within 5000 ms'],
    ['--block=pricing', /at block \(.*trouble\.ts:\d+:\d+\)[\s\S]*in the step \/job-service\/warm-up\/pricing/],
    ['--hang=worker', /at work on spin\(\)[\s\S]*at spin \(.*hash-worker\.ts:\d+:\d+\)/],
  ])('shows what goes wrong, and what comes of it: %s', async (trouble, named) => {
    const program = new Program('01-job-service/demo.ts', [trouble])
    const { status } = await program.end
    expect(program.output).toMatch(named)
    expect(program.output).not.toContain('✘')
    expect(program.output.match(/✔/g)).toHaveLength(2)
    expect(status).toBe(0)
    await expectNothingLeft(program)
  })

  test('proves that nothing is left and nothing is lost', async () => {
    const program = new Program('01-job-service/demo.ts', ['1500'])
    const { status } = await program.end
    expect(program.output).not.toContain('✘')
    expect(program.output.match(/✔/g)).toHaveLength(14)
    expect(status).toBe(0)
    await expectNothingLeft(program)
  })

  test.each([
    ['Started', 'alone'],
    ['clients and', 'group'],
    ['What it holds', 'alone'],
    ['SIGTERM with', 'group'],
    ['So', 'alone'],
  ] as const)('ends by Ctrl-C after "%s" (to its process %s), with all that it has started', async (text, whom) => {
    const program = new Program('01-job-service/demo.ts', [BUSY])
    await program.printed(text)
    program.signal('SIGINT', whom)
    // On a busy machine it may have come to its end before the signal came.
    const status = (await program.end).status
    expect(status).toBe(program.output.includes('All is well') ? 0 : 1)
    await expectNothingLeft(program)
  })

  test('ends by Ctrl-C at any moment of its start', async () => {
    for (const moment of Array.from({ length: 4 }, () => Math.random() * 1_500)) {
      const program = new Program('01-job-service/demo.ts', [BUSY])
      await sleep(moment)
      program.signal('SIGINT')
      const { status, signal } = await program.end
      // Before it listens to signals it has not opened anything either.
      expect([1, 'SIGINT'], `after ${moment} ms`).toContain(status ?? signal)
      await expectNothingLeft(program)
    }
  })

  test('ends by a second Ctrl-C in a hurry, and leaves nothing all the same', async () => {
    const program = new Program('01-job-service/demo.ts', [BUSY])
    await program.printed('What it holds')
    program.signal('SIGINT')
    // Two signals within 100 ms count as one.
    await sleep(150)
    if (program.child.exitCode === null) program.signal('SIGINT')
    await program.end
    await expectNothingLeft(program)
  })

  test('killed by SIGKILL, it takes the service along, which ends its jobs in order', async () => {
    const program = new Program('01-job-service/demo.ts', [BUSY])
    await program.printed('What it holds')
    program.signal('SIGKILL')
    await program.end
    await until('nobody of it lives', () => program.processes().length === 0, 10_000)
    expect(await program.listens()).toBe(false)
  })
})

async function expectNothingLeft(program: Program): Promise<void> {
  await until('nobody of it lives', () => program.processes().length === 0)
  expect(program.leftovers()).toEqual([])
  expect(await program.listens()).toBe(false)
}
