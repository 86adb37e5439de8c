import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { lineOf, Program } from '../fixtures/run/program.ts'

const patient = { timeout: 20_000, grace: 20_000 }
const withIpc = { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] } as const

describe('a signal', () => {
  test.each([
    ['SIGTERM', {}],
    ['SIGINT', {}],
    ['SIGHUP', { signals: ['SIGHUP'] }],
    ['SIGQUIT', { signals: ['SIGQUIT'] }],
    ['SIGUSR2', { signals: ['SIGUSR2', 'SIGTERM'] }],
  ] as const)('%s ends a run gently: everything closes, newest first, the status is 0', async (signal, options) => {
    const program = new Program('service.ts', [options, 'first', 'second'])
    const exit = await program.stop(signal)
    expect(exit).toMatchObject({ status: 0, signal: null, out: 'ready\nclosing second\nclosing first\nover\n' })
    expect(lineOf(exit.err)).toMatchObject({ reason: `${signal} came`, status: 0, counts: { closed: 3 } })
  })

  test.each([
    ['SIGHUP', {}],
    ['SIGQUIT', {}],
    ['SIGUSR2', {}],
    ['SIGINT', { signals: ['SIGTERM'] }],
    ['SIGTERM', { signals: [] }],
  ] as const)('%s is left to Node where %j does not list it', async (signal, options) => {
    const exit = await new Program('service.ts', [options, 'first']).stop(signal)
    expect(exit).toEqual({ status: null, signal, out: 'ready\n', err: '' })
  })

  test("the message 'shutdown' ends a run, and other messages do not", async () => {
    const program = new Program('service.ts', [{ signals: ['shutdown'] }], withIpc)
    await program.said('ready')
    program.child.send('reload')
    program.child.send({ type: 'shutdown' })
    program.child.send('shutdown')
    const { status, err } = await program.exit
    expect({ status, reason: lineOf(err).reason }).toEqual({ status: 0, reason: 'shutdown came' })
  })

  test('the end of the IPC channel ends a run', async () => {
    const program = new Program('service.ts', [{ signals: ['disconnect'] }], withIpc)
    await program.said('ready')
    program.child.disconnect()
    const { status, err } = await program.exit
    expect({ status, reason: lineOf(err).reason }).toEqual({ status: 0, reason: 'disconnect came' })
  })

  test('the end of the IPC channel counts although it came before the run', async () => {
    const program = new Program('orphan.ts', [], withIpc)
    await program.said('ready')
    program.child.disconnect()
    const { status, err } = await program.exit
    expect({ status, reason: lineOf(err).reason }).toEqual({ status: 0, reason: 'disconnect came' })
  })

  test("the application's own listeners are called, and stay", async () => {
    const exit = await new Program('neighbour.ts', [{ exit: false }]).stop('SIGTERM')
    expect(exit.out).toBe('ready\nown SIGTERM\nleft 1,1,1,1\nown beforeExit\nown exit\n')
    expect(exit.status).toBe(0)
  })

  test('is left to Node after uninstall()', async () => {
    const exit = await new Program('uninstalled.ts').stop('SIGTERM')
    expect(exit).toEqual({ status: null, signal: 'SIGTERM', out: 'had 6, left 0\nready\n', err: '' })
  })
})

describe('a second signal', () => {
  test('forces what is left, long before the deadline', async () => {
    const program = new Program('service.ts', [patient, 'quick', 'stubborn'])
    await program.said('ready')
    program.child.kill('SIGTERM')
    await program.said('closing stubborn')
    program.child.kill('SIGINT')
    const { status, out, err } = await program.exit
    expect(status).toBe(80)
    expect(out).toContain('forcing stubborn')
    expect(lineOf(err)).toMatchObject({ reason: 'SIGTERM came', counts: { closed: 2, forced: 1 } })
  })

  test('may be of the same name', async () => {
    const program = new Program('service.ts', [patient, 'stubborn'])
    await program.said('ready')
    program.child.kill('SIGTERM')
    await program.said('closing stubborn')
    // Within 100 ms it would be the same key press.
    await sleep(150)
    program.child.kill('SIGTERM')
    expect((await program.exit).status).toBe(80)
  })

  test('exits at once where it is told to, with its own status, and says what was open', async () => {
    const program = new Program('service.ts', [{ ...patient, secondSignal: 'exit' }, 'quick', 'hangs'])
    await program.said('ready')
    program.child.kill('SIGTERM')
    await program.said('closing hangs')
    program.child.kill('SIGINT')
    const { status, signal, err } = await program.exit
    expect({ status, signal }).toEqual({ status: 130, signal: null })
    expect(err).toBe(
      'endswell: the process exits, since SIGINT came again, while these are open: /app/timer, /app/quick, /app/hangs\n',
    )
  })

  test('does nothing where it is told to', async () => {
    const program = new Program('neighbour.ts', [{ ...patient, secondSignal: 'ignore' }, 'slow'])
    await program.said('ready')
    program.child.kill('SIGTERM')
    await program.said('closing slow')
    program.child.kill('SIGINT')
    await program.said('own SIGINT')
    const { status, out } = await program.exit
    expect(status).toBe(0)
    expect(out).not.toContain('forcing')
  })

  test.each([1, 2, 5])('is none within 100 ms of the first: %i times Ctrl-C is one key press', async (times) => {
    const { status, out } = await new Program('keys.ts', [String(times)]).exit
    expect({ status, out }).toEqual({ status: 0, out: 'closing slow\n' })
  })

  test("is none when the parent goes after its 'shutdown'", async () => {
    const program = new Program('service.ts', [{ signals: ['shutdown', 'disconnect'] }, 'slow'], withIpc)
    await program.said('ready')
    program.child.send('shutdown', () => program.child.disconnect())
    const { status, out } = await program.exit
    expect({ status, out }).toEqual({ status: 0, out: 'ready\nclosing slow\nover\n' })
  })
})

test.each(['hurry', 'ignore'] as const)('a third signal always exits (secondSignal: %s)', async (secondSignal) => {
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP']
  const program = new Program('neighbour.ts', [{ ...patient, signals, secondSignal }, 'hangs'])
  await program.said('ready')
  program.child.kill('SIGTERM')
  await program.said('closing hangs')
  program.child.kill('SIGINT')
  await program.said('own SIGINT')
  program.child.kill('SIGHUP')
  const { status, signal, err } = await program.exit
  expect({ status, signal }).toEqual({ status: 128 + constants.signals.SIGHUP, signal: null })
  expect(err).toContain('since SIGHUP came again')
})
