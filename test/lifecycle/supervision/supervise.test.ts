import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Lifecycle, TimeoutError } from '../../../src/index.ts'
import { scopeOf } from '../../../src/lifecycle/lifecycle.ts'
import { readinessOf } from '../../../src/lifecycle/readiness.ts'
import type { Restart } from '../../../src/lifecycle/supervision/restart.ts'
import { supervise } from '../../../src/lifecycle/supervision/supervise.ts'
import { listeners } from '../../fixtures/listeners.ts'
import { never, thrownBy, wait } from '../stubs.ts'
import { Actor, nothing, setUp } from './supervise-stubs.ts'

const exact = { jitter: 0 }

test('what has given up leaves its lifecycle degraded, until it is supervised anew; what is fatal ends it', async () => {
  const { life } = setUp()
  const { degraded } = readinessOf(scopeOf(life))
  const crash = () => Promise.reject(new Error('no'))
  await supervise(life, 'feed', crash, { intensity: { max: 0 } }).ended
  expect([...degraded]).toEqual([['/app/feed', expect.stringMatching(/^\/app\/feed gave up: /)]])
  supervise(life, 'feed', new Actor().start)
  expect([...degraded]).toEqual([])
  await supervise(life, 'other', crash, { intensity: { max: 0 }, fatal: true }).ended
  expect([...degraded]).toEqual([])
  await life.close()
})

test('what has given up in a scope that has closed since is no longer missed, and leaves nothing', async () => {
  const { life, left } = setUp()
  const { degraded } = readinessOf(scopeOf(life))
  const crash = () => Promise.reject(new Error('no'))
  for (let round = 0; round < 500; round += 1) {
    const scope = life.scope('inside')
    for (let again = 0; again < 3; again += 1) await supervise(scope, 'feed', crash, { intensity: { max: 0 } }).ended
    await supervise(scope, 'other', crash, { intensity: { max: 0 } }).ended
    expect([...degraded.keys()]).toEqual(['/app/inside/feed', '/app/inside/other'])
    expect(listeners(scope.signal)['abort']).toBe(1)
    await scope.close()
    expect([...degraded.keys()]).toEqual([])
  }
  expect(left()).toEqual(nothing)
})

test("with readyWhen: 'told' a life is ready when its start says so, and only in that life", async () => {
  const { clock, life, changes } = setUp()
  const told: (() => void)[] = []
  const actor = new Actor()
  const start = (scope: Lifecycle, ready: () => void) => {
    told.push(ready)
    return actor.start(scope)
  }
  const feed = supervise(life, 'feed', start, { readyWhen: 'told', readyTimeout: 500, backoff: exact })
  expect(feed.state).toBe('starting')
  told[0]?.()
  await feed.ready()
  expect(feed.state).toBe('ready')
  actor.last.crash()
  await clock.advance(200)
  told[0]?.()
  await clock.advance(499)
  expect(feed).toMatchObject({ state: 'starting', incarnation: 2 })
  await clock.advance(1)
  expect(feed).toMatchObject({ state: 'backing-off', cause: expect.any(TimeoutError) })
  expect(changes().at(-1)).toBe('feed 2 backing-off')
  await life.close()
})

test('what a life throws because its scope closes is its cause, and no failure', async () => {
  const { life, events } = setUp()
  const lost = new Error('connection lost')
  const start = async (scope: Lifecycle) => {
    await new Promise((resolve) => scope.defer(() => resolve(undefined)))
    throw lost
  }
  const feed = supervise(life, 'feed', start)
  const errors: unknown[] = []
  life.subscribe(({ type, error }) => type === 'resource.error' && errors.push(error))
  const { counts } = await life.close()
  expect(counts).toMatchObject({ failed: 0, forced: 0 })
  expect(feed).toMatchObject({ state: 'stopped', cause: lost })
  expect(events.at(-1)).toMatchObject({ state: 'stopped', cause: lost })
  expect(errors).toEqual([])
})

describe('a life', () => {
  test('begins at once, in a scope of its own, and is ready when start has been called', async () => {
    const { life, changes } = setUp()
    const actor = new Actor()
    const feed = supervise(life, 'feed', actor.start)
    expect(feed).toMatchObject({ path: '/app/feed', state: 'ready', incarnation: 1, restarts: 0, cause: undefined })
    expect(actor.last.scope.path).toBe('/app/feed/1')
    expect(changes()).toEqual(['feed 1 starting', 'feed 1 ready'])
    await feed.ready()
    await life.close()
  })

  test('that crashes is followed by another, after a wait, once its scope is closed wholly', async () => {
    const { clock, life, changes, events } = setUp()
    const actor = new Actor()
    const error = new Error('no')
    const feed = supervise(life, 'feed', actor.start, { backoff: exact })
    const closed: number[] = []
    actor.last.scope.defer(() => wait(clock, 50).then(() => void closed.push(clock.now())))
    actor.last.crash(error)
    await clock.advance(0)
    expect(feed).toMatchObject({ state: 'stopping', cause: error })
    await clock.advance(249)
    expect(feed).toMatchObject({ state: 'backing-off', incarnation: 1, cause: error })
    await clock.advance(1)
    expect(feed).toMatchObject({ state: 'ready', incarnation: 2, restarts: 1, cause: error })
    expect(closed).toEqual([50])
    expect(actor.last.scope.path).toBe('/app/feed/2')
    expect(changes().slice(2)).toEqual(['feed 1 stopping', 'feed 1 backing-off', 'feed 2 starting', 'feed 2 ready'])
    expect(events[3]).toMatchObject({ kind: 'supervised', cause: error, timeout: 200 })
    expect(events[4]).not.toHaveProperty('cause')
    await life.close()
  })

  test('that throws at once was never ready', async () => {
    const { life, changes, clock, left } = setUp()
    const error = new Error('no')
    const start = () => {
      throw error
    }
    const feed = supervise(life, 'feed', start, { intensity: { max: 0 } })
    expect(feed.state).toBe('starting')
    await expect(feed.ready()).rejects.toMatchObject({ code: 'ERR_GAVE_UP', cause: error, path: '/app/feed' })
    expect(await feed.ended).toEqual({ state: 'failed', cause: error })
    expect(changes()).toEqual(['feed 1 starting', 'feed 1 stopping', 'feed 1 failed'])
    expect(left()).toEqual(nothing)
    await clock.advance(0)
  })

  test('that returns at once is no faster than its waits', async () => {
    const { clock, life } = setUp()
    let begun = 0
    supervise(life, 'feed', () => begun++, { backoff: exact, intensity: { max: 100 } })
    await clock.advance(199)
    expect(begun).toBe(1)
    await clock.advance(1 + 400 + 800)
    expect(begun).toBe(4)
    await life.close()
  })

  test.each<[Restart, string, string]>([
    ['permanent', 'backing-off', 'backing-off'],
    ['transient', 'stopped', 'backing-off'],
    ['temporary', 'stopped', 'stopped'],
  ])('of one that is %s leads to another as OTP has it', async (restart, normally, abnormally) => {
    for (const [end, state] of [
      ['end', normally],
      ['crash', abnormally],
    ] as const) {
      const { clock, life, left } = setUp()
      const actor = new Actor()
      const feed = supervise(life, 'feed', actor.start, { restart })
      actor.last[end]('cause')
      await clock.advance(0)
      expect(feed).toMatchObject({ state, cause: 'cause' })
      if (state === 'stopped') expect(await feed.ended).toEqual({ state, cause: 'cause' })
      if (state === 'stopped') expect(left()).toEqual(nothing)
      await life.close()
    }
  })

  test('ends normally as isNormal says', async () => {
    const { clock, life } = setUp()
    const start = async (): Promise<number> => 3
    const policy = { restart: 'transient', isNormal: (code: number) => code === 0 } as const
    const feed = supervise(life, 'feed', start, policy)
    const other = supervise(life, 'other', async () => 0, policy)
    await clock.advance(0)
    expect([feed.state, other.state]).toEqual(['backing-off', 'stopped'])
    await life.close()
  })

  test('ends with the closing of its scope, whoever closes that, and is followed by another', async () => {
    const { clock, life } = setUp()
    const actor = new Actor()
    const feed = supervise(life, 'feed', actor.start, { backoff: exact })
    void actor.last.scope.close()
    expect(feed.state).toBe('stopping')
    await clock.advance(200)
    expect(feed).toMatchObject({ state: 'ready', incarnation: 2 })
    await life.close()
  })

  test('whose scope is moved away is somebody else’s to end', async () => {
    const { clock, life, left } = setUp()
    const actor = new Actor()
    const moved: Lifecycle[] = []
    const feed = supervise(life, 'feed', (scope) => {
      if (moved.length === 0) moved.push(scope.move())
      return actor.start(scope)
    })
    await feed.restart()
    expect(feed).toMatchObject({ state: 'ready', incarnation: 2 })
    for (const each of moved) await each.close()
    await clock.advance(0)
    expect(feed).toMatchObject({ state: 'ready', incarnation: 2 })
    await feed.stop()
    expect(left()).toEqual(nothing)
  })
})

describe('readiness', () => {
  test('is waited for', async () => {
    const { clock, life, changes } = setUp()
    const actor = new Actor()
    const feed = supervise(life, 'feed', actor.start, { readyWhen: () => wait(clock, 40) })
    let ready = false
    void feed.ready().then(() => {
      ready = true
    })
    await clock.advance(39)
    expect([feed.state, ready]).toEqual(['starting', false])
    await clock.advance(1)
    expect([feed.state, ready]).toEqual(['ready', true])
    expect(changes()).toEqual(['feed 1 starting', 'feed 1 ready'])
    expect(clock.pending).toBe(0)
    await life.close()
  })

  test('that does not come in time ends that life, by a TimeoutError', async () => {
    const { clock, life, changes, left } = setUp()
    const actor = new Actor()
    let signal: AbortSignal | undefined
    const feed = supervise(life, 'feed', actor.start, {
      readyWhen: (_scope, own) => {
        signal = own
        return never()
      },
      readyTimeout: 70,
      restart: 'temporary',
    })
    const refused = expect(feed.ready()).rejects.toMatchObject({ name: 'ReferenceError', code: 'ERR_CLOSED' })
    await clock.advance(70)
    await refused
    const { state, cause } = await feed.ended
    expect(state).toBe('stopped')
    expect(cause).toBeInstanceOf(TimeoutError)
    expect(cause).toMatchObject({ path: '/app/feed/1', timeout: 70, elapsed: 70 })
    expect(signal?.aborted).toBe(true)
    expect(changes()).toEqual(['feed 1 starting', 'feed 1 stopping', 'feed 1 stopped'])
    expect(actor.living).toBe(0)
    expect(left()).toEqual(nothing)
  })

  test('that throws ends that life with the error', async () => {
    const { clock, life } = setUp()
    const error = new Error('no')
    const feed = supervise(life, 'feed', new Actor().start, { readyWhen: () => Promise.reject(error) })
    await clock.advance(0)
    expect(feed).toMatchObject({ state: 'backing-off', cause: error })
    await life.close()
  })

  test('that comes after the life is over is nothing', async () => {
    const { clock, life, changes } = setUp()
    const actor = new Actor()
    const feed = supervise(life, 'feed', actor.start, { readyWhen: () => wait(clock, 10), restart: 'temporary' })
    actor.last.scope.defer(() => wait(clock, 50))
    actor.last.end()
    await clock.advance(100)
    expect(feed.state).toBe('stopped')
    expect(changes()).toEqual(['feed 1 starting', 'feed 1 stopping', 'feed 1 stopped'])
  })

  test('is that of the next life where this one ends', async () => {
    const { clock, life } = setUp()
    const actor = new Actor()
    const feed = supervise(life, 'feed', actor.start, { backoff: exact })
    actor.last.crash()
    await clock.advance(10)
    let ready = 0
    void feed.ready().then(() => {
      ready = feed.incarnation
    })
    await clock.advance(190)
    expect(ready).toBe(2)
    await life.close()
  })
})

describe('the wait', () => {
  test('grows, and begins anew after a life that was ready for long enough', async () => {
    const { clock, life, events } = setUp()
    const actor = new Actor()
    supervise(life, 'feed', actor.start, { backoff: exact, intensity: { max: 100 }, stable: 1_000 })
    const waits = () => events.filter(({ state }) => state === 'backing-off').map(({ timeout }) => timeout)
    for (const lasts of [0, 999, 0, 1_000, 0]) {
      await clock.advance(lasts)
      actor.last.crash()
      await clock.advance(0)
      await clock.next()
    }
    expect(waits()).toEqual([200, 400, 800, 200, 400])
    await life.close()
  })

  test('is the usual one where the policy leaves it undefined', async () => {
    const { clock, life, events } = setUp()
    const actor = new Actor()
    supervise(life, 'feed', actor.start, { backoff: { first: undefined, jitter: 0 } as object })
    actor.last.crash()
    await clock.advance(0)
    expect(events.at(-1)?.timeout).toBe(200)
    await life.close()
  })

  test('is that of the policy', async () => {
    const { clock, life, events } = setUp()
    const actor = new Actor()
    supervise(life, 'feed', actor.start, { backoff: { first: 10, factor: 1, jitter: 0.5 } })
    actor.last.crash()
    await clock.advance(0)
    expect(events.at(-1)?.timeout).toBeGreaterThanOrEqual(5)
    expect(events.at(-1)?.timeout).toBeLessThanOrEqual(10)
    await life.close()
  })
})

describe('giving up', () => {
  test('comes with one restart more than the intensity allows, however long each life was', async () => {
    const { clock, life, left, events } = setUp()
    const actor = new Actor()
    const feed = supervise(life, 'feed', actor.start, { backoff: { first: 0 }, intensity: { max: 2, period: 1_000 } })
    const error = new Error('third')
    for (const each of [new Error('first'), new Error('second'), error]) {
      await clock.advance(100)
      actor.last.crash(each)
    }
    await clock.advance(0)
    expect(await feed.ended).toEqual({ state: 'failed', cause: error })
    expect(feed).toMatchObject({ state: 'failed', incarnation: 3, restarts: 2, cause: error })
    expect(events.at(-1)).toMatchObject({ state: 'failed', cause: error, error: { code: 'ERR_GAVE_UP' } })
    const refusal = await feed.ready().catch((refused: unknown) => refused)
    expect(refusal).toMatchObject({ name: 'EndswellError', code: 'ERR_GAVE_UP', path: '/app/feed', cause: error })
    expect(String(refusal)).toContain('more than 2 times within 1000 ms')
    expect(left()).toEqual(nothing)
    expect(life.state).toBe('open')
  })

  test('is what ready() and restart() reject with as soon as that is decided, while the last life still closes', async () => {
    const { clock, life } = setUp()
    const actor = new Actor()
    const feed = supervise(life, 'feed', actor.start, { intensity: { max: 0 } })
    actor.last.scope.defer(() => wait(clock, 50))
    actor.last.crash()
    await clock.advance(10)
    expect(feed.state).toBe('stopping')
    await expect(feed.ready()).rejects.toMatchObject({ code: 'ERR_GAVE_UP' })
    await expect(feed.restart()).rejects.toMatchObject({ code: 'ERR_GAVE_UP' })
    await clock.advance(50)
    expect(feed.state).toBe('failed')
  })

  test.each([
    [0, undefined, true],
    [0, new Error('no'), false],
    [5, undefined, false],
  ])('says that the promise of start is the life where that was over at once: after %i ms, with %s', async (...row) => {
    const [lasts, error, isTold] = row
    const { clock, life } = setUp()
    const start = async () => {
      if (lasts > 0) await wait(clock, lasts)
      if (error !== undefined) throw error
    }
    const feed = supervise(life, 'feed', start, { intensity: { max: 0 } })
    await clock.advance(lasts)
    await feed.ended
    const { message } = (await feed.ready().catch((refusal: Error) => refusal)) as Error
    expect(message).toContain('more than 0 times within 60000 ms')
    expect(message.endsWith('ms. Its start returned at once, but the promise of start is the life.')).toBe(isTold)
  })

  test('is put off where ends lie far enough apart', async () => {
    const { clock, life } = setUp()
    const actor = new Actor()
    const feed = supervise(life, 'feed', actor.start, { backoff: { first: 0 }, intensity: { max: 1, period: 1_000 } })
    for (let round = 0; round < 20; round += 1) {
      await clock.advance(1_001)
      actor.last.crash()
    }
    await clock.advance(0)
    expect(feed).toMatchObject({ state: 'ready', incarnation: 21 })
    await life.close()
  })

  test('comes at once where giveUpWhen says so', async () => {
    const { clock, life } = setUp()
    const actor = new Actor()
    const giveUpWhen = vi.fn(({ error }: { error?: unknown }) => error === 'fatal')
    const feed = supervise(life, 'feed', actor.start, { giveUpWhen, backoff: { first: 0 } })
    actor.last.end(7)
    await clock.advance(0)
    actor.last.crash('fatal')
    await clock.advance(0)
    expect(feed).toMatchObject({ state: 'failed', incarnation: 2, cause: 'fatal' })
    expect(giveUpWhen.mock.calls).toEqual([[{ value: 7 }], [{ error: 'fatal' }]])
  })

  test.each([
    ['giveUpWhen throws', { giveUpWhen: () => thrown() }, /^no$/],
    ['isNormal throws', { isNormal: () => thrown() }, /^no$/],
    [
      'giveUpWhen answers with a promise',
      { giveUpWhen: async () => false },
      /^What giveUpWhen returned must be true or/,
    ],
    ['giveUpWhen rejects', { giveUpWhen: async () => thrown() }, /^What giveUpWhen returned must be true or/],
    ['isNormal rejects', { isNormal: async () => thrown() }, /^What isNormal returned must be true or/],
    ['isNormal answers with a number', { isNormal: () => 1 }, /^What isNormal returned must be true or false/],
  ])('comes where %s', async (_what, policy, message) => {
    const { clock, life } = setUp()
    const actor = new Actor()
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    onTestFinished(() => void process.off('unhandledRejection', unhandled))
    const feed = supervise(life, 'feed', actor.start, policy as object)
    actor.last.end()
    await clock.advance(0)
    expect(await feed.ended).toMatchObject({ state: 'failed', cause: { message: expect.stringMatching(message) } })
    await new Promise(setImmediate)
    expect(unhandled).not.toHaveBeenCalled()
  })

  test('comes where something in a life can’t be ended: no other is begun on top of it', async () => {
    const { clock, life, left } = setUp({ grace: 100 })
    const actor = new Actor()
    const feed = supervise(life, 'feed', actor.start)
    actor.last.scope.defer(never, { name: 'port' })
    actor.last.crash()
    await clock.advance(99)
    expect(feed.state).toBe('stopping')
    await clock.advance(1)
    expect(feed).toMatchObject({ state: 'failed', incarnation: 1 })
    expect(feed.cause).toMatchObject({ code: 'ERR_ABANDONED', path: '/app/feed/1/port' })
    expect(left()).toEqual(nothing)
  })

  test('comes where a start doesn’t heed its signal in time when it is restarted', async () => {
    const { clock, life } = setUp({ grace: 100 })
    const feed = supervise(life, 'feed', never)
    const restarted = feed.restart()
    await clock.advance(100)
    await expect(restarted).rejects.toMatchObject({ code: 'ERR_GAVE_UP', cause: { code: 'ERR_ABANDONED' } })
  })

  test('starts the shutdown of the whole lifecycle with { fatal }', async () => {
    const { clock, life, left } = setUp()
    const actor = new Actor()
    const inside = life.scope('inside')
    const feed = supervise(inside, 'feed', actor.start, { fatal: true, intensity: { max: 0 } })
    actor.last.crash()
    await clock.advance(0)
    expect([feed.state, life.state]).toEqual(['failed', 'closed'])
    expect((await life.close()).reason).toMatch(/^\/app\/inside\/feed failed: \/app\/inside\/feed gave up: it would/)
    expect(left()).toEqual(nothing)
  })
})

function thrown(): never {
  throw new Error('no')
}

/** What can be under way when somebody steps in. */
const moments = ['starting', 'ready', 'stopping', 'backing-off'] as const

async function at(moment: (typeof moments)[number]) {
  const world = setUp({ grace: 100 })
  const { clock, life } = world
  const actor = new Actor()
  const feed = supervise(life, 'feed', actor.start, {
    backoff: exact,
    ...(moment === 'starting' ? { readyWhen: (_scope: unknown, signal: AbortSignal) => until(signal) } : {}),
  })
  actor.last.scope.defer(() => wait(clock, 50))
  if (moment === 'stopping' || moment === 'backing-off') actor.last.crash()
  await clock.advance(moment === 'backing-off' ? 60 : 10)
  expect(feed.state).toBe(moment)
  return { ...world, actor, feed }
}

/** Never resolves, but rejects. */
function until(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}

describe('stop()', () => {
  test.each(moments)('while %s ends everything at once, and leaves nothing', async (moment) => {
    const { clock, actor, feed, left, life } = await at(moment)
    const waiting = feed.ready().then(
      () => 'ready',
      ({ code }) => code,
    )
    const stopped = Promise.all([feed.stop(), feed.stop()])
    if (moment === 'backing-off') expect(clock.pending).toBe(0)
    else await clock.advance(50)
    await stopped
    expect(feed).toMatchObject({ state: 'stopped', incarnation: 1 })
    expect(await feed.ended).toMatchObject({ state: 'stopped' })
    expect(await waiting).toBe(moment === 'ready' ? 'ready' : 'ERR_CLOSED')
    expect(actor.living).toBe(0)
    expect(left()).toEqual(nothing)
    await expect(feed.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await expect(feed.restart()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect(life.state).toBe('open')
  })

  test('tells of what it could not end', async () => {
    const { clock, life } = setUp({ grace: 100 })
    const feed = supervise(life, 'feed', never)
    const stopped = feed.stop()
    await clock.advance(100)
    await stopped
    expect(await feed.ended).toMatchObject({ state: 'failed', cause: { code: 'ERR_ABANDONED' } })
  })

  test.each([true, false])('keeps what the life ended with, ready or not: %s', async (isReady) => {
    const { clock, life } = setUp()
    const start = async ({ signal }: { signal: AbortSignal }): Promise<number> => {
      await until(signal).catch(() => {})
      await wait(clock, 10)
      return 7
    }
    const feed = supervise(life, 'feed', start, isReady ? {} : { readyWhen: never })
    const stopped = feed.stop()
    await clock.advance(10)
    await stopped
    expect(await feed.ended).toEqual({ state: 'stopped', cause: 7 })
  })
})

test('disposing of it stops it, and it shows where it stands', async () => {
  const { life, left } = setUp()
  const actor = new Actor()
  {
    await using feed = supervise(life, 'feed', actor.start)
    expect(inspect(feed)).toBe('Supervised /app/feed: ready, life 1')
  }
  expect(actor.living).toBe(0)
  expect(left()).toEqual(nothing)
})

describe('restart()', () => {
  test.each(moments)('while %s ends that life wholly, and begins the next without a wait', async (moment) => {
    const { clock, life, actor, feed, left } = await at(moment)
    const restarted = feed.restart()
    // Where that has to wait for something, a second one joins it.
    if (moment !== 'backing-off') void feed.restart()
    await clock.advance(50)
    expect(feed.incarnation).toBe(2)
    expect(feed.restarts).toBe(moment === 'stopping' || moment === 'backing-off' ? 1 : 0)
    expect(feed.state).toBe(moment === 'starting' ? 'starting' : 'ready')
    expect(actor.most).toBe(1)
    const outcome = restarted.then(
      () => 'ready',
      ({ code }) => code,
    )
    await life.close()
    expect(await outcome).toBe(moment === 'starting' ? 'ERR_CLOSED' : 'ready')
    expect(left()).toEqual(nothing)
  })

  test('is not counted', async () => {
    const { clock, life } = setUp()
    const feed = supervise(life, 'feed', new Actor().start, { intensity: { max: 0 } })
    for (let round = 0; round < 10; round += 1) await feed.restart()
    expect(feed).toMatchObject({ state: 'ready', incarnation: 11, restarts: 0 })
    await clock.advance(0)
    await life.close()
  })

  test('begins one that is temporary again, too', async () => {
    const { life } = setUp()
    const feed = supervise(life, 'feed', new Actor().start, { restart: 'temporary' })
    await feed.restart()
    expect(feed.incarnation).toBe(2)
    await life.close()
  })

  test('that is dropped is no unhandled rejection', async () => {
    const { clock, life } = setUp()
    const feed = supervise(life, 'feed', new Actor().start, { readyWhen: never })
    void feed.restart()
    void feed.ready()
    await life.close()
    void feed.ready()
    void feed.restart()
    await clock.advance(0)
  })
})

describe('its lifecycle', () => {
  test.each(moments)('closes it while it is %s, and nothing begins again', async (moment) => {
    const { clock, life, actor, feed, left } = await at(moment)
    const waiting = feed.ready().then(
      () => 'ready',
      ({ code }) => code,
    )
    const closing = life.close()
    if (moment === 'backing-off') expect(clock.pending).toBe(0)
    await clock.advance(100_000)
    expect((await closing).counts).toMatchObject({ forced: 0, failed: 0, abandoned: 0 })
    expect(feed).toMatchObject({ state: 'stopped', incarnation: 1 })
    expect(await waiting).toBe(moment === 'ready' ? 'ready' : 'ERR_CLOSED')
    expect(actor.lives.length).toBe(1)
    expect(left()).toEqual(nothing)
  })

  test.each(moments)('that begins to close, and is at others first, lets no %s go on', async (moment) => {
    const { clock, life, actor, feed, left } = await at(moment)
    life.defer(() => wait(clock, 90))
    const refused = feed.ready().catch(({ code }) => code)
    const closing = life.close()
    if (moment !== 'ready') expect(await refused).toBe('ERR_CLOSED')
    // Its turn has not come, so what lives goes on; but what ends now is the last.
    if (moment === 'ready' || moment === 'starting') {
      expect(feed.state).toBe(moment)
      expect(await feed.restart().catch(({ code }) => code)).toBe('ERR_CLOSED')
      actor.last.crash()
      await clock.advance(60)
    } else await clock.advance(60)
    expect([feed.state, life.state]).toEqual(['stopped', 'closing'])
    expect(feed.restarts).toBe(moment === 'ready' || moment === 'starting' ? 0 : 1)
    expect(await feed.restart().catch(({ code }) => code)).toBe('ERR_CLOSED')
    await clock.advance(40)
    await closing
    expect(left()).toEqual(nothing)
  })

  test('may be a scope of the one that closes', async () => {
    const { clock, life } = setUp()
    const inside = life.scope('inside')
    const feed = supervise(inside, 'feed', new Actor().start)
    const refused = supervise(inside, 'slow', new Actor().start, { readyWhen: never }).ready()
    life.defer(() => wait(clock, 50))
    const closing = life.close()
    await expect(refused).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await clock.advance(50)
    await closing
    expect(feed.state).toBe('stopped')
  })

  test('is waited for as long as its deadlines say, and no longer', async () => {
    const { clock, life } = setUp({ grace: 100 })
    const feed = supervise(life, 'feed', never)
    const own = supervise(life, 'own', never, { grace: 30 })
    const closing = life.close()
    await clock.advance(130)
    const { ms, rows } = await closing
    expect(ms).toBe(130)
    expect(rows.map(({ path, outcome }) => [path, outcome])).toEqual([
      ['/app/feed/1/start', 'abandoned'],
      ['/app/own/1/start', 'abandoned'],
    ])
    expect([feed.state, own.state]).toEqual(['failed', 'failed'])
  })

  test('takes nothing more once it is closed', async () => {
    const { life } = setUp()
    await life.close()
    const error = thrownBy(() => supervise(life, 'feed', new Actor().start))
    expect(error).toBeInstanceOf(ReferenceError)
    expect(error.code).toBe('ERR_CLOSED')
  })

  test('can forget it, and then it goes on by itself', async () => {
    const { clock, life, left, events } = setUp()
    const actor = new Actor()
    const feed = supervise(life, 'feed', actor.start, { backoff: exact })
    expect(life.forget('feed')).toBe(true)
    await life.close()
    events.splice(0)
    actor.last.crash()
    await clock.advance(200)
    expect(feed).toMatchObject({ state: 'ready', incarnation: 2, path: '/app/feed' })
    await feed.stop()
    expect(events).toEqual([])
    expect(left()).toEqual(nothing)
  })

  test('can release it, which stops it', async () => {
    const { life, left } = setUp()
    const feed = supervise(life, 'feed', new Actor().start)
    expect(await life.release('feed')).toBe('closed')
    expect(feed.state).toBe('stopped')
    expect(left()).toEqual(nothing)
  })

  test('can be moved with it', async () => {
    const { clock, life, events } = setUp()
    const actor = new Actor()
    const feed = supervise(life, 'feed', actor.start, { backoff: exact })
    const moved = life.move()
    actor.last.crash()
    await clock.advance(200)
    expect(feed).toMatchObject({ state: 'ready', incarnation: 2 })
    await moved.close()
    expect(feed.state).toBe('stopped')
    expect(events.length).toBeGreaterThan(0)
  })

  test('gives it its place among others', async () => {
    const { life } = setUp()
    const order: string[] = []
    supervise(life, 'first', ended('first'))
    supervise(life, 'second', ended('second'), { requiredBy: ['first'] })
    supervise(life, 'logs', ended('logs'), { last: true })
    supervise(life, 'fourth', ended('fourth'))
    await life.close()
    expect(order).toEqual(['fourth', 'first', 'second', 'logs'])

    function ended(name: string) {
      return (scope: { signal: AbortSignal }) =>
        new Promise<void>((resolve) =>
          scope.signal.addEventListener('abort', () => {
            order.push(name)
            resolve()
          }),
        )
    }
  })
})

describe('a listener', () => {
  test.each(['starting', 'ready', 'stopping', 'backing-off'] as const)(
    'may stop it as it hears that it is %s',
    async (state) => {
      const { clock, life, left, changes } = setUp({ grace: 100 })
      const actor = new Actor()
      let stopped: Promise<void> | undefined
      life.subscribe((event) => {
        if (event.state === state) stopped = life.release('feed').then(() => {})
      })
      const feed = supervise(life, 'feed', actor.start)
      await clock.advance(0)
      if (actor.living > 0) actor.last.crash()
      await clock.advance(0)
      await stopped
      expect(feed.state).toBe('stopped')
      expect(changes().at(-1)).toBe('feed 1 stopped')
      expect(left()).toEqual(nothing)
    },
  )

  test.each(['starting', 'ready', 'stopping', 'backing-off'] as const)(
    'may restart it as it hears that it is %s',
    async (state) => {
      const { clock, life } = setUp({ grace: 100 })
      const actor = new Actor()
      let feed: ReturnType<typeof supervise> | undefined
      let done = false
      life.subscribe((event) => {
        if (event.state !== state || done || feed === undefined) return
        done = true
        void feed.restart()
      })
      feed = supervise(life, 'feed', actor.start)
      actor.last.crash()
      await clock.advance(1_000)
      expect(feed).toMatchObject({ state: 'ready' })
      expect(actor.most).toBe(1)
      await life.close()
    },
  )

  test('that hears of a scope may close all of it', async () => {
    const { clock, life, left, changes } = setUp()
    const actor = new Actor()
    life.subscribe(({ type, path }) => {
      if (type === 'resource.created' && path === '/app/feed/2') void life.close()
    })
    const feed = supervise(life, 'feed', actor.start, { backoff: exact })
    actor.last.crash()
    await clock.advance(200)
    expect([feed.state, life.state, actor.lives.length]).toEqual(['stopped', 'closed', 1])
    expect(changes()).not.toContain('feed 2 starting')
    expect(left()).toEqual(nothing)
  })
})

test('a start may stop, restart and close what it is in', async () => {
  for (const act of ['stop', 'restart', 'close'] as const) {
    const { clock, life, changes } = setUp()
    const actor = new Actor()
    let feed: ReturnType<typeof supervise> | undefined
    let acted = false
    feed = supervise(life, 'feed', (scope) => {
      if (!acted && feed !== undefined) {
        acted = true
        void (act === 'close' ? life.close() : feed[act]())
      }
      return actor.start(scope)
    })
    actor.last.crash()
    await clock.advance(1_000)
    expect(feed.state).toBe(act === 'restart' ? 'ready' : 'stopped')
    // What is being ended already does not become ready.
    expect(changes()).not.toContain('feed 2 ready')
    expect(actor.most).toBe(1)
    await life.close()
  }
})

test('supervision inside supervision: the inner one is part of each outer life', async () => {
  const { clock, life, left } = setUp()
  const inner = new Actor()
  const outer = new Actor()
  const feed = supervise(
    life,
    'outer',
    (scope) => {
      supervise(scope, 'inner', inner.start, { backoff: exact })
      return outer.start(scope)
    },
    { backoff: exact },
  )
  inner.last.crash()
  await clock.advance(200)
  expect(inner.last.scope.path).toBe('/app/outer/1/inner/2')
  outer.last.crash()
  await clock.advance(200)
  expect([inner.last.scope.path, inner.living, inner.most]).toEqual(['/app/outer/2/inner/1', 1, 1])
  await feed.stop()
  expect([inner.living, outer.living]).toEqual([0, 0])
  expect(left()).toEqual(nothing)
})

test('ten thousand lives leave one scope, and no more listeners, timers or names than one', async () => {
  const { clock, life, left } = setUp()
  const lives = 10_000
  let begun = 0
  const done = Promise.withResolvers<void>()
  const feed = supervise(
    life,
    'feed',
    (scope) => {
      begun += 1
      if (begun < lives) return
      done.resolve()
      return new Promise<void>((resolve) => scope.signal.addEventListener('abort', () => resolve()))
    },
    {
      intensity: { max: 10, period: 1 },
      giveUpWhen: () => {
        void feed.restart()
        return false
      },
    },
  )
  await done.promise
  expect(feed).toMatchObject({ incarnation: lives, state: 'ready' })
  expect(left()).toEqual({ held: 1, listeners: 1, timers: 0 })
  expect(life.snapshot().resources).toMatchObject([{ inside: { size: 1 } }])
  await feed.stop()
  expect(left()).toEqual(nothing)
  await clock.advance(0)
})

describe('the door', () => {
  test.each<[unknown[], string, string]>([
    [[{}, 'feed', () => {}], 'TypeError', 'life must be a Lifecycle'],
    [[undefined, '', () => {}], 'RangeError', 'name must be a name of at least one character'],
    [[undefined, 'a/b', () => {}], 'RangeError', "name must be a name without '/'"],
    [[undefined, 'feed', 7], 'TypeError', 'start must be a function'],
    [[undefined, 'feed', () => {}, 7], 'TypeError', 'policy must be an object'],
    [[undefined, 'feed', () => {}, { restarts: 1 }], 'TypeError', "Did you mean 'restart'?"],
    [[undefined, 'feed', () => {}, { restart: 'always' }], 'RangeError', "'permanent', 'transient', 'temporary'"],
    [[undefined, 'feed', () => {}, []], 'TypeError', 'policy must be an object of names'],
    [[undefined, 'feed', () => {}, { backoff: null }], 'TypeError', 'policy.backoff must be an object'],
    [[undefined, 'feed', () => {}, { backoff: 1 }], 'TypeError', 'policy.backoff must be an object'],
    [[undefined, 'feed', () => {}, { backoff: [] }], 'TypeError', 'policy.backoff must be an object'],
    [[undefined, 'feed', () => {}, { backoff: () => {} }], 'TypeError', 'policy.backoff must be an object'],
    [[undefined, 'feed', () => {}, { intensity: [] }], 'TypeError', 'policy.intensity must be an object'],
    [[undefined, 'feed', () => {}, { backoff: { first: -1 } }], 'RangeError', 'policy.backoff.first'],
    [[undefined, 'feed', () => {}, { backoff: { max: 100 } }], 'RangeError', 'at least the first wait, 200'],
    [[undefined, 'feed', () => {}, { intensity: { max: 1.5 } }], 'RangeError', 'a whole number from 0, or Infinity'],
    [[undefined, 'feed', () => {}, { intensity: { period: 0 } }], 'RangeError', 'policy.intensity.period must be at'],
    [[undefined, 'feed', () => {}, { intensity: { maximum: 0 } }], 'TypeError', "Did you mean 'max'?"],
    [[undefined, 'feed', () => {}, { stable: Number.NaN }], 'RangeError', 'policy.stable'],
    [[undefined, 'feed', () => {}, { readyTimeout: '1s' }], 'TypeError', 'policy.readyTimeout'],
    [[undefined, 'feed', () => {}, { readyWhen: true }], 'TypeError', 'policy.readyWhen must be a function'],
    [[undefined, 'feed', () => {}, { isNormal: 0 }], 'TypeError', 'policy.isNormal must be a function'],
    [[undefined, 'feed', () => {}, { giveUpWhen: 0 }], 'TypeError', 'policy.giveUpWhen must be a function'],
    [[undefined, 'feed', () => {}, { fatal: 'yes' }], 'TypeError', 'policy.fatal must be true or false'],
    [[undefined, 'feed', () => {}, { grace: -1 }], 'RangeError', 'policy.grace'],
    [[undefined, 'feed', () => {}, { dependsOn: ['db'] }], 'RangeError', "holds nothing under the name 'db'"],
  ])('refuses what it can’t keep to, before anything happens: %#', (args, name, message) => {
    const { life, left } = setUp()
    const [first = life, ...others] = args
    const error = thrownBy(() => (supervise as (...all: unknown[]) => unknown)(first, ...others))
    expect(error.name).toBe(name)
    expect(error.message).toContain(message)
    expect(left()).toEqual(nothing)
  })
})
