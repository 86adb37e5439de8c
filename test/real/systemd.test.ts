import { describe, expect, test } from 'vitest'
import { NotifySocket } from '../fixtures/run/notify-socket.ts'
import { Program } from '../fixtures/run/program.ts'

describe('systemd, through its own program', () => {
  test.each([
    ['a path', false],
    ['an abstract name', true],
  ])('hears of a whole life, in order, at %s, in the name of the service itself', async (_, abstract) => {
    const socket = new NotifySocket({ abstract })
    await socket.ready
    const program = start({ NOTIFY_SOCKET: socket.address })

    await socket.heard('STATUS=starting: /app/database')
    expect(socket.lines).not.toContain('READY=1')
    program.child.stdin?.write('go\n')
    await program.said('ready')
    await socket.heard('READY=1')
    program.child.kill('SIGTERM')
    expect(await program.exit).toMatchObject({ status: 0 })
    await socket.heard('STOPPING=1')

    const { lines } = socket
    const since = lines.indexOf('READY=1')
    expect(lines.slice(since).filter((line) => !/^EXTEND_TIMEOUT_USEC=|^STATUS=draining/.test(line))).toEqual([
      'READY=1',
      'STATUS=serving',
      'STOPPING=1',
      'STATUS=closing: SIGTERM came',
    ])
    expect(lines.filter((line) => line.startsWith('EXTEND_TIMEOUT_USEC=')).length).toBeGreaterThanOrEqual(3)
    expect(new Set(socket.got.map(({ pid }) => pid))).toEqual(new Set([program.child.pid]))
  })

  test('hears that the service stops, however little it has to close', async () => {
    for (let round = 0; round < 5; round += 1) {
      const socket = new NotifySocket()
      await socket.ready
      const program = start({ NOTIFY_SOCKET: socket.address })
      program.child.stdin?.write('go\n')
      await program.stop()
      await socket.heard('STOPPING=1')
      await socket.close()
    }
  })

  test('is fed by the event loop, and not while that is blocked', async () => {
    const socket = new NotifySocket()
    await socket.ready
    const program = start({ NOTIFY_SOCKET: socket.address, WATCHDOG_USEC: '100000' })
    program.child.stdin?.write('go\n')
    const fed = () => socket.lines.filter((line) => line === 'WATCHDOG=1').length
    while (fed() < 3) await socket.next()

    program.child.stdin?.write('block\n')
    await program.said('blocking')
    const before = fed()
    await program.said('blocked')
    // One may have been on its way.
    expect(fed() - before).toBeLessThanOrEqual(1)
    while (fed() < before + 3) await socket.next()
    expect(await program.stop()).toMatchObject({ status: 0 })
  })

  test('is not told by processes that the service starts: they do not get its variables', async () => {
    const socket = new NotifySocket()
    await socket.ready
    const program = start({ NOTIFY_SOCKET: socket.address, WATCHDOG_USEC: '60000000' })
    program.child.stdin?.write('go\n')
    const { out } = await program.stop()
    expect(out).toContain('ready \n')
  })
})

describe('where systemd cannot be told', () => {
  test.each([
    ['nobody listens', {}, 'systemd-notify ended with status 1.'],
    ['its program is missing', { PATH: '/nowhere' }, 'There is no program systemd-notify in PATH.'],
  ])('because %s, a warning says so, once, and nothing else changes', async (_, env, why) => {
    const program = start({ NOTIFY_SOCKET: '/nowhere/socket', ...env })
    program.child.stdin?.write('go\n')
    const { status, err } = await program.stop()
    expect(status).toBe(0)
    const warnings = err.split('\n').filter((line) => line.includes('ENDSWELL_SYSTEMD'))
    expect(warnings).toEqual([expect.stringContaining(`/app/systemd: systemd was not told how the service is doing.`)])
    expect(warnings[0]).toContain(why)
  })

  test('because it did not ask, nothing is said and no variable is touched', async () => {
    const program = start({ WATCHDOG_USEC: '100000' })
    program.child.stdin?.write('go\n')
    const { status, out, err } = await program.stop()
    expect(status).toBe(0)
    expect(out).toContain('ready WATCHDOG_USEC\n')
    expect(err).not.toContain('systemd')
  })
})

/** The service, with a pipe for what it is told. */
function start(env: NodeJS.ProcessEnv): Program {
  const program = new Program('notifies.ts', [], { env, stdio: ['pipe', 'pipe', 'pipe'] })
  // One that has ended is told nothing.
  program.child.stdin?.on('error', () => {})
  return program
}
