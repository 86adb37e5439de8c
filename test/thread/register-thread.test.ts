import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { Lifecycle } from '../../src/index.ts'
import { joinLanes } from '../../src/thread/monitor/lane-here.ts'
import { Lanes } from '../../src/thread/monitor/lanes.ts'
import { registerThread } from '../../src/thread/register-thread.ts'
import { ThreadMonitor } from '../../src/thread/thread-monitor.ts'
import { until } from '../fixtures/until.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('without a monitor', () => {
  test('it does nothing, and leaves nothing', () => {
    const before = process.listenerCount('exit')
    const thread = registerThread('pricing')
    expect(thread).toMatchObject({ name: 'pricing', isMonitored: false })
    expect(thread.park(() => 7)).toBe(7)
    expect(thread.beat()).toBeUndefined()
    expect(process.listenerCount('exit')).toBe(before)
    thread[Symbol.dispose]()
    expect(joinLanes('pricing')).toBeUndefined()
  })

  test.each([[''], ['a/b'], [1 as never]])('it refuses the name %o all the same', (name) => {
    expect(() => registerThread(name)).toThrow()
  })
})

describe('with a monitor', () => {
  function monitored() {
    const life = new Lifecycle('life')
    onTestFinished(async () => void (await life.close()))
    new ThreadMonitor(life, { beat: 10, hang: 100 })
    const lanes = Lanes.shared as Lanes
    return { life, lanes, lane: () => [...lanes.read()][0] }
  }

  test('it takes a lane at once, and beats there; disposed of, it gives that back', async () => {
    const { lanes, lane } = monitored()
    const before = process.listenerCount('exit')
    const thread = registerThread('pricing')
    expect(thread.isMonitored).toBe(true)
    expect(lane()).toMatchObject({ threadId: 0, beats: 0, state: 'booting', isParked: false, heapUsed: 0 })
    expect(lanes.nameOf(0)).toBe('pricing')
    if (process.platform === 'linux') expect(lane()?.kernelId).toBe(process.pid)
    await until('it has beaten', () => (lane()?.beats ?? 0) > 3)
    expect(lane()).toMatchObject({ state: 'running', heapUsed: expect.any(Number) })
    expect(lane()?.heapUsed).toBeGreaterThan(1e6)
    thread[Symbol.dispose]()
    thread[Symbol.dispose]()
    expect(lane()).toBeUndefined()
    expect(process.listenerCount('exit')).toBe(before)
    expect(thread.isMonitored).toBe(false)
  })

  test('who registers twice shares one lane, by its first name, until both have gone', () => {
    const { lanes, lane } = monitored()
    const one = registerThread('one')
    const two = registerThread('two')
    expect(two.name).toBe('one')
    expect([...lanes.read()]).toHaveLength(1)
    one[Symbol.dispose]()
    expect(lane()).toBeDefined()
    two[Symbol.dispose]()
    expect(lane()).toBeUndefined()
  })

  test('parked, it says so, until what it runs is over, however that ends', async () => {
    const { lane } = monitored()
    using thread = registerThread('one')
    const before = lane()?.beats ?? 0
    expect(thread.park(() => lane()?.isParked)).toBe(true)
    expect(lane()).toMatchObject({ isParked: false, beats: before + 1 })
    expect(() =>
      thread.park(() => {
        throw new Error('lost')
      }),
    ).toThrow('lost')
    expect(lane()?.isParked).toBe(false)
    const { promise, reject } = Promise.withResolvers<void>()
    const parked = thread.park(() => promise)
    thread.park(() => {})
    expect(lane()?.isParked).toBe(true)
    reject(new Error('lost'))
    await expect(parked).rejects.toThrow('lost')
    expect(lane()?.isParked).toBe(false)
  })

  test('asked to end, it says so', () => {
    const { lane } = monitored()
    const own = joinLanes('/life/bridge/thread-1/1')
    own?.stopping()
    expect(lane()?.state).toBe('stopping')
    own?.leave()
  })

  test('where its lane was taken back, or the monitor has closed, it beats no more', async () => {
    const { life, lanes } = monitored()
    const before = process.listenerCount('exit')
    const thread = registerThread('one')
    await until('it has beaten', () => [...lanes.read()].some(({ beats }) => beats > 0))
    lanes.free(0, 0)
    lanes.claim(4_711, 0, 'other')
    await until('it has left', () => process.listenerCount('exit') === before)
    expect([...lanes.read()]).toMatchObject([{ threadId: 4_711, beats: 0 }])
    thread[Symbol.dispose]()
    const again = registerThread('again')
    expect(again.isMonitored).toBe(true)
    await life.close()
    await until('it has left', () => process.listenerCount('exit') === before)
    expect(registerThread('late').isMonitored).toBe(false)
  })
})
