import { describe, expect, test } from 'vitest'
import { ThreadFace } from '../../../src/thread/bridge/bridge-rows.ts'
import { recycleThread } from '../../../src/thread/bridge/recycle.ts'
import { setUp } from './stubs.ts'

function faceOf({ bridge, clock }: ReturnType<typeof setUp>, at = 0): ThreadFace {
  const live = bridge.fleet.seats[at]?.live
  if (live === undefined) throw new Error('no such thread')
  return new ThreadFace(live, () => clock.now())
}

describe('losses', () => {
  test('a list of arguments that throws when it is read costs only its own call', async () => {
    const { clock, call, outcomes, bridge } = setUp()
    await clock.advance(5)
    const list = Object.defineProperty([], 0, {
      get() {
        throw new Error('not to be read')
      },
    })
    await expect(bridge.call('work', list, undefined)).rejects.toThrow('not to be read')
    call()
    await clock.advance(10)
    expect(outcomes).toEqual(['1 done'])
    expect(bridge.counts).toMatchObject({ failed: 1, running: 0 })
  })

  test('what had begun is lost, and what had not runs in the next thread, before what waits', async () => {
    const { clock, call, outcomes, source } = setUp({ maxInFlight: 3 })
    await clock.advance(5)
    call({ takes: 50 })
    call({ takes: 100, blocks: 'script' })
    call({ takes: 10 })
    call({ takes: 1 })
    await clock.advance(20)
    source.last.crash('out of luck')
    await clock.advance(200)
    expect(outcomes).toEqual(['1 ERR_WORKER_LOST', '2 ERR_WORKER_LOST', '4 done', '3 done'])
    expect(source.threads.map(({ begunCalls }) => begunCalls)).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  test('one whose arguments were moved is not made again', async () => {
    const { clock, call, outcomes, source, bridge } = setUp({ maxInFlight: 2 })
    await clock.advance(5)
    call({ takes: 100, blocks: 'script' })
    call({}, { transfer: [] })
    await clock.advance(20)
    source.last.crash('out of luck')
    await clock.advance(200)
    expect(outcomes).toEqual(['1 ERR_WORKER_LOST', '2 ERR_WORKER_LOST'])
    expect(bridge.counts.retried).toBe(0)
  })

  test('threads that were ended for a call are no failures: the next one is there at once, however often', async () => {
    const { clock, call, outcomes, source, bridge } = setUp({ taskTimeout: 10, cancelGrace: 10, intensity: { max: 0 } })
    for (let at = 0; at < 5; at += 1) {
      call({ blocks: 'script', takes: 10_000 })
      await clock.advance(60)
    }
    expect(outcomes).toEqual([1, 2, 3, 4, 5].map((id) => `${id} ERR_TIMEOUT`))
    expect(source.threads).toHaveLength(6)
    expect(bridge.state).toBe('open')
  })

  test('a call that waits in its thread behind others, and is cancelled, does not cost them their thread', async () => {
    const { clock, call, outcomes, source } = setUp({ maxInFlight: 2, cancelGrace: 10 })
    await clock.advance(5)
    call({ blocks: 'script', takes: 100 })
    call({}, { timeout: 20 })
    await clock.advance(300)
    expect(outcomes).toEqual(['2 ERR_TIMEOUT', '1 done'])
    expect(source.threads).toHaveLength(1)
  })
})

describe('threads that cannot be ended', () => {
  test('another takes its place, and its calls that had not begun run there', async () => {
    const { clock, call, outcomes, bridge, source, life } = setUp({
      maxInFlight: 2,
      taskTimeout: 20,
      cancelGrace: 20,
      queueTimeout: 5_000,
    })
    await clock.advance(5)
    call({ blocks: 'native' })
    call({}, { timeout: 10_000 })
    await clock.advance(100)
    expect(outcomes).toEqual(['1 ERR_TIMEOUT'])
    await clock.advance(2_000)
    expect(outcomes).toEqual(['1 ERR_TIMEOUT', '2 done'])
    expect(bridge.counts).toMatchObject({ abandoned: 1, retried: 1 })
    expect(bridge.fleet.seats.map(({ name }) => name)).toEqual(['thread-2'])
    expect(life.snapshot().resources.map(({ path }) => path)).toEqual(['/app/bridge', '/app/bridge thread-1'])
    source.threads[0]?.exit(0)
    expect(life.snapshot().resources.map(({ path }) => path)).toEqual(['/app/bridge'])
  })

  test('more of them than it may have, and it has failed', async () => {
    const { clock, call, outcomes, bridge } = setUp({ taskTimeout: 20, cancelGrace: 20, maxAbandoned: 1 })
    call({ blocks: 'native' })
    call({ blocks: 'native' })
    call()
    await clock.advance(10_000)
    expect(outcomes).toEqual(['1 ERR_TIMEOUT', '2 ERR_TIMEOUT', '3 ERR_GAVE_UP'])
    expect(bridge.state).toBe('failed')
  })
})

describe('closing', () => {
  test('is over with a last call that no thread serves', async () => {
    const { clock, call, bridge, life } = setUp({ grace: 40_000 })
    await clock.advance(5)
    call({ takes: 50 })
    const refused = expect(bridge.call('play', [], undefined)).rejects.toMatchObject({ code: 'ERR_UNKNOWN_METHOD' })
    let isOver = false
    const closing = life.close().then(() => {
      isOver = true
    })
    await clock.advance(60)
    await refused
    expect(isOver).toBe(true)
    await closing
  })

  test('what waits is dropped at once where no thread is left to do it', async () => {
    const { clock, call, outcomes, source, bridge, life } = setUp({ grace: 40_000 })
    await clock.advance(5)
    call({ takes: 50 })
    call()
    await clock.advance(10)
    const closing = life.close()
    source.last.crash('now of all times')
    await clock.advance(100)
    expect(outcomes).toEqual(['1 ERR_WORKER_LOST', '2 ERR_ABORTED'])
    expect((await closing).rows).toContainEqual(expect.objectContaining({ note: 'drained 1, cancelled 0, dropped 1' }))
    expect(bridge.state).toBe('closed')
  })

  test('it takes no longer than its times, whatever its threads do', async () => {
    const { clock, call, life } = setUp({ maxInFlight: 3, grace: 100, cancelGrace: 50, terminateTimeout: 1_000 })
    await clock.advance(5)
    for (const blocks of ['native', 'script'] as const) call({ takes: 100_000, blocks })
    call()
    const began = clock.now()
    let ms = -1
    const closing = life.close().then(() => {
      ms = clock.now() - began
    })
    await clock.advance(10_000)
    await closing
    expect(ms).toBeLessThanOrEqual(100 + 50 + 1_000)
    expect(clock.pending).toBe(0)
  })
})

describe('replacing a thread', () => {
  test('where the other one fails, the thread stays, and nothing is left of the other', async () => {
    const all = setUp({}, [{ after: 5 }, { after: 5, as: 'fails' }])
    const { clock, bridge, call, outcomes } = all
    await clock.advance(5)
    const replaced = recycleThread(bridge, faceOf(all), {})
    replaced.catch(() => {})
    await clock.advance(50)
    await expect(replaced).rejects.toThrow('boot')
    expect(bridge.fleet.seats.map(({ name }) => name)).toEqual(['thread-1'])
    call()
    await clock.advance(50)
    expect(outcomes).toEqual(['1 done'])
    expect(bridge.state).toBe('open')
  })

  test('where the other one is late, too', async () => {
    const all = setUp({}, [{ after: 5 }, { after: 5, as: 'silent' }])
    const { clock, bridge } = all
    await clock.advance(5)
    const replaced = recycleThread(bridge, faceOf(all), { timeout: 30 })
    replaced.catch(() => {})
    await clock.advance(100)
    await expect(replaced).rejects.toMatchObject({ code: 'ERR_TIMEOUT', timeout: 30 })
    expect(bridge.fleet.seats.map(({ name }) => name)).toEqual(['thread-1'])
  })

  test('at no moment are there fewer threads than before', async () => {
    const all = setUp({ threads: { min: 2 } })
    const { clock, bridge, life } = all
    await clock.advance(5)
    const serving = (): number => bridge.fleet.seats.filter(({ live }) => live?.state === 'ready').length
    const least: number[] = []
    life.subscribe(() => least.push(serving()))
    for (const at of [0, 0]) {
      const replaced = recycleThread(bridge, faceOf(all, at), { reason: 'old' })
      await clock.advance(50)
      await replaced
    }
    expect(Math.min(...least)).toBe(2)
    expect(bridge.fleet.seats.map(({ name }) => name)).toEqual(['thread-3', 'thread-4'])
  })

  test('the closing of the bridge breaks it off', async () => {
    const all = setUp({}, [{ after: 5 }, { after: 500 }])
    const { clock, bridge, life } = all
    await clock.advance(5)
    const replaced = recycleThread(bridge, faceOf(all), {})
    replaced.catch(() => {})
    const closing = life.close()
    await clock.advance(100)
    await expect(replaced).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect((await closing).counts.abandoned).toBe(0)
    expect(clock.pending).toBe(0)
  })
})

describe('threads come and go', () => {
  test('where none may wait, those that are refused bring more threads, too', async () => {
    const { clock, call, outcomes, source } = setUp({ threads: { min: 0, max: 2 }, maxQueue: 0 })
    for (let at = 0; at < 4; at += 1) {
      call({ takes: 100 })
      await clock.advance(10)
    }
    expect(source.threads).toHaveLength(2)
    await clock.advance(200)
    expect(outcomes).toEqual(['1 ERR_QUEUE_FULL', '3 ERR_QUEUE_FULL', '2 done', '4 done'])
  })

  test('one is started for every call that waits, and not for those that another one starting will do', async () => {
    const { clock, call, source } = setUp({ threads: { min: 1, max: 4 }, maxInFlight: 2 })
    call()
    call()
    expect(source.threads).toHaveLength(1)
    call()
    expect(source.threads).toHaveLength(2)
    for (let at = 0; at < 20; at += 1) call()
    expect(source.threads).toHaveLength(4)
    await clock.advance(500)
    expect(source.threads).toHaveLength(4)
  })

  test('one that has nothing to do for long ends, but for the least number', async () => {
    const { clock, call, bridge } = setUp({ threads: { min: 1, max: 3 }, idleTimeout: 1_000 })
    for (let at = 0; at < 6; at += 1) call({ takes: 20 })
    await clock.advance(500)
    expect(bridge.fleet.seats).toHaveLength(3)
    await clock.advance(2_000)
    expect(bridge.fleet.seats.map(({ name }) => name)).toEqual(['thread-1'])
  })

  test('an idle thread lets the process end, a busy one does not', async () => {
    const { clock, call, source } = setUp()
    expect(source.last.isRefd).toBe(true)
    await clock.advance(10)
    expect(source.last.isRefd).toBe(false)
    call({ takes: 20 })
    expect(source.last.isRefd).toBe(true)
    await clock.advance(50)
    expect(source.last.isRefd).toBe(false)
  })
})
