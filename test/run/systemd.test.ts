import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Lifecycle } from '../../src/index.ts'
import { publish } from '../../src/lifecycle/events.ts'
import { scopeOf } from '../../src/lifecycle/lifecycle.ts'
import { readinessOf } from '../../src/lifecycle/readiness.ts'
import { type NotifyOptions, notifySystemd } from '../../src/run/index.ts'
import { BEAT, EXTENSION } from '../../src/run/narrator.ts'
import { SEND_TIMEOUT } from '../../src/run/outbox.ts'
import { feedingInterval } from '../../src/run/watchdog-feed.ts'
import { FakeClock } from '../../src/testing/index.ts'

/** A lifecycle under a systemd that writes down what it is told, unless the test sends by itself. */
function under({ starting = true, env = {}, ...options }: NotifyOptions & { starting?: boolean; env?: object } = {}) {
  setVariables({ NOTIFY_SOCKET: '/run/systemd/notify', ...env })
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, timeout: 20_000 })
  const scope = scopeOf(life)
  const readiness = readinessOf(scope)
  if (starting) readiness.begin()
  const sent: string[] = []
  const undo = notifySystemd(life, { send: (message) => void sent.push(message), ...options })
  const step = (type: 'startup.began' | 'startup.ended', name: string) =>
    publish(scope, { type, path: `/app/${name}`, kind: 'step' })
  /** What was said since it was asked last, line by line. */
  const said = async () => {
    await settled()
    return sent.splice(0).flatMap((message) => message.split('\n'))
  }
  return { life, clock, readiness, undo, step, sent, said }
}

const variables = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']

/** Sets what systemd sets, for one test. */
function setVariables(env: Readonly<Record<string, string | undefined>>): void {
  const before = { ...process.env }
  const put = (all: typeof env) => {
    for (const name of variables) {
      if (all[name] === undefined) delete process.env[name]
      else process.env[name] = all[name]
    }
  }
  put(env)
  onTestFinished(() => put(before))
}

const settled = () => new Promise((resolve) => setImmediate(resolve))
const extension = (ms: number) => `EXTEND_TIMEOUT_USEC=${ms * 1_000}`

describe('the start', () => {
  test('is told of step by step, and ready when it is over', async () => {
    const { step, readiness, said } = under()
    expect(await said()).toEqual(['STATUS=starting', extension(EXTENSION)])
    step('startup.began', 'database')
    expect(await said()).toEqual(['STATUS=starting: /app/database', extension(EXTENSION)])
    step('startup.began', 'cache')
    expect(await said()).toEqual(['STATUS=starting: /app/database, /app/cache', extension(EXTENSION)])
    step('startup.ended', 'database')
    expect(await said()).toEqual(['STATUS=starting: /app/cache', extension(EXTENSION)])
    step('startup.ended', 'cache')
    readiness.start()
    expect(await said()).toEqual(['STATUS=starting', extension(EXTENSION), 'READY=1', 'STATUS=serving'])
  })

  test('that is over already is told of at once', async () => {
    const { said } = under({ starting: false })
    expect(await said()).toEqual(['READY=1', 'STATUS=serving'])
  })

  test('that went on without something optional says so', async () => {
    const { readiness, said } = under()
    readiness.degraded.set('/app/mail', 'nobody is written to')
    readiness.start()
    expect(await said()).toContain('STATUS=serving, without /app/mail')
  })

  test('names five steps and counts the rest', async () => {
    const { step, said } = under()
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) step('startup.began', name)
    expect((await said()).filter((line) => line.startsWith('STATUS')).at(-1)).toBe(
      'STATUS=starting: /app/a, /app/b, /app/c, /app/d, /app/e, 2 more',
    )
  })

  test('has systemd wait as long as its budget lasts and 2 s more, and no longer', async () => {
    const { clock, said } = under()
    await said()
    const extensions: unknown[] = []
    for (let at = BEAT; at <= 60_000; at += BEAT) {
      await clock.advance(BEAT)
      extensions.push(...(await said()).filter((line) => line.startsWith('EXTEND')))
    }
    // At 5, 10, 15, 20 and 25 s of the 30; each comes before the one before has run out.
    expect(extensions).toEqual([10_000, 10_000, 10_000, 10_000, 7_000].map(extension))
    expect(clock.pending).toBe(0)
  })

  test('keeps to the budget that it is given', async () => {
    let left = 3_000
    const start = {
      get left() {
        return left
      },
    }
    const { clock, step, said } = under({ start })
    expect(await said()).toContain(extension(5_000))
    left = 0
    step('startup.began', 'late')
    expect(await said()).toEqual(['STATUS=starting: /app/late'])
    expect(clock.pending).toBe(0)
  })

  test('over, it is not extended any more, and steps made later are no news', async () => {
    const { clock, readiness, step, said } = under()
    readiness.start()
    await said()
    step('startup.began', 'later')
    await clock.advance(60_000)
    expect(await said()).toEqual([])
    expect(clock.pending).toBe(0)
  })
})

describe('the closing', () => {
  test('is told of at its first word, with what is closing, for as long as it may take', async () => {
    const { life, clock, readiness, said } = under({ starting: false })
    life.defer(() => new Promise((resolve) => void clock.setTimeout(() => resolve(0), 12_000)), {
      name: 'slow',
      grace: 15_000,
    })
    life.defer(() => {}, { name: 'quick' })
    await said()
    readiness.drain()
    expect(await said()).toEqual([
      'STOPPING=1',
      'STATUS=draining: it still serves, and will close',
      extension(EXTENSION),
    ])
    const closing = life.close({ reason: 'SIGTERM came' })
    expect(await said()).toEqual(['STATUS=closing: SIGTERM came', extension(EXTENSION)])
    await clock.advance(BEAT)
    expect(await said()).toEqual(['STATUS=closing for 5 s: /app/slow; 1 to come', extension(EXTENSION)])
    await clock.advance(7_000)
    expect((await closing).counts).toMatchObject({ closed: 3 })
    await said()
    await clock.advance(60_000)
    expect(await said()).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('without a drain begins with STOPPING too', async () => {
    const { life, said } = under({ starting: false })
    await said()
    await life.close()
    expect(await said()).toEqual(['STOPPING=1', 'STATUS=closing: close() was called', extension(EXTENSION)])
  })

  test('of a start half-way does not claim that it was ready', async () => {
    const { life, said } = under()
    await life.close()
    expect(await said()).not.toContain('READY=1')
  })

  test('has systemd wait for its timeout and the reserve, and no longer', async () => {
    const { life, clock, said } = under({ starting: false, reserve: 4_000 })
    life.defer(() => new Promise(() => {}), { name: 'hangs', grace: 100_000 })
    const other = { name: 'hangs too', grace: 100_000, force: () => new Promise(() => {}) }
    life.use({}, { ...other, close: () => new Promise(() => {}) })
    await said()
    void life.close({ timeout: 100_000 })
    await said()
    const extensions: unknown[] = []
    for (let at = BEAT; at <= 60_000; at += BEAT) {
      await clock.advance(BEAT)
      extensions.push(...(await said()).filter((line) => line.startsWith('EXTEND')))
    }
    expect(extensions).toEqual([10_000, 10_000, 10_000, 6_000].map(extension))
    await clock.advance(100_000)
    expect(life.state).toBe('closed')
  })

  test('waits until systemd has been told that it stops', async () => {
    const told = Promise.withResolvers<void>()
    const { life, clock } = under({ starting: false, send: () => told.promise })
    const closing = life.close()
    await clock.advance(1_000)
    expect(life.state).toBe('closing')
    told.resolve()
    expect((await closing).counts).toMatchObject({ closed: 1, forced: 0 })
    expect(clock.pending).toBe(0)
  })

  test('in a hurry does not wait', async () => {
    const { life, clock } = under({ starting: false, send: () => new Promise(() => {}) })
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => void vi.restoreAllMocks())
    void life.close()
    const { counts } = await life.close({ force: true })
    expect(counts).toMatchObject({ forced: 1, abandoned: 0 })
    expect(clock.pending).toBe(0)
  })

  test('under way when it is asked for is told of at once', async () => {
    const told: string[] = []
    setVariables({ NOTIFY_SOCKET: '/run/systemd/notify' })
    const life = new Lifecycle({ name: 'app', clock: new FakeClock() })
    life.defer(() => void notifySystemd(life, { send: (message) => void told.push(message) }))
    await life.close()
    expect(told).toEqual([`STOPPING=1\nSTATUS=closing\n${extension(EXTENSION)}`])
  })
})

describe('messages', () => {
  test('go out one after the other: what waits is merged, but never across a turn', async () => {
    const gates: (() => void)[] = []
    const sent: string[] = []
    const send = (message: string) => {
      sent.push(message)
      return new Promise<void>((resolve) => gates.push(resolve))
    }
    const { life, clock, step, readiness } = under({ send })
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
    const { life, said } = under({ starting: false })
    await said()
    await life.close({ reason: 'somebody\nREADY=1' })
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
    const { life, clock, readiness } = under({
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
    const { life, clock, readiness, said } = under({ env })
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
    const { life, clock, undo, sent } = under({ env: { NOTIFY_SOCKET: undefined, WATCHDOG_USEC: '1000000' } })
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
    await inside.close()
    expect(sent).toEqual(['READY=1\nSTATUS=serving'])
    await life.close()
    expect(sent[1]).toMatch(/^STOPPING=1\n/)
  })

  test.each(['open', 'closed'])('takes the variables from child processes, until it is undone (%s)', async (state) => {
    const { life, undo } = under({ env: { WATCHDOG_USEC: '1000000', WATCHDOG_PID: '1' } })
    const held = () => variables.map((name) => process.env[name])
    expect(held()).toEqual([undefined, undefined, undefined])
    if (state === 'closed') await life.close()
    else undo()
    expect(held()).toEqual(['/run/systemd/notify', '1000000', '1'])
  })

  test('undone, leaves nothing behind, and says nothing more', async () => {
    const { life, clock, undo, step, readiness, said } = under({ env: { WATCHDOG_USEC: '1000000' } })
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
