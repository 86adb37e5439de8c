import { describe, expect, onTestFinished, test } from 'vitest'
import { Lifecycle, type LifecycleEvent } from '../../src/index.ts'
import { scopeOf } from '../../src/lifecycle/lifecycle.ts'
import { readinessOf } from '../../src/lifecycle/readiness.ts'
import { FakeClock } from '../../src/testing/index.ts'
import { recycleWorkers } from '../../src/thread/recycle-workers.ts'
import type { RecycleOptions } from '../../src/thread/recycling/recycle-options.ts'
import { FakeCluster } from '../fixtures/recycling/fake-cluster.ts'
import { thrownBy } from '../lifecycle/stubs.ts'

const backoff = { first: 100, jitter: 0 } as const

function setUp(options: RecycleOptions = {}) {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'shop', clock })
  const cluster = new FakeCluster()
  const events: LifecycleEvent[] = []
  life.subscribe((event) => events.push(event))
  const recycled = recycleWorkers(life, cluster.asCluster, { count: 2, spacing: 0, backoff, ...options })
  const state = (): string[] => recycled.workers.map(({ id, generation, state }) => `${id} ${generation} ${state}`)
  const of = (type: LifecycleEvent['type']) => events.filter((event) => event.type === type)
  /** Lets what is settled have its effect. */
  const turn = () => clock.advance(0)
  onTestFinished(async () => {
    const closing = life.close({ force: true })
    for (const worker of cluster.workers) worker.exit(0)
    await closing
    expect(clock.pending).toBe(0)
  })
  return { clock, life, cluster, recycled, state, of, turn }
}

/** With all workers serving. */
async function serving(options: RecycleOptions = {}) {
  const all = setUp(options)
  for (const worker of all.cluster.workers) worker.serve()
  await all.recycled.ready()
  return all
}

const vitals = (requests: number, rss = 1) => ({ type: 'endswell:vitals', requests, rss, heap: 1 })

describe('at its start', () => {
  test('it begins so many workers, with the settings and the environment that are given', async () => {
    const { cluster, recycled, state } = setUp({ count: 3, exec: { exec: 'worker.js' }, env: { ROLE: 'web' } })
    expect(state()).toEqual(['1 1 starting', '2 1 starting', '3 1 starting'])
    expect(cluster.begunWith).toEqual([{ exec: 'worker.js' }, { exec: 'worker.js' }, { exec: 'worker.js' }])
    expect(cluster.environments).toEqual([{ ROLE: 'web' }, { ROLE: 'web' }, { ROLE: 'web' }])
    for (const worker of cluster.workers) worker.serve()
    await recycled.ready()
    expect(state()).toEqual(['1 1 ready', '2 1 ready', '3 1 ready'])
    expect(recycled.path).toBe('/shop/cluster')
    expect(recycled.workers[0]).toEqual({
      path: '/shop/cluster/worker-1',
      id: 1,
      pid: 1_001,
      generation: 1,
      age: 0,
      requests: 0,
      limits: { requests: undefined, age: undefined },
      state: 'ready',
    })
  })

  test('its workers are begun with its own settings, also after another one has changed them', async () => {
    const { cluster, clock } = await serving({ count: 1, exec: { exec: 'worker.js' } })
    cluster.setupPrimary({ exec: 'other.js', args: ['--other'] })
    cluster.worker(1).exit(1)
    await clock.advance(100)
    expect(cluster.begunWith[1]).toMatchObject({ exec: 'worker.js' })
  })

  test('the first ones share the jitter out evenly', () => {
    const { recycled } = setUp({ count: 3, maxRequests: 100, jitter: 50, maxAge: 1_000, ageJitter: 10 })
    expect(recycled.workers.map(({ limits }) => limits)).toEqual([
      { requests: 100, age: 1_000 },
      { requests: 125, age: 1_005 },
      { requests: 150, age: 1_010 },
    ])
  })

  test('one that knows nothing of it is ready as soon as it listens', async () => {
    const { cluster, state } = setUp({ count: 1 })
    cluster.worker(1).emit('listening', { port: 8080 })
    expect(state()).toEqual(['1 1 ready'])
  })

  test('one that tells by itself is not ready by listening', () => {
    const { cluster, state } = setUp({ count: 1 })
    cluster.worker(1).tell({ type: 'endswell:recyclable', tells: true })
    cluster.worker(1).emit('listening', { port: 8080 })
    expect(state()).toEqual(['1 1 starting'])
  })

  test('one that is not ready in time is asked, then killed, and begun again', async () => {
    const { cluster, clock, state } = setUp({ count: 1, readyTimeout: 500 })
    await clock.advance(500)
    expect(cluster.worker(1).signals).toEqual(['SIGTERM'])
    await clock.advance(1_000)
    expect(cluster.worker(1).signals).toEqual(['SIGTERM', 'SIGKILL'])
    await clock.advance(100)
    expect(state()).toEqual(['2 2 starting'])
  })

  test('messages of others, and errors of its channel, are nobody’s business', async () => {
    const { cluster, state } = await serving({ count: 1 })
    for (const message of [undefined, 'endswell:ready', { type: 3 }, { type: 'ready' }, {}])
      cluster.worker(1).tell(message as object)
    cluster.worker(1).emit('error', new Error('write EPIPE'))
    expect(state()).toEqual(['1 1 ready'])
  })
})

describe('a worker that is due', () => {
  test.each<[string, RecycleOptions, object]>([
    ['requests', { maxRequests: 10 }, { type: 'endswell:spent', requests: 10 }],
    ['memory', { maxRss: 100, samples: 1 }, vitals(1, 101)],
    ['heap', { maxHeap: 100, samples: 1 }, { ...vitals(1), heap: 101 }],
  ])('because of %s goes when another one serves', async (reason, options, message) => {
    const { cluster, state, of, recycled, turn } = await serving(options)
    cluster.worker(1).tell(message)
    await turn()
    expect(cluster.workers).toHaveLength(3)
    expect(cluster.worker(1).retirement).toBeUndefined()
    cluster.worker(3).serve()
    await turn()
    expect(cluster.worker(1).retirement).toEqual({
      type: 'endswell:retire',
      notice: 1_000,
      timeout: 26_100,
      reason: `it is recycled: ${reason}`,
    })
    expect(state()).toEqual(['1 1 draining', '2 1 ready'])
    cluster.worker(1).exit(0)
    await turn()
    expect(state()).toEqual(['3 2 ready', '2 1 ready'])
    expect(of('worker.recycled')).toEqual([
      { type: 'worker.recycled', path: '/shop/cluster/worker-1', kind: 'cluster-worker', reason, ms: 0 },
    ])
    expect(recycled.counts).toEqual({ recycled: { [reason]: 1 }, crashed: 0, aborted: 0 })
  })

  test('because of its age is found by the check', async () => {
    const { cluster, clock, turn } = await serving({ count: 1, maxAge: 1_500, check: 1_000 })
    await clock.advance(1_000)
    expect(cluster.workers).toHaveLength(1)
    await clock.advance(1_000)
    expect(cluster.workers).toHaveLength(2)
    cluster.worker(2).serve()
    await turn()
    expect(cluster.worker(1).retirement).toBeDefined()
  })

  test('goes at once where it is far too large, and is killed where it does not', async () => {
    const { cluster, clock, recycled, turn } = await serving({ count: 1, hardRss: 1_000 })
    cluster.worker(1).tell(vitals(1, 1_001))
    cluster.worker(2).serve()
    await turn()
    expect(cluster.worker(1).retirement).toMatchObject({ notice: 0, timeout: 900 })
    await clock.advance(1_000)
    expect(cluster.worker(1).signals).toEqual(['SIGKILL'])
    expect(recycled.counts).toEqual({ recycled: { 'hard-memory': 1 }, crashed: 0, aborted: 0 })
  })

  test('is killed when its time to drain is over, and that is no crash', async () => {
    const { cluster, clock, recycled, turn } = await serving({ count: 1, drain: 2_000 })
    const done = recycled.recycle()
    cluster.worker(2).serve()
    await clock.advance(1_999)
    expect(cluster.worker(1).signals).toEqual([])
    await clock.advance(1)
    await turn()
    await done
    expect(cluster.worker(1).signals).toEqual(['SIGKILL'])
    expect(recycled.counts).toEqual({ recycled: { asked: 1 }, crashed: 0, aborted: 0 })
  })

  test('that knows nothing of it is disconnected', async () => {
    const { cluster, recycled, turn } = setUp({ count: 1 })
    cluster.worker(1).emit('listening', {})
    void recycled.recycle()
    cluster.worker(2).emit('listening', {})
    await turn()
    expect(cluster.worker(1)).toMatchObject({ wasDisconnected: true, sent: [], signals: [] })
  })

  test('with one that may be missing instead of one too many, goes before the other is begun', async () => {
    const { cluster, recycled, turn } = await serving({ maxSurge: 0, maxUnavailable: 1 })
    void recycled.recycle()
    await turn()
    expect(cluster.workers).toHaveLength(2)
    expect(cluster.worker(1).retirement).toBeDefined()
    cluster.worker(1).exit(0)
    await turn()
    expect(cluster.workers).toHaveLength(3)
    expect(cluster.worker(2).retirement).toBeUndefined()
    cluster.worker(3).serve()
    await turn()
    expect(cluster.worker(2).retirement).toBeDefined()
  })

  test('stays while the whole drains, and nothing is begun any more', async () => {
    const { cluster, life, clock } = await serving({ maxRequests: 1 })
    readinessOf(scopeOf(life)).drain(5_000)
    cluster.worker(1).tell(vitals(5))
    cluster.worker(2).exit(0)
    await clock.advance(4_000)
    expect(cluster.workers).toHaveLength(2)
  })
})

describe('a replacement that does not come up', () => {
  test('ends, the old one stays, and the next attempt waits longer each time', async () => {
    const { cluster, clock, recycled, state, of, turn } = await serving({ count: 1, maxRequests: 1 })
    cluster.worker(1).tell(vitals(1))
    for (const wait of [100, 200]) {
      const last = cluster.workers.length
      cluster.worker(last).exit(3)
      await turn()
      expect(state()).toEqual(['1 1 ready'])
      cluster.worker(1).tell(vitals(2))
      await clock.advance(wait - 1)
      expect(cluster.workers).toHaveLength(last)
      await clock.advance(1)
      expect(cluster.workers).toHaveLength(last + 1)
    }
    expect(recycled.counts).toEqual({ recycled: {}, crashed: 0, aborted: 2 })
    expect(of('resource.error')).toHaveLength(2)
    expect(of('resource.error')[0]).toMatchObject({
      path: '/shop/cluster/worker-1',
      reason: 'requests',
      error: {
        code: 'ERR_EXITED',
        message: 'The worker exited with 3 before it was ready.',
        cause: { code: 3, signal: null, oomHint: false },
      },
    })
  })

  test('in time is ended, and the others that were to follow stay', async () => {
    const { cluster, clock, recycled, state } = await serving({ readyTimeout: 500 })
    const failed = expect(recycled.recycle('release 2')).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    await clock.advance(500)
    expect(cluster.worker(3).signals).toEqual(['SIGTERM'])
    cluster.worker(3).exit(null, 'SIGTERM')
    await failed
    await clock.advance(60_000)
    expect(state()).toEqual(['1 1 ready', '2 1 ready'])
    expect(cluster.workers).toHaveLength(3)
  })

  test('takes the place of the old one where that crashes meanwhile', async () => {
    const { cluster, clock, recycled, state, turn } = await serving({ count: 1 })
    const done = recycled.recycle()
    cluster.worker(1).exit(1)
    await clock.advance(100)
    cluster.worker(2).serve()
    await turn()
    await done
    expect(state()).toEqual(['2 2 ready'])
    expect(cluster.workers).toHaveLength(2)
    expect(recycled.counts).toEqual({ recycled: {}, crashed: 1, aborted: 0 })
  })
})

describe('a stand-in', () => {
  test('that ends while the old one still finishes is a crash, and another is begun at once', async () => {
    const { cluster, recycled, state, turn } = await serving({ count: 1 })
    const done = recycled.recycle()
    cluster.worker(2).serve()
    await turn()
    expect(cluster.worker(1).retirement).toBeDefined()
    cluster.worker(2).exit(null, 'SIGKILL')
    cluster.worker(1).exit(0)
    await turn()
    cluster.worker(3).serve()
    await turn()
    await done
    expect(state()).toEqual(['3 2 ready'])
    expect(recycled.counts).toEqual({ recycled: { asked: 1 }, crashed: 1, aborted: 0 })
  })
})

describe('a worker that ends by itself', () => {
  test.each([
    [0, null, false],
    [3, null, false],
    [null, 'SIGSEGV', false],
    [null, 'SIGKILL', true],
  ])('with %s, %s is begun again after a wait, and told of (memory: %s)', async (code, signal, oomHint) => {
    const { cluster, clock, recycled, state, of } = await serving({ count: 1 })
    cluster.worker(1).exit(code, signal)
    await clock.advance(99)
    expect(cluster.workers).toHaveLength(1)
    await clock.advance(1)
    expect(state()).toEqual(['2 2 starting'])
    expect(of('supervised.changed').find(({ state }) => state === 'backing-off')).toMatchObject({
      cause: { code, signal, oomHint },
      timeout: 100,
    })
    expect(recycled.counts).toEqual({ recycled: {}, crashed: 1, aborted: 0 })
  })

  test('before it was ready is told of in the same way', async () => {
    const { cluster, clock, of } = setUp({ count: 1 })
    cluster.worker(1).exit(3)
    await clock.advance(0)
    expect(of('supervised.changed').at(-1)).toMatchObject({ state: 'backing-off', cause: { code: 3 } })
  })

  test('too often is given up; the others go on', async () => {
    const { cluster, clock, recycled, state } = await serving({ intensity: { max: 1 } })
    cluster.worker(1).exit(3)
    await clock.advance(100)
    cluster.worker(3).exit(3)
    await clock.advance(60_000)
    expect(cluster.workers).toHaveLength(3)
    expect(state()).toEqual(['2 1 ready'])
    await expect(recycled.ready()).rejects.toMatchObject({ code: 'ERR_GAVE_UP' })
  })

  test('while it waits to be replaced is replaced by nobody else', async () => {
    const { cluster, clock, recycled, turn } = await serving()
    const done = recycled.recycle()
    cluster.worker(2).exit(3)
    await clock.advance(100)
    cluster.worker(3).serve()
    await turn()
    cluster.worker(1).exit(0)
    await turn()
    await done
    expect(recycled.counts).toEqual({ recycled: { asked: 1 }, crashed: 1, aborted: 0 })
  })
})

test('one that has left its channel is asked by a signal', async () => {
  const { cluster, recycled, turn } = await serving({ count: 1 })
  cluster.worker(1).isConnected = () => false
  void recycled.recycle()
  cluster.worker(2).serve()
  await turn()
  expect(cluster.worker(1)).toMatchObject({ signals: ['SIGTERM'], retirement: undefined })
})

test('one that could not be started at all is begun again, and the error is told', async () => {
  const { cluster, clock, of, state } = setUp({ count: 1 })
  const error = new Error('spawn EAGAIN')
  cluster.worker(1).process.pid = undefined
  cluster.worker(1).emit('error', error)
  await clock.advance(100)
  expect(of('supervised.changed').find(({ state }) => state === 'backing-off')?.cause).toMatchObject({ error })
  expect(state()).toEqual(['2 2 starting'])
})

describe('when its lifecycle closes', () => {
  test('all are asked at once, without a notice, and none is begun', async () => {
    const { cluster, life, clock } = await serving()
    const closing = life.close({ reason: 'SIGTERM came' })
    await clock.advance(0)
    for (const { retirement } of cluster.workers)
      expect(retirement).toMatchObject({ notice: 0, reason: expect.any(String) })
    cluster.worker(1).exit(0)
    cluster.worker(2).exit(0)
    expect(await closing).toMatchObject({ counts: { forced: 0, failed: 0, abandoned: 0 } })
    await clock.advance(60_000)
    expect(cluster.workers).toHaveLength(2)
  })

  test('one that is coming up ends as well, and who waits for it is told', async () => {
    const { cluster, life, recycled, clock } = await serving({ count: 1 })
    const refused = expect(recycled.recycle()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    const closing = life.close()
    await clock.advance(0)
    for (const worker of cluster.workers) worker.exit(0)
    await refused
    await closing
    expect(recycled.counts).toEqual({ recycled: {}, crashed: 0, aborted: 0 })
    expect(recycled.workers).toEqual([])
  })

  test('nobody is replaced by hand any more, nor while it drains', async () => {
    const { cluster, life, recycled, clock } = await serving()
    readinessOf(scopeOf(life)).drain(5_000)
    await expect(recycled.recycle()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect(cluster.workers).toHaveLength(2)
    const closing = life.close()
    await clock.advance(0)
    for (const worker of cluster.workers) worker.exit(0)
    await closing
    await expect(recycled.recycle()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  test('disposed of, it ends its workers alone', async () => {
    const { cluster, life, recycled, clock } = await serving()
    const disposal = recycled[Symbol.asyncDispose]()
    await clock.advance(0)
    for (const worker of cluster.workers) worker.exit(0)
    await disposal
    expect(life.state).toBe('open')
    expect(life.snapshot().size).toBe(0)
  })
})

describe('it refuses', () => {
  const { asCluster } = new FakeCluster()
  const bridge = { threads: [], recycle: async () => {}, ready: async () => {} }

  test.each<[string, unknown, object, object]>([
    ['what is neither a cluster nor a bridge', {}, {}, { code: 'ERR_INVALID_ARG_TYPE' }],
    ['an unknown option', asCluster, { maxRequest: 1 }, { code: 'ERR_UNKNOWN_OPTION' }],
    ['half a request', asCluster, { maxRequests: 0.5 }, { code: 'ERR_OUT_OF_RANGE' }],
    ['text', asCluster, { jitter: '5' }, { code: 'ERR_INVALID_ARG_TYPE' }],
    ['no bytes', asCluster, { maxRss: 0 }, { code: 'ERR_OUT_OF_RANGE' }],
    ['no samples', asCluster, { samples: 0 }, { code: 'ERR_OUT_OF_RANGE' }],
    ['no workers', asCluster, { count: 0 }, { code: 'ERR_OUT_OF_RANGE' }],
    ['a check without a pause', asCluster, { check: 0 }, { code: 'ERR_OUT_OF_RANGE' }],
    ['a time without an end', asCluster, { drain: Number.POSITIVE_INFINITY }, { code: 'ERR_OUT_OF_RANGE' }],
    ['no way to replace any', asCluster, { maxSurge: 0 }, { code: 'ERR_OUT_OF_RANGE' }],
    ['a bad backoff', asCluster, { backoff: { factor: 0 } }, { code: 'ERR_OUT_OF_RANGE' }],
    ['an environment that is none', asCluster, { env: 3 }, { code: 'ERR_INVALID_ARG_TYPE' }],
    ['a name with a slash', asCluster, { name: 'a/b' }, { code: 'ERR_OUT_OF_RANGE' }],
    ['the size of a process for threads', bridge, { maxRss: 1 }, { code: 'ERR_INVALID_ARG_TYPE' }],
  ])('%s', async (_, target, options, error) => {
    await using life = new Lifecycle('shop')
    expect(thrownBy(() => recycleWorkers(life, target as never, options))).toMatchObject(error)
    expect(life.snapshot().size).toBe(0)
  })

  test('a lifecycle that is none, or closed', async () => {
    expect(thrownBy(() => recycleWorkers({} as never, asCluster))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    const life = new Lifecycle('shop')
    await life.close()
    expect(thrownBy(() => recycleWorkers(life, asCluster))).toMatchObject({ code: 'ERR_CLOSED' })
  })
})
