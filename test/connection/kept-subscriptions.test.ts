import { Lifecycle } from 'endswell'
import { keepConnected } from 'endswell/connection'
import { FakeClock } from 'endswell/testing'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { setUp } from '../fixtures/kept.ts'
import { Exchange, type Wire } from '../fixtures/wire.ts'

/** Tells the wire of a topic, and of its end. */
function topic(name: unknown) {
  return (wire: Wire, scope: Lifecycle): void => {
    wire.topics.add(name)
    scope.defer(() => wire.topics.delete(name))
  }
}

describe('a subscription', () => {
  test('is begun on each connection anew, in order, and ended with it', async () => {
    const { clock, kept, exchange } = setUp()
    const order: string[] = []
    for (const name of ['a', 'b', 'c']) {
      kept.subscribe(name, (wire, scope) => {
        order.push(`${name}${wire.number} ${scope.path}`)
        topic(name)(wire, scope)
      })
    }
    expect(order).toEqual([])
    const first = await kept.ready()
    expect(order).toEqual(['a1 /life/feed/1/a', 'b1 /life/feed/1/b', 'c1 /life/feed/1/c'])
    expect(kept.subscriptions).toEqual(['a', 'b', 'c'])
    first.break()
    await clock.advance(100)
    expect(order.slice(3)).toEqual(['a2 /life/feed/2/a', 'b2 /life/feed/2/b', 'c2 /life/feed/2/c'])
    expect([first.topics.size, exchange.last.topics.size]).toEqual([0, 3])
  })

  test('is begun at once where there is a connection, and its undo ends it alone', async () => {
    const { clock, kept, exchange } = setUp()
    const wire = await kept.ready()
    const undo = kept.subscribe('a', topic('a'))
    kept.subscribe('b', topic('b'))
    expect([...wire.topics]).toEqual(['a', 'b'])
    await undo()
    expect([[...wire.topics], kept.subscriptions]).toEqual([['b'], ['b']])
    await undo()
    expect([await kept.unsubscribe('a'), await kept.unsubscribe('b')]).toEqual([false, true])
    expect(wire.topics.size).toBe(0)
    wire.break()
    await clock.advance(100)
    expect([exchange.wires.length, exchange.last.topics.size]).toEqual([2, 0])
  })

  test('is replaced by another under its key, once the old one has ended; the undo of the old one ends no other', async () => {
    const { kept } = setUp()
    await kept.ready()
    const order: string[] = []
    const start = (name: string) => (_: Wire, scope: Lifecycle) => {
      order.push(`begin ${name}`)
      scope.defer(async () => {
        await Promise.resolve()
        order.push(`end ${name}`)
      })
    }
    const undo = kept.subscribe('key', start('one'))
    kept.subscribe('key', start('two'))
    const last = kept.subscribe('key', start('three'))
    await undo()
    await kept.reconnect()
    expect(order.slice(0, 2)).toEqual(['begin one', 'end one'])
    expect(order.slice(-3)).toEqual(['begin three', 'end three', 'begin three'])
    expect(order).not.toContain('begin two')
    await last()
    expect(kept.subscriptions).toEqual([])
  })

  test('that is wanted anew while it is being ended begins after that', async () => {
    const { kept } = setUp()
    const wire = await kept.ready()
    kept.subscribe('a', topic('a'))
    kept.unsubscribe('a')
    const undo = kept.subscribe('a', topic('a'))
    await new Promise(setImmediate)
    expect([...wire.topics]).toEqual(['a'])
    await Promise.all([undo(), undo()])
    expect([wire.topics.size, kept.subscriptions]).toEqual([0, []])
  })

  test('that can not be begun is tried again at growing intervals, told each time, and keeps no other waiting', async () => {
    const { clock, kept, exchange, errors } = setUp()
    const error = new Error('no such topic')
    const times: number[] = []
    kept.subscribe('bad', async (_, scope) => {
      times.push(clock.now())
      scope.defer(() => {})
      if (times.length < 4) throw error
    })
    kept.subscribe('good', topic('good'))
    const wire = await kept.ready()
    expect([...wire.topics]).toEqual(['good'])
    await clock.advance(10_000)
    expect(times).toEqual([0, 100, 300, 700])
    expect(errors().map((event) => [event.path, event.error])).toEqual(Array(3).fill(['/life/feed/1/bad', error]))
    expect([kept.stats().failedStarts, exchange.attempts, clock.pending]).toEqual([3, 1, 0])
  })

  test('that waits for another try can be called off, and is begun at once on the next connection', async () => {
    const { clock, kept } = setUp()
    await kept.ready()
    let starts = 0
    const undo = kept.subscribe('bad', () => {
      starts += 1
      throw new Error('no')
    })
    await clock.advance(50)
    await kept.reconnect()
    expect(starts).toBe(2)
    await clock.advance(1)
    await undo()
    expect(clock.pending).toBe(0)
    await clock.advance(10_000)
    expect(starts).toBe(2)
  })

  test('that hangs keeps no connection from being replaced, and its rejection is heard by nobody after that', async () => {
    const { clock, kept, exchange, errors } = setUp()
    const hung = Promise.withResolvers<void>()
    kept.subscribe('hangs', () => hung.promise)
    await kept.ready()
    exchange.last.break()
    await clock.advance(100)
    expect(kept.state).toBe('connected')
    hung.reject(new Error('late'))
    await kept.close()
    expect(errors()).toEqual([])
  })

  test('has its work settle before the next connection is made, which has one such work again', async () => {
    const { clock, kept, exchange } = setUp()
    const running: string[] = []
    kept.subscribe('prices', (wire, scope) => {
      scope.task('read', async (signal) => {
        running.push(`begin ${wire.number}`)
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 300))
        running.push(`end ${wire.number}, of ${exchange.wires.length}`)
      })
    })
    await kept.ready()
    for (let loss = 0; loss < 3; loss += 1) {
      exchange.last.break()
      await clock.advance(2_000)
    }
    const all = [1, 2, 3].flatMap((number) => [`begin ${number}`, `end ${number}, of ${number}`])
    expect(running).toEqual([...all, 'begin 4'])
    // A heartbeat there is none, nor any wait that was left behind.
    expect(clock.pending).toBe(0)
  })

  test('may end the connection that it is begun on', async () => {
    const { kept, exchange } = setUp()
    let asked = false
    const order: string[] = []
    kept.subscribe('a', (wire) => {
      order.push(`a${wire.number}`)
      if (asked) return
      asked = true
      kept.reconnect()
    })
    kept.subscribe('b', (wire) => order.push(`b${wire.number}`))
    await kept.ready()
    expect(order).toEqual(['a1', 'a2', 'b2'])
    expect(exchange.open.length).toBe(1)
  })

  test('has its key for a name, where that can be one', async () => {
    const { kept } = setUp()
    await kept.ready()
    const paths: string[] = []
    for (const key of ['plain', 'a/b', 'c#2', '', 7, { id: 1 }, undefined])
      kept.subscribe(key, (_, scope) => paths.push(scope.path.replace('/life/feed/1/', '')))
    expect(paths).toEqual([
      'plain',
      'subscription',
      'subscription#2',
      'subscription#3',
      'subscription#4',
      'subscription#5',
      'subscription#6',
    ])
  })

  test('too many is one that is refused, and a replaced one is not one more', () => {
    const { kept } = setUp({ maxSubscriptions: 2 })
    kept.subscribe('a', () => {})
    kept.subscribe('b', () => {})
    kept.subscribe('b', () => {})
    const full = expect.objectContaining({ code: 'ERR_QUEUE_FULL', path: '/life/feed' })
    expect(() => kept.subscribe('c', () => {})).toThrow(full)
    expect(() => kept.subscribe('a', 1 as never)).toThrow(/start must be a function/)
    expect(kept.stats().subscriptions).toBe(2)
  })
})

describe('whatever happens to a kept connection', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant(['lose', 0] as const) },
    { weight: 2, arbitrary: fc.constant(['reconnect', 0] as const) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('refuse' as const), fc.nat(1)) },
    { weight: 1, arbitrary: fc.constant(['deafen', 0] as const) },
    { weight: 5, arbitrary: fc.tuple(fc.constant('subscribe' as const), fc.nat(3)) },
    { weight: 3, arbitrary: fc.tuple(fc.constant('unsubscribe' as const), fc.nat(3)) },
    { weight: 5, arbitrary: fc.tuple(fc.constant('wait' as const), fc.nat(700)) },
  )

  test('there is never more than one, it has what is wanted and no more, and nothing stays in the end', async () => {
    const play = async (steps: readonly (readonly [string, number])[]): Promise<void> => {
      const clock = new FakeClock()
      const life = new Lifecycle({ clock, grace: 200 })
      const exchange = new Exchange()
      const ping = (wire: Wire) => (wire.isDeaf ? new Promise(() => {}) : true)
      const heartbeat = { interval: 400, timeout: 50, ping }
      const kept = keepConnected<Wire>(life, { ...exchange.options, heartbeat })
      const wanted = new Set<unknown>()
      for (const [what, which] of steps) {
        if (what === 'lose') kept.current?.break()
        else if (what === 'reconnect') kept.reconnect()
        else if (what === 'refuse') exchange.failure = which === 0 ? undefined : new Error('refused')
        else if (what === 'deafen' && kept.current !== undefined) kept.current.isDeaf = true
        else if (what === 'subscribe') {
          kept.subscribe(which, topic(which))
          wanted.add(which)
        } else if (what === 'unsubscribe') {
          kept.unsubscribe(which)
          wanted.delete(which)
        } else if (what === 'wait') await clock.advance(which)
        if (exchange.open.length > 1) throw new Error(`${exchange.open.length} are open at once`)
      }
      exchange.failure = undefined
      await clock.advance(5_000)
      const { open } = exchange
      expect([open.length, kept.current]).toEqual([1, open[0]])
      expect(new Set(kept.current?.topics)).toEqual(wanted)
      expect(exchange.wires.filter(({ topics }) => topics.size > 0).length).toBe(Math.min(1, wanted.size))
      const { losses, missed } = kept.stats()
      expect(exchange.wires.length - 1).toBeGreaterThanOrEqual(losses)
      expect(losses).toBeGreaterThanOrEqual(missed)
      // The wait of the heartbeat, and no other.
      expect(clock.pending).toBe(1)
      await life.close()
      expect([exchange.open.length, clock.pending]).toEqual([0, 0])
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), play), { numRuns: 300 })
  })
})
