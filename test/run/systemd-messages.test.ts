import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Lifecycle } from '../../src/index.ts'
import { notifySystemd } from '../../src/run/index.ts'
import { EXTENSION } from '../../src/run/narrator.ts'
import { SEND_TIMEOUT } from '../../src/run/outbox.ts'
import { feedingInterval } from '../../src/run/watchdog-feed.ts'
import { FakeClock } from '../../src/testing/index.ts'
import { extension, settled, setVariables, underSystemd, variables } from '../fixtures/run/under-systemd.ts'

describe('messages', () => {
  test('go out one after the other: what waits is merged, but never across a turn', async () => {
    const gates: (() => void)[] = []
    const sent: string[] = []
    const send = (message: string) => {
      sent.push(message)
      return new Promise<void>((resolve) => gates.push(resolve))
    }
    const { life, clock, step, readiness } = underSystemd({ send })
    for (const name of ['a', 'b', 'c']) step('startup.began', name)
    readiness.start()
    const closing = life.close()
    await settled()
    expect(sent).toHaveLength(1)
    while (life.state !== 'closed') {
      for (const open of gates.splice(0)) open()
      await settled()
    }
    expect(sent).toEqual([
      `STATUS=starting\n${extension(EXTENSION)}`,
      `STATUS=starting: /app/a, /app/b, /app/c\n${extension(EXTENSION)}`,
      'READY=1\nSTATUS=serving',
      `STOPPING=1\nSTATUS=closing: close() was called\n${extension(EXTENSION)}`,
    ])
    await closing
    expect(clock.pending).toBe(0)
  })

  test('have one line for each variable, whatever a value holds', async () => {
    const { life, said } = underSystemd({ starting: false })
    await said()
    await life.close({ reason: 'somebody\n\0READY=1' })
    expect(await said()).toContain('STATUS=closing: somebody READY=1')
  })

  test.each([
    ['throws', () => Promise.reject(new Error('broken')), 'broken'],
    ['throws in step', () => fail(), 'broken'],
    ['does not end', () => new Promise(() => {}), `It was not taken within ${SEND_TIMEOUT} ms.`],
  ])('whose sending %s become one warning and one event, and the next is tried', async (_, send, why) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => void vi.restoreAllMocks())
    let tries = 0
    const { life, clock, readiness } = underSystemd({
      send: () => {
        tries += 1
        return send()
      },
    })
    const errors: unknown[] = []
    life.subscribe(({ type, path, error }) => void (type === 'resource.error' && errors.push([path, error])))
    await clock.advance(SEND_TIMEOUT)
    readiness.start()
    await clock.advance(SEND_TIMEOUT)
    expect(tries).toBeGreaterThanOrEqual(2)
    expect(warn.mock.calls).toEqual([
      [
        `/app/systemd: systemd was not told how the service is doing. ${why}`,
        { type: 'EndswellWarning', code: 'ENDSWELL_SYSTEMD' },
      ],
    ])
    expect(errors).toEqual([['/app/systemd', expect.objectContaining({ message: why })]])
    const closing = life.close()
    await clock.advance(SEND_TIMEOUT)
    expect((await closing).counts).toMatchObject({ closed: 1 })
    // The last one is still being tried, and holds up nothing.
    await clock.advance(SEND_TIMEOUT)
    expect(clock.pending).toBe(0)
  })
})

describe('the watchdog', () => {
  test('is fed twice in its time, while it starts, serves and closes, until all is closed', async () => {
    const env = { WATCHDOG_USEC: '3000000', WATCHDOG_PID: String(process.pid) }
    const { life, clock, readiness, said } = underSystemd({ env })
    life.defer(() => new Promise((resolve) => void clock.setTimeout(() => resolve(0), 3_500)))
    const fed = async () => (await said()).filter((line) => line === 'WATCHDOG=1').length
    expect(await fed()).toBe(1)
    await clock.advance(3_000)
    expect(await fed()).toBe(2)
    readiness.start()
    await clock.advance(3_000)
    expect(await fed()).toBe(2)
    const closing = life.close()
    await clock.advance(3_500)
    await closing
    expect(await fed()).toBe(2)
    await clock.advance(9_000)
    expect(await fed()).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test.each([
    ['half of its time', { WATCHDOG_USEC: '30000000' }, 15_000],
    ['half of its time where it watches us', { WATCHDOG_USEC: '2000', WATCHDOG_PID: '7' }, 1],
    ['never where it watches another process', { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, undefined],
    ['never where there is none', {}, undefined],
    ['never where its time is nonsense', { WATCHDOG_USEC: 'soon' }, undefined],
    ['never where its time is 0', { WATCHDOG_USEC: '0' }, undefined],
    ['at most every 1 ms', { WATCHDOG_USEC: '10' }, 1],
    ['no less often than a timer can wait', { WATCHDOG_USEC: '1e15' }, 2_147_483_647],
  ])('is fed after %s', (_, env, interval) => {
    expect(feedingInterval(env, 7)).toBe(interval)
  })
})

describe('notifySystemd', () => {
  test('does nothing where systemd has not asked', async () => {
    const { life, clock, undo, sent } = underSystemd({ env: { NOTIFY_SOCKET: undefined, WATCHDOG_USEC: '1000000' } })
    await clock.advance(60_000)
    undo()
    expect([sent, life.snapshot().size, clock.pending, process.env['WATCHDOG_USEC']]).toEqual([[], 0, 0, '1000000'])
  })

  test('does nothing in a lifecycle that is closed', async () => {
    setVariables({ NOTIFY_SOCKET: '/run/systemd/notify' })
    const life = new Lifecycle()
    await life.close()
    notifySystemd(life, { send: () => fail() })()
    expect(process.env['NOTIFY_SOCKET']).toBe('/run/systemd/notify')
  })

  test('tells of the topmost lifecycle, and not of those inside', async () => {
    setVariables({ NOTIFY_SOCKET: '/run/systemd/notify' })
    const life = new Lifecycle({ name: 'app', clock: new FakeClock() })
    const inside = life.scope('app')
    const sent: string[] = []
    notifySystemd(inside, { send: (message) => void sent.push(message) })
    inside.defer(() => {})
    await inside.close()
    await settled()
    expect(sent).toEqual(['READY=1\nSTATUS=serving'])
    await life.close()
    expect(sent[1]).toMatch(/^STOPPING=1\n/)
  })

  test.each(['open', 'closed'])('takes the variables from child processes, until it is undone (%s)', async (state) => {
    const { life, undo } = underSystemd({ env: { WATCHDOG_USEC: '1000000', WATCHDOG_PID: '1' } })
    const held = () => variables.map((name) => process.env[name])
    expect(held()).toEqual([undefined, undefined, undefined])
    if (state === 'closed') await life.close()
    else undo()
    expect(held()).toEqual(['/run/systemd/notify', '1000000', '1'])
  })

  test('undone, leaves nothing behind, and says nothing more', async () => {
    const { life, clock, undo, step, readiness, said } = underSystemd({ env: { WATCHDOG_USEC: '1000000' } })
    await said()
    undo()
    undo()
    step('startup.began', 'database')
    readiness.start()
    await clock.advance(60_000)
    expect(life.snapshot().size).toBe(0)
    await life.close()
    expect(await said()).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test.each([
    ['no lifecycle', [{}], TypeError],
    ['no options', [new Lifecycle(), null], TypeError],
    ['an unknown option', [new Lifecycle(), { begin: 1 }], TypeError],
    ['a budget that cannot tell', [new Lifecycle(), { start: 30_000 }], TypeError],
    ['a negative reserve', [new Lifecycle(), { reserve: -1 }], RangeError],
    ['a send that is no function', [new Lifecycle(), { send: 'socket' }], TypeError],
  ])('refuses %s, also where systemd has not asked', (_, args, type) => {
    expect(() => notifySystemd(...(args as [Lifecycle, object]))).toThrow(type)
  })
})

function fail(): never {
  throw new Error('broken')
}
