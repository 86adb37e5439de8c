import { EventEmitter } from 'node:events'
import { Lifecycle, type LifecycleEvent, TimeoutError } from 'endswell'
import { type KeepOptions, keepConnected } from 'endswell/connection'
import { describe, expect, onTestFinished, test } from 'vitest'
import { closedError, setUp } from '../fixtures/kept.ts'
import { listeners } from '../fixtures/listeners.ts'
import { Exchange, type Wire } from '../fixtures/wire.ts'

describe('keepConnected', () => {
  test('connects at once, and says when the connection is there', async () => {
    const { kept, exchange, told, events } = setUp()
    expect([kept.path, kept.state, kept.current]).toEqual(['/life/feed', 'connecting', undefined])
    const wire = await kept.ready()
    expect([kept.state, kept.current, exchange.attempts]).toEqual(['connected', wire, 1])
    expect(await kept.ready()).toBe(wire)
    expect(told()).toEqual(['connecting', 'connected'])
    expect(events.find(({ state }) => state === 'connected')).toMatchObject({
      path: '/life/feed',
      kind: 'connection',
      incarnation: 1,
    })
  })

  test('makes another connection when one is lost, once all of the old one has ended', async () => {
    const order: string[] = []
    const exchange = new Exchange()
    const connect = (scope: Lifecycle): Promise<Wire> => {
      order.push(`connect ${scope.path}`)
      scope.defer(async () => {
        await Promise.resolve()
        order.push(`ended ${scope.path}`)
      })
      return exchange.options.connect()
    }
    const { clock, kept, told, events } = setUp({ connect }, exchange)
    const first = await kept.ready()
    const error = new Error('ECONNRESET')
    first.break(error)
    expect([kept.state, kept.current]).toEqual(['waiting', undefined])
    const next = kept.ready()
    await clock.advance(99)
    expect(exchange.attempts).toBe(1)
    await clock.advance(1)
    expect(await next).toBe(exchange.wires[1])
    expect(order).toEqual(['connect /life/feed/1', 'ended /life/feed/1', 'connect /life/feed/2'])
    expect(told()).toEqual(['connecting', 'connected', 'waiting', 'connecting', 'connected'])
    expect(events.find(({ state }) => state === 'waiting')).toMatchObject({ cause: error, incarnation: 1 })
    expect(kept.stats()).toEqual({
      state: 'connected',
      attempts: 2,
      connects: 2,
      losses: 1,
      missed: 0,
      subscriptions: 0,
      failedStarts: 0,
      held: 0,
    })
  })

  test('waits longer after each failure, and anew after a connection that has held', async () => {
    const { clock, kept, exchange } = setUp({ stableAfter: 500 })
    const waits = async (count: number): Promise<(number | undefined)[]> => {
      const found = []
      for (let at = 0; at < count; at += 1) found.push(await clock.next())
      return found
    }
    await kept.ready()
    exchange.failure = new Error('ECONNREFUSED')
    exchange.last.break()
    // Connects are never in time for their timeout: only the waits are left.
    expect(await waits(5)).toEqual([100, 200, 400, 800, 1_000])
    exchange.failure = undefined
    expect(await waits(1)).toEqual([1_000])
    await kept.ready()
    await clock.advance(499)
    exchange.last.break()
    expect(await waits(1)).toEqual([1_000])
    await kept.ready()
    await clock.advance(500)
    exchange.last.break()
    expect(await waits(1)).toEqual([100])
    expect(kept.stats()).toMatchObject({ losses: 3, connects: 4 })
  })
})

describe('an attempt', () => {
  test('has only so long; its signal aborts, and what it brings too late is ended', async () => {
    const gate = Promise.withResolvers<void>()
    const signals: AbortSignal[] = []
    const exchange = new Exchange()
    const connect = (_: Lifecycle, signal: AbortSignal): Promise<Wire> => {
      signals.push(signal)
      return exchange.options.connect()
    }
    const { clock, kept, events } = setUp({ connectTimeout: 2_000, connect }, exchange)
    expect(await kept.ready()).toBe(exchange.last)
    exchange.gate = gate.promise
    exchange.last.break()
    await clock.advance(100)
    expect(signals[1]?.aborted).toBe(false)
    await clock.advance(2_000)
    expect(signals[1]?.reason).toBeInstanceOf(TimeoutError)
    const { cause } = events.findLast(({ state }) => state === 'waiting') as LifecycleEvent
    expect(cause).toMatchObject({ code: 'ERR_TIMEOUT', path: '/life/feed/2' })
    exchange.gate = undefined
    await clock.advance(200)
    expect(kept.current).toBe(exchange.last)
    gate.resolve()
    await clock.advance(0)
    expect([exchange.wires.length, exchange.open]).toEqual([3, [kept.current]])
  })

  test('that hangs keeps nobody from closing, and what it brings after that is ended', async () => {
    const gate = Promise.withResolvers<void>()
    const { clock, kept, exchange, told } = setUp({
      connect: async () => {
        await gate.promise
        return await exchange.options.connect()
      },
    })
    const ready = kept.ready()
    expect(await kept.close()).toEqual({ connects: 0, losses: 0, outcome: 'closed' })
    await expect(ready).rejects.toEqual(closedError)
    expect([kept.state, told()]).toEqual(['closed', ['connecting', 'closed']])
    gate.resolve()
    await clock.advance(0)
    expect([exchange.wires.length, exchange.open.length]).toEqual([1, 0])
  })

  test('is the last where another would only end alike', async () => {
    const wrong = Object.assign(new Error('wrong password'), { code: 'EAUTH' })
    const { kept, exchange, told, events } = setUp({ giveUpWhen: (error) => error === wrong })
    await kept.ready()
    exchange.last.break(wrong)
    await expect(kept.ready()).rejects.toMatchObject({ code: 'ERR_GAVE_UP', cause: wrong })
    expect(kept.state).toBe('failed')
    expect(told().at(-1)).toBe('failed')
    expect(events.findLast(({ type }) => type === 'connection.changed')).toMatchObject({ cause: wrong })
    expect(() => kept.subscribe('a', () => {})).toThrow(closedError)
    await expect(kept.reconnect()).rejects.toMatchObject({ code: 'ERR_GAVE_UP' })
    expect(await kept.close()).toMatchObject({ connects: 1, losses: 1 })
  })

  test('is not repeated more often than intensity says', async () => {
    const { clock, kept, exchange } = setUp({ intensity: { max: 2 } })
    exchange.failure = new Error('ECONNREFUSED')
    exchange.gate = Promise.resolve()
    await kept.ready().then((wire) => wire.break())
    await clock.advance(10_000)
    expect([kept.state, exchange.attempts]).toEqual(['failed', 3])
    await expect(kept.ready()).rejects.toMatchObject({ code: 'ERR_GAVE_UP', cause: exchange.failure })
  })
})

describe('what connect brings', () => {
  const once = (connect: KeepOptions<never>['connect'], more: object = {}) => {
    const life = new Lifecycle('life')
    onTestFinished(async () => void (await life.close()))
    return { life, kept: keepConnected<unknown>(life, { connect, ...more } as KeepOptions<unknown>) }
  }

  test('is ended by its own disposer where nobody says how', async () => {
    const ended: number[] = []
    const { kept } = once((() => ({ [Symbol.dispose]: () => ended.push(1) })) as never)
    await kept.ready()
    await kept.close()
    expect(ended).toEqual([1])
  })

  test('is left to what connect has registered in its stead', async () => {
    const calls: string[] = []
    const { kept } = once(((scope: Lifecycle) => {
      scope.defer(() => calls.push('quit'))
      return { name: 'client' }
    }) as never)
    await kept.ready()
    await kept.close()
    expect(calls).toEqual(['quit'])
  })

  test('is registered once where connect has done so', async () => {
    const ended: number[] = []
    const { kept, life } = once(((scope: Lifecycle) =>
      scope.use({ [Symbol.dispose]: () => ended.push(1) }, { name: 'mine' })) as never)
    await kept.ready()
    const paths = JSON.stringify(life.snapshot())
    expect([paths.includes('/life/connection/1/mine'), paths.includes('/life/connection/1/connection')]).toEqual([
      true,
      false,
    ])
    await kept.close()
    expect(ended).toEqual([1])
  })

  test('must end somehow: otherwise it gives up at once, and says so', async () => {
    const { kept } = once((() => ({ name: 'client' })) as never)
    await expect(kept.ready()).rejects.toMatchObject({ code: 'ERR_GAVE_UP', cause: expect.any(TypeError) })
    const { kept: other } = once((() => ({ quit: 1 })) as never, { close: 'quit' })
    await expect(other.ready()).rejects.toMatchObject({ code: 'ERR_GAVE_UP', cause: expect.any(TypeError) })
  })

  test('may be a word, which needs no end', async () => {
    const { kept } = once((() => 'token') as never)
    expect(await kept.ready()).toBe('token')
    expect(await kept.reconnect()).toBe('token')
  })
})

describe('the heartbeat', () => {
  const beats = (ping: (wire: Wire, signal: AbortSignal) => unknown) => ({
    heartbeat: { interval: 1_000, timeout: 300, ping },
  })

  test('cuts a connection that does not answer in time, however deaf it is', async () => {
    const { clock, kept, exchange, events } = setUp(beats((wire) => (wire.isDeaf ? new Promise(() => {}) : true)))
    await kept.ready()
    await clock.advance(3_500)
    expect(exchange.attempts).toBe(1)
    exchange.last.isDeaf = true
    await clock.advance(799)
    expect(kept.state).toBe('connected')
    await clock.advance(1)
    expect([kept.state, exchange.open]).toEqual(['waiting', []])
    const { cause } = events.findLast(({ state }) => state === 'waiting') as LifecycleEvent
    expect(cause).toMatchObject({ code: 'ERR_TIMEOUT', path: '/life/feed/1/heartbeat', timeout: 300 })
    await clock.advance(100)
    expect(kept.state).toBe('connected')
    expect(kept.stats()).toMatchObject({ losses: 1, missed: 1 })
    expect(clock.pending).toBe(1)
  })

  test('takes a throw and a false for the end, too', async () => {
    for (const answer of [() => false, () => Promise.reject(new Error('EPIPE'))]) {
      const { clock, kept } = setUp(beats(answer))
      await kept.ready()
      await clock.advance(1_000)
      expect(kept.stats()).toMatchObject({ state: 'waiting', missed: 1 })
    }
  })

  test('is not told of a closing as of a loss', async () => {
    const signals: AbortSignal[] = []
    const { clock, kept, errors } = setUp(
      beats((_, signal) => {
        signals.push(signal)
        return new Promise(() => {})
      }),
    )
    await kept.ready()
    await clock.advance(1_100)
    await kept.close()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect([kept.stats().missed, errors()]).toEqual([0, []])
  })

  test('needs a ping, unless the connection has one', async () => {
    const { kept } = setUp({ heartbeat: {} })
    const error = await kept.ready().catch((reason) => reason)
    expect(error).toMatchObject({ code: 'ERR_GAVE_UP', cause: { code: 'ERR_INVALID_ARG_TYPE' } })
    expect(error.cause.message).toMatch(/options\.heartbeat\.ping must be a function for this connection/)
  })
})

describe('a connection is lost', () => {
  test.each(['close', 'end', 'error'])('when it tells so by %s', async (event) => {
    const { kept, exchange, clock } = setUp()
    await kept.ready()
    exchange.last.emit(event, event === 'error' ? new Error('EPIPE') : undefined)
    expect(kept.state).toBe('waiting')
    await clock.advance(100)
    expect(kept.current).toBe(exchange.wires[1])
  })

  test('once, whatever it tells after that, and no error of it ends the process', async () => {
    const { kept, exchange, clock } = setUp()
    const first = await kept.ready()
    for (const event of ['end', 'close', 'error', 'error']) first.emit(event, new Error('late'))
    await clock.advance(100)
    first.emit('error', new Error('very late'))
    expect([kept.state, kept.stats().losses, listeners(first)]).toEqual(['connected', 1, { error: 1 }])
    expect(listeners(exchange.last)).toEqual({ error: 2, close: 1, end: 1 })
  })

  test('when onGone says so, whose undo is called once', async () => {
    const calls: string[] = []
    const lose: ((error?: unknown) => void)[] = []
    const { clock, kept } = setUp({
      onGone: (_, lost) => {
        lose.push(lost)
        return () => calls.push('undo')
      },
    })
    await kept.ready()
    lose[0]?.(new Error('gone'))
    lose[0]?.()
    await clock.advance(100)
    expect([calls, kept.state]).toEqual([['undo'], 'connected'])
    lose[0]?.()
    expect([kept.state, kept.stats().losses]).toEqual(['connected', 1])
  })

  test('at once where it is over before it is watched', async () => {
    const life = new Lifecycle()
    const value = Object.assign(new EventEmitter(), { destroyed: true, [Symbol.dispose]: () => {} })
    const kept = keepConnected(life, { connect: () => value, intensity: { max: 0 } })
    await expect(kept.ready()).rejects.toMatchObject({
      cause: expect.objectContaining({ message: 'The connection was closed at once.' }),
    })
    expect(listeners(value)).toEqual({ error: 1 })
    await life.close()
  })

  test('and what onGone throws is how the attempt ended', async () => {
    const error = new Error('from onGone')
    const { kept, exchange, clock } = setUp({
      onGone: () => {
        throw error
      },
      giveUpWhen: (cause) => cause === error,
    })
    await expect(kept.ready()).rejects.toMatchObject({ cause: error })
    await clock.advance(0)
    expect([kept.state, exchange.open]).toEqual(['failed', []])
  })
})

describe('reconnect', () => {
  test('replaces the connection without a wait, and does not count as a loss', async () => {
    const { kept, exchange, events } = setUp()
    const first = await kept.ready()
    const next = await kept.reconnect('the token has run out')
    expect([next, first.isOpen, exchange.open]).toEqual([exchange.last, false, [next]])
    expect(events.find(({ state }) => state === 'waiting')).toMatchObject({ reason: 'the token has run out' })
    expect(kept.stats()).toMatchObject({ attempts: 2, losses: 0 })
  })

  test('ends a wait, and an attempt that hangs', async () => {
    const { clock, kept, exchange } = setUp({ backoff: { first: 10_000 } })
    await kept.ready()
    exchange.last.break()
    await clock.advance(10)
    expect(await kept.reconnect()).toBe(exchange.last)
    exchange.gate = new Promise(() => {})
    kept.reconnect()
    await clock.advance(10)
    expect(kept.state).toBe('connecting')
    exchange.gate = undefined
    expect(await kept.reconnect()).toBe(exchange.last)
    expect([exchange.attempts, exchange.open.length]).toEqual([4, 1])
  })

  test('many at once make one connection', async () => {
    const { kept, exchange } = setUp()
    await kept.ready()
    const all = await Promise.all([kept.reconnect(), kept.reconnect(), kept.reconnect()])
    expect(new Set(all)).toEqual(new Set([exchange.last]))
    expect([exchange.attempts, exchange.open.length]).toEqual([2, 1])
  })
})

describe('close', () => {
  test('ends all, also by the lifecycle or by disposal, and a second call gives the same', async () => {
    const { kept, exchange, life, told } = setUp()
    kept.subscribe('a', () => {})
    await kept.ready()
    const closing = kept.close()
    expect(kept.close({ timeout: 10 })).toBe(closing)
    expect(kept.state).toBe('closed')
    expect(await closing).toEqual({ connects: 1, losses: 0, outcome: 'closed' })
    expect([exchange.open, kept.current, kept.subscriptions, told().at(-1)]).toEqual([[], undefined, [], 'closed'])
    await expect(kept.ready()).rejects.toEqual(closedError)
    await expect(kept.reconnect()).rejects.toEqual(closedError)
    expect(() => kept.subscribe('a', () => {})).toThrow(closedError)
    expect(life.snapshot().size).toBe(0)
    await using disposed = keepConnected(life, { ...exchange.options })
    await disposed.ready()
    await disposed[Symbol.asyncDispose]()
    expect(disposed.state).toBe('closed')
  })

  test('forces what does not end in time', async () => {
    const { clock, kept, exchange } = setUp()
    const wire = await kept.ready()
    wire.isDeaf = true
    const closing = kept.close({ timeout: 200 })
    await clock.advance(200)
    expect(await closing).toEqual({ connects: 1, losses: 0, outcome: 'forced' })
    expect(exchange.open).toEqual([])
  })

  test('of its lifecycle keeps a connection for those who need it, and makes none', async () => {
    const { clock, life, kept, exchange } = setUp()
    await kept.ready()
    let state = ''
    life.defer(async () => {
      state = kept.state
      exchange.last.break()
    })
    const closing = life.close()
    await clock.advance(1_000)
    expect((await closing).counts).toMatchObject({ failed: 0, abandoned: 0 })
    expect([state, kept.state, exchange.attempts]).toEqual(['connected', 'closed', 1])
  })

  test('drops no rejection of a promise that nobody awaits', async () => {
    const { kept } = setUp()
    kept.ready()
    kept.reconnect()
    await kept.close()
  })
})

test('what could not be kept to is refused before anything is opened', () => {
  const life = new Lifecycle()
  const connect = (): never => {
    throw new Error('was called')
  }
  const bad: [object, RegExp][] = [
    [{}, /options\.connect must be a function/],
    [{ connect, name: 'a/b' }, /options\.name must be a name without/],
    [{ connect, connectTimeout: -1 }, /options\.connectTimeout must be a number of milliseconds/],
    [{ connect, stableAfter: Number.NaN }, /options\.stableAfter/],
    [{ connect, grace: '1' }, /options\.grace/],
    [{ connect, close: 1 }, /options\.close must be a function or the name of a method/],
    [{ connect, kind: {} }, /options\.kind/],
    [{ connect, onGone: 1 }, /options\.onGone must be a function/],
    [{ connect, giveUpWhen: 1 }, /options\.giveUpWhen must be a function/],
    [{ connect, fatal: 1 }, /options\.fatal must be true or false/],
    [{ connect, backoff: { first: -1 } }, /options\.backoff\.first/],
    [{ connect, heartbeat: { interval: 0 } }, /options\.heartbeat\.interval must be at least 1 ms/],
    [{ connect, heartbeat: { ping: 1 } }, /options\.heartbeat\.ping must be a function/],
    [{ connect, heartbeat: { every: 1 } }, /options\.heartbeat has no option 'every'/],
    [{ connect, maxSubscriptions: 0 }, /options\.maxSubscriptions must be a whole number from 1/],
    [{ connect, intensity: { max: -1 } }, /intensity\.max/],
    [{ connect, timeout: 1 }, /keepConnected has no option 'timeout'/],
  ]
  for (const [options, message] of bad) expect(() => keepConnected(life, options as never)).toThrow(message)
  expect(() => keepConnected({} as never, { connect })).toThrow(/life must be a Lifecycle/)
  expect(life.snapshot().size).toBe(0)
})
