import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Lifecycle, type LifecycleEvent } from '../../../src/index.ts'
import { BridgeError } from '../../../src/thread/bridge/bridge-error.ts'
import type { WorkerBridgeOptions } from '../../../src/thread/bridge/bridge-options.ts'
import { WorkerBridge } from '../../../src/thread/worker-bridge.ts'
import { failure } from '../../fixtures/bridge/open.ts'
import type { handlers } from '../../fixtures/bridge/teller.ts'
import { until } from '../../fixtures/until.ts'

/** A bridge to threads that tell. */
function openTeller(options: WorkerBridgeOptions = {}) {
  const life = new Lifecycle('app')
  const published: LifecycleEvent[] = []
  life.subscribe((event) => published.push(event))
  const url = new URL('../../fixtures/bridge/teller.ts', import.meta.url)
  const bridge = new WorkerBridge<typeof handlers>(life, url, { output: 'ignore', ...options })
  onTestFinished(async () => {
    await life.close({ timeout: 2_000 })
  })
  return { bridge, published, errors: () => published.filter(({ type }) => type === 'resource.error') }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at)

describe("events({ overflow: 'wait' })", () => {
  test.each([1, 2, 4])(
    'loses nothing of %i threads whose handlers await drained(), however slow it is',
    async (count) => {
      const EACH = 5_000
      const { bridge } = openTeller({ threads: { min: count }, maxEvents: 100 })
      const events = bridge.events({ overflow: 'wait' })
      await bridge.ready()
      const read = async () => {
        const got = new Map<number | undefined, number[]>()
        for (let total = 0; total < count * EACH; total += 1) {
          const { value } = await events.next()
          if (value === undefined) break
          if (total % 50 === 0) await setImmediate()
          const { call } = value
          got.set(call, [...(got.get(call) ?? []).slice(-1), value.value as number])
          expect(value).toMatchObject({ name: 'at', method: 'tells' })
          const [before = -1, now] = got.get(call)?.slice(-2) ?? []
          if (now !== undefined) expect(now).toBe(before + 1)
        }
        return got
      }
      const reading = read()
      const told = await Promise.all(upTo(count).map(() => bridge.call('tells', [EACH])))
      const got = await reading
      expect(told).toEqual(Array(count).fill(EACH))
      expect([...got.keys()].sort()).toEqual(upTo(count).map((at) => at + 1))
      expect([...got.values()].map((values) => values.at(-1))).toEqual(Array(count).fill(EACH - 1))
      expect([events.dropped, bridge.counts.dropped]).toEqual([0, 0])
    },
  )

  test('loses nothing of several calls in one thread', async () => {
    const { bridge } = openTeller({ maxInFlight: 8, maxEvents: 3 })
    const events = bridge.events({ overflow: 'wait' })
    const calls = Promise.all(upTo(8).map(() => bridge.call('tells', [50, 'pad'])))
    for (let at = 0; at < 400; at += 1) await events.next()
    expect(await calls).toEqual(Array(8).fill(50))
    expect(bridge.counts.dropped).toBe(0)
  })

  test('holds back who awaits drained(), tells who does not that there is no room, and lets all go when it ends', async () => {
    const { bridge } = openTeller({ maxEvents: 10 })
    const events = bridge.events({ overflow: 'wait' })
    expect(await bridge.call('blurts', [25])).toBe(10)
    expect([events.dropped, bridge.counts.dropped]).toEqual([0, 15])
    const held = bridge.call('tells', [1])
    expect(await Promise.race([held, sleep(100, 'held')])).toBe('held')
    await events.return?.()
    expect(await held).toBe(1)
  })

  test('a call that waits for room can be cancelled, and its thread lives on', async () => {
    const { bridge } = openTeller({ maxEvents: 2 })
    const events = bridge.events({ overflow: 'wait' })
    expect(await failure(bridge.call('tells', [5], { timeout: 500 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    await until('it has let go', () => bridge.calls.length === 0)
    expect(bridge.threads).toMatchObject([{ path: '/app/bridge/thread-1/1', state: 'ready' }])
    await events.return?.()
  })
})

describe('events', () => {
  test.each(['drop-oldest', 'drop-newest'] as const)('with %s hold nobody back', async (overflow) => {
    const { bridge } = openTeller({ maxEvents: 10 })
    const events = bridge.events({ overflow, max: 5 })
    expect(await bridge.call('tells', [100])).toBe(100)
    expect([events.dropped, bridge.counts.dropped]).toEqual([95, 95])
    expect((await events.next()).value).toMatchObject({ value: overflow === 'drop-newest' ? 0 : 95 })
  })

  test('that nobody listens to find room, and are counted nowhere', async () => {
    const { bridge } = openTeller({ maxEvents: 10 })
    expect(await bridge.call('tells', [100])).toBe(100)
    expect(bridge.counts.dropped).toBe(0)
  })

  test('say which call told them, or that none did', async () => {
    const { bridge } = openTeller()
    const events = bridge.events()
    await bridge.call('outside', [])
    expect((await events.next()).value).toMatchObject({ name: 'outside', method: undefined, call: undefined })
    expect((await events.next()).value).toMatchObject({ name: 'late', method: undefined, call: undefined })
    const call = bridge.call('blurts', [1])
    const [{ id } = { id: 0 }] = bridge.calls
    expect((await events.next()).value).toMatchObject({ name: 'at', method: 'blurts', call: id })
    await call
  })

  test('can be ended from outside, also while their loop waits', async () => {
    const { bridge } = openTeller()
    const events = bridge.events()
    const loop = (async () => {
      for await (const _ of events);
      return 'over'
    })()
    await events.return?.()
    expect(await loop).toBe('over')
  })

  test('refuse options that they could not keep to', () => {
    const { bridge } = openTeller()
    expect(() => bridge.events({ overflow: 'block' as never })).toThrow("one of 'drop-oldest', 'drop-newest', 'wait'")
    expect(() => bridge.events({ max: 0 })).toThrow('options.max must be a whole number')
    expect(() => bridge.events({ maximum: 1 } as never)).toThrow('maximum')
    expect(() => bridge.call('blurts', [1], { onEvent: 1 as never })).toThrow('options.onEvent must be a function')
  })
})

describe('onEvent', () => {
  test('hears what its own call tells, before the result, and nothing is dropped however little room there is', async () => {
    const { bridge } = openTeller({ maxInFlight: 2, maxEvents: 4 })
    const [one, two]: [unknown[], unknown[]] = [[], []]
    const calls = [
      bridge.call('tells', [100], { onEvent: (name, value) => one.push([name, value]) }).then(() => one.length),
      bridge.call('tells', [50], { onEvent: (name, value) => two.push([name, value]) }).then(() => two.length),
      bridge.call('tells', [10]),
    ]
    expect(await Promise.all(calls)).toEqual([100, 50, 10])
    expect(one).toEqual(upTo(100).map((at) => ['at', at]))
    expect(bridge.counts.dropped).toBe(0)
  })

  test('of a stream hears it between the values', async () => {
    const { bridge } = openTeller()
    const heard: unknown[] = []
    const got: number[] = []
    const onEvent = (_name: string, value: unknown) => heard.push(value)
    for await (const value of bridge.stream('steps', [5], { onEvent, window: 2 })) got.push(value)
    expect([got, heard]).toEqual([upTo(5), upTo(5)])
  })

  test('hears it besides those who listen to all', async () => {
    const { bridge } = openTeller()
    const events = bridge.events()
    const heard: unknown[] = []
    await bridge.call('blurts', [2], { onEvent: (_name, value) => heard.push(value) })
    expect(heard).toEqual([0, 1])
    expect([(await events.next()).value, (await events.next()).value]).toMatchObject([{ value: 0 }, { value: 1 }])
  })

  test('runs in the async context of its caller', async () => {
    const { bridge } = openTeller({ maxInFlight: 2 })
    const storage = new AsyncLocalStorage<string>()
    const heard = new Set<unknown>()
    const call = (user: string) =>
      storage.run(user, () => bridge.call('tells', [3], { onEvent: () => heard.add(`${user} ${storage.getStore()}`) }))
    await Promise.all([call('one'), call('two')])
    expect([...heard].sort()).toEqual(['one one', 'two two'])
  })

  test('that throws or rejects is published, and the call goes on', async () => {
    const { bridge, errors } = openTeller()
    const listeners = [
      () => {
        throw new Error('listener')
      },
      async () => Promise.reject(new Error('listener')),
    ]
    for (const onEvent of listeners) expect(await bridge.call('blurts', [1], { onEvent })).toBe(1)
    await until('both are published', () => errors().length === 2)
    for (const each of errors()) expect(each).toMatchObject({ path: '/app/bridge', error: { message: 'listener' } })
  })

  test('hears nothing of a call that was cancelled', async () => {
    const { bridge } = openTeller()
    const events = bridge.events()
    const heard: string[] = []
    const controller = new AbortController()
    const onEvent = (name: string) => {
      heard.push(name)
      controller.abort(new Error('enough'))
    }
    const { signal } = controller
    expect(await failure(bridge.call('heeds', [], { signal, onEvent }))).toMatchObject({ message: 'enough' })
    await events.next()
    expect((await events.next()).value).toMatchObject({ name: 'cancelled', method: 'heeds' })
    expect(heard).toEqual(['begun'])
  })
})

describe('what cannot be sent', () => {
  test('as what a handler throws is an error of the bridge that says which method threw what', async () => {
    const { bridge } = openTeller()
    for (const [what, shown] of [
      ['function', '[Function: mine]'],
      ['mixed', 'Error: deep'],
    ] as const) {
      const error = await failure(bridge.call('throws', [what]))
      expect(error).toBeInstanceOf(BridgeError)
      expect(error).toMatchObject({ code: 'ERR_UNCLONEABLE', method: 'throws', retriable: false })
      expect(error.message).toContain('What throws() threw')
      expect(error.message).toContain(shown)
      expect(error.message).not.toContain('\n')
      expect(error.cause).toBeUndefined()
    }
  })

  test('as a result names the method', async () => {
    const { bridge } = openTeller()
    expect(await failure(bridge.call('returns', []))).toMatchObject({
      name: 'BridgeError',
      code: 'ERR_UNCLONEABLE',
      message: expect.stringContaining('The result of returns() cannot be sent'),
    })
  })

  test('as an event throws in the handler, where it is told', async () => {
    const { bridge } = openTeller()
    const error = await failure(bridge.call('tellsBadly', []))
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({ code: 'ERR_UNCLONEABLE', cause: { name: 'DataCloneError' } })
    expect(error.stack).toContain('teller.ts')
    expect(await bridge.call('blurts', [1])).toBe(1)
  })
})
