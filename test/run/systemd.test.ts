import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Lifecycle } from '../../src/index.ts'
import { notifySystemd } from '../../src/run/index.ts'
import { BEAT, EXTENSION } from '../../src/run/narrator.ts'
import { SEND_TIMEOUT } from '../../src/run/outbox.ts'
import { FakeClock } from '../../src/testing/index.ts'
import { extension, setVariables, underSystemd } from '../fixtures/run/under-systemd.ts'

describe('the start', () => {
  test('is told of step by step, and ready when it is over', async () => {
    const { step, readiness, said } = underSystemd()
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
    const { said } = underSystemd({ starting: false })
    expect(await said()).toEqual(['READY=1', 'STATUS=serving'])
  })

  test('that went on without something optional says so', async () => {
    const { readiness, said } = underSystemd()
    readiness.degraded.set('/app/mail', 'nobody is written to')
    readiness.start()
    expect(await said()).toContain('STATUS=serving, without /app/mail')
  })

  test('names five steps and counts the rest', async () => {
    const { step, said } = underSystemd()
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) step('startup.began', name)
    expect((await said()).filter((line) => line.startsWith('STATUS')).at(-1)).toBe(
      'STATUS=starting: /app/a, /app/b, /app/c, /app/d, /app/e, 2 more',
    )
  })

  test('has systemd wait as long as its budget lasts and 2 s more, and no longer', async () => {
    const { clock, said } = underSystemd()
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
    const { clock, step, said } = underSystemd({ start })
    expect(await said()).toContain(extension(5_000))
    left = 0
    step('startup.began', 'late')
    expect(await said()).toEqual(['STATUS=starting: /app/late'])
    expect(clock.pending).toBe(0)
  })

  test('has systemd wait for a step that has been given more', async () => {
    const { clock, step, said } = underSystemd({ start: { left: 0 } })
    expect(await said()).toEqual(['STATUS=starting'])
    step('startup.began', 'import', { timeout: 12_000 })
    const extensions: unknown[] = []
    for (let at = 0; at <= 30_000; at += BEAT) {
      extensions.push(...(await said()).filter((line) => line.startsWith('EXTEND')))
      await clock.advance(BEAT)
    }
    // At 0, 5 and 10 s of the 12.
    expect(extensions).toEqual([10_000, 9_000, 4_000].map(extension))
    expect(clock.pending).toBe(0)
  })

  test('says of a phase what is under way in it', async () => {
    const { step, said } = underSystemd()
    step('startup.began', 'warm')
    step('startup.began', 'warm/cache')
    expect(await said()).toContain('STATUS=starting: /app/warm/cache')
    step('startup.ended', 'warm/cache')
    expect(await said()).toContain('STATUS=starting: /app/warm')
  })

  test('over, it is not extended any more, and steps made later are no news', async () => {
    const { clock, readiness, step, said } = underSystemd()
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
    const { life, clock, readiness, said } = underSystemd({ starting: false })
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
    const { life, said } = underSystemd({ starting: false })
    await said()
    await life.close()
    expect(await said()).toEqual(['STOPPING=1', 'STATUS=closing: close() was called', extension(EXTENSION)])
  })

  test('of a start half-way does not claim that it was ready', async () => {
    const { life, said } = underSystemd()
    await life.close()
    expect(await said()).not.toContain('READY=1')
  })

  test('has systemd wait for its timeout and the reserve, and no longer', async () => {
    const { life, clock, said } = underSystemd({ starting: false, reserve: 4_000 })
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
    const { life, clock } = underSystemd({ starting: false, send: () => told.promise })
    const closing = life.close()
    await clock.advance(1_000)
    expect(life.state).toBe('closing')
    told.resolve()
    expect((await closing).counts).toMatchObject({ closed: 1, forced: 0 })
    expect(clock.pending).toBe(0)
  })

  test('ends with it, also what was opened before', async () => {
    setVariables({ NOTIFY_SOCKET: '/run/systemd/notify' })
    const life = new Lifecycle({ name: 'app', clock: new FakeClock() })
    const ended: string[] = []
    life.subscribe(({ type, path }) => void (type === 'resource.ended' && ended.push(path)))
    life.defer(() => {}, { name: 'early' })
    notifySystemd(life, { send: () => {} })
    await life.close()
    expect(ended).toEqual(['/app/early', '/app/systemd'])
  })

  test('does not wait for a second message where the first cannot be sent', async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => void vi.restoreAllMocks())
    const { life, clock } = underSystemd({ starting: false, send: () => new Promise(() => {}) })
    const closing = life.close()
    await clock.advance(SEND_TIMEOUT)
    expect(life.state).toBe('closed')
    expect((await closing).counts).toMatchObject({ closed: 1, forced: 0 })
    await clock.advance(SEND_TIMEOUT)
    expect(clock.pending).toBe(0)
  })

  test('in a hurry does not wait', async () => {
    const { life, clock } = underSystemd({ starting: false, send: () => new Promise(() => {}) })
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
