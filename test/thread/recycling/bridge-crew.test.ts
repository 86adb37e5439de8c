import { describe, expect, onTestFinished, test } from 'vitest'
import { Lifecycle, type LifecycleEvent } from '../../../src/index.ts'
import { recycleWorkers } from '../../../src/thread/recycle-workers.ts'
import type { RecycleOptions } from '../../../src/thread/recycling/recycle-options.ts'
import { WorkerBridge } from '../../../src/thread/worker-bridge.ts'
import type { handlers } from '../../fixtures/recycling/thread.ts'
import { until } from '../../fixtures/until.ts'

const url = new URL('../../fixtures/recycling/thread.ts', import.meta.url)
const MIB = 2 ** 20

/** Two threads that serve, and are recycled. */
async function setUp(options: RecycleOptions = {}) {
  const life = new Lifecycle('shop')
  onTestFinished(async () => void (await life.close({ force: true })))
  const events: LifecycleEvent[] = []
  life.subscribe((event) => event.type === 'worker.recycled' && events.push(event))
  const bridge = new WorkerBridge<typeof handlers>(life, url, { threads: { min: 2 } })
  await bridge.ready()
  const recycled = recycleWorkers(life, bridge, { spacing: 0, check: 20, ...options })
  await recycled.ready()
  const ids = () => bridge.threads.map(({ threadId }) => threadId).sort()
  return { life, bridge, recycled, events, ids }
}

describe('the threads of a bridge', () => {
  test('that are idle are all replaced, and none is missing meanwhile', async () => {
    const { bridge, recycled, ids, events } = await setUp()
    const before = ids()
    let fewest = Number.POSITIVE_INFINITY
    const watch = setInterval(() => {
      fewest = Math.min(fewest, bridge.threads.filter(({ state }) => state === 'ready').length)
    })
    await recycled.recycle('release 2')
    clearInterval(watch)
    expect(fewest).toBe(2)
    expect(ids()).toHaveLength(2)
    expect(ids().filter((id) => before.includes(id))).toEqual([])
    expect(recycled.counts).toEqual({ recycled: { 'release 2': 2 }, crashed: 0, aborted: 0 })
    // Told once, by the bridge.
    expect(events.map(({ reason, kind }) => `${kind} ${reason}`)).toEqual(['thread release 2', 'thread release 2'])
    expect(before).not.toContain(await bridge.call('id', []))
  })

  test('that are at something finish it first', async () => {
    const { bridge, recycled, ids } = await setUp()
    const before = ids()
    const calls = [bridge.call('slow', [200]), bridge.call('slow', [200])]
    await recycled.recycle()
    expect((await Promise.all(calls)).sort()).toEqual(before)
    expect(ids().filter((id) => before.includes(id))).toEqual([])
    expect(bridge.counts).toMatchObject({ failed: 0, cancelled: 0, lost: 0 })
  })

  test('are replaced after so many calls, and no call is lost', async () => {
    const { bridge, recycled } = await setUp({ maxRequests: 20, jitter: 10 })
    expect(recycled.workers.map(({ limits }) => limits.requests)).toEqual([20, 30])
    const answers = new Set<number>()
    await until('it was recycled 4 times', async () => {
      for (const id of await Promise.all(Array.from({ length: 8 }, () => bridge.call('id', [])))) answers.add(id)
      return (recycled.counts.recycled['requests'] ?? 0) >= 4
    })
    expect(answers.size).toBeGreaterThanOrEqual(5)
    expect(bridge.counts).toMatchObject({ failed: 0, lost: 0 })
  })

  test('are replaced when their heap has grown too large, not before, and the bridge lives on', async () => {
    const { bridge, recycled, ids } = await setUp({ maxHeap: 60 * MIB, samples: 2 })
    const before = ids()
    await until('their heaps are known', () => recycled.workers.every(({ heap }) => heap !== undefined))
    expect(ids()).toEqual(before)
    const leaking = await bridge.call('leak', [2_000_000])
    await until('it was recycled', () => recycled.counts.recycled['heap'] === 1)
    expect(ids()).not.toContain(leaking)
    expect(ids().filter((id) => before.includes(id))).toHaveLength(1)
    expect(typeof (await bridge.call('id', []))).toBe('number')
  })

  test('are shown with what they have done', async () => {
    const { bridge, recycled } = await setUp({ name: 'turns', maxRequests: 50 })
    await bridge.call('id', [])
    expect(recycled.path).toBe('/shop/turns')
    expect(recycled.workers).toHaveLength(2)
    expect(recycled.workers.reduce((sum, { requests }) => sum + requests, 0)).toBe(1)
    for (const row of recycled.workers)
      expect(row).toMatchObject({ id: expect.any(Number), state: 'ready', limits: { requests: 50, age: undefined } })
  })

  test('are left alone once the recycling was disposed of', async () => {
    const { life, bridge, recycled, ids } = await setUp({ maxRequests: 1 })
    const before = ids()
    await recycled[Symbol.asyncDispose]()
    await bridge.call('id', [])
    await expect(recycled.recycle()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect(ids()).toEqual(before)
    expect(life.state).toBe('open')
  })
})
