import { AsyncLocalStorage } from 'node:async_hooks'
import { EndswellError, Lifecycle, type LifecycleEvent, TimeoutError } from 'endswell'
import { type TaskContext, type TaskOptions, TaskQueue, type TaskQueueOptions } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Tasks that end when a test says so, and that tell which of them really run. */
function setUp(options: TaskQueueOptions = {}) {
  const clock = new FakeClock()
  const tasks = new TaskQueue({ clock, concurrency: 2, ...options })
  const works = new Map<string, PromiseWithResolvers<unknown> & { signal: AbortSignal }>()
  const running = new Set<string>()
  const order: string[] = []
  const results: string[] = []
  const add = (name: string, more: TaskOptions = {}) => {
    const promise = tasks.add(
      async ({ signal }: TaskContext) => {
        const work = Object.assign(Promise.withResolvers<unknown>(), { signal })
        works.set(name, work)
        running.add(name)
        order.push(name)
        try {
          return await work.promise
        } finally {
          running.delete(name)
        }
      },
      { name, ...more },
    )
    promise.then(
      (value) => results.push(`${name}: ${value}`),
      (error) => results.push(`${name}: ${error?.code ?? error}`),
    )
    return promise
  }
  const end = async (name: string, value: unknown = 'done') => {
    works.get(name)?.resolve(value)
    await turn()
  }
  return { clock, tasks, works, running, order, results, add, end }
}

describe('a task', () => {
  test('runs at once where a slot is free, and brings what it brings', async () => {
    const tasks = new TaskQueue()
    let ran = ''
    const promise = tasks.add(({ name, signal }) => {
      ran = `${name} ${signal.aborted}`
      return 7
    })
    expect(ran).toBe('task false')
    expect(await promise).toBe(7)
    expect(
      await tasks.add(async function resize({ name }) {
        return name
      }),
    ).toBe('resize')
    expect(tasks.stats()).toMatchObject({ concurrency: 4, added: 2, completed: 2, running: 0 })
  })

  test('rejects with what it throws, in step or later', async () => {
    const tasks = new TaskQueue()
    const thrown = () => {
      throw new Error('in step')
    }
    await expect(tasks.add(thrown)).rejects.toThrow('in step')
    await expect(tasks.add(async () => thrown())).rejects.toThrow('in step')
    expect(tasks.stats()).toMatchObject({ failed: 2 })
  })

  test('of a higher priority runs first, and of equal ones who came first', async () => {
    const { add, end, order } = setUp({ concurrency: 1 })
    add('a')
    add('b')
    add('c', { priority: 1 })
    add('d')
    add('e', { priority: 1 })
    for (const name of ['a', 'c', 'e', 'b', 'd']) await end(name)
    expect(order).toEqual(['a', 'c', 'e', 'b', 'd'])
  })

  test('runs in the async context of who added it, also when it waited outside', async () => {
    const storage = new AsyncLocalStorage<string>()
    const tasks = new TaskQueue({ concurrency: 1, maxQueued: 1, overflow: 'wait' })
    const found = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => storage.run(name, () => tasks.add(async () => storage.getStore()))),
    )
    expect(found).toEqual(['a', 'b', 'c', 'd'])
  })
})

describe('a task whose time is up', () => {
  test('rejects at once, is told by its signal, and keeps its slot until it has settled', async () => {
    const { add, clock, end, results, running, tasks, works } = setUp({ concurrency: 1, timeout: 1_000 })
    const late = add('a')
    add('b')
    await clock.advance(1_000)
    await expect(late).rejects.toThrow(TimeoutError)
    await expect(late).rejects.toThrow(
      '/task-queue/a was given up after 1000 ms: it had 1000 ms. Its slot is taken until it has really ended.',
    )
    expect(works.get('a')?.signal).toMatchObject({ aborted: true, reason: expect.any(TimeoutError) })
    await clock.advance(60_000)
    expect([...running]).toEqual(['a'])
    expect(tasks.running).toEqual([{ name: 'a', ms: 61_000, overrunning: true }])
    expect(tasks.stats()).toMatchObject({ running: 1, overrunning: 1, queued: 1, timedOut: 1 })
    await end('a')
    expect([...running]).toEqual(['b'])
    expect(results).toEqual(['a: ERR_TIMEOUT'])
    expect(tasks.stats()).toMatchObject({ running: 1, overrunning: 0, late: 1, completed: 0 })
  })

  test('may have a time of its own, or none', async () => {
    const { add, clock, results } = setUp({ concurrency: 3, timeout: 1_000 })
    add('a', { timeout: 10 })
    add('b', { timeout: Number.POSITIVE_INFINITY })
    add('c')
    await clock.advance(999)
    expect(results).toEqual(['a: ERR_TIMEOUT'])
    await clock.advance(1e9)
    expect(results).toEqual(['a: ERR_TIMEOUT', 'c: ERR_TIMEOUT'])
  })

  test('keeps its slot also where it had to wait for it', async () => {
    const { add, clock, end, running, tasks } = setUp({ concurrency: 1, timeout: 1_000 })
    add('a')
    add('b')
    add('c')
    await end('a')
    await clock.advance(1_000)
    expect(tasks.stats()).toMatchObject({ timedOut: 1, running: 1, queued: 1 })
    expect([...running]).toEqual(['b'])
    await end('b')
    expect([...running]).toEqual(['c'])
  })

  test('while it waits for its turn never runs', async () => {
    const { add, clock, end, order, results, tasks } = setUp({ concurrency: 1, queueTimeout: 100 })
    add('a')
    add('b')
    await clock.advance(100)
    expect(results).toEqual(['b: ERR_TIMEOUT'])
    expect(tasks.stats()).toMatchObject({ queued: 0, timedOut: 1 })
    await end('a')
    await tasks.idle()
    expect(order).toEqual(['a'])
    expect(clock.pending).toBe(0)
  })

  test('gives its slot away after the grace, where there is one, and is counted', async () => {
    const { add, clock, end, running, tasks } = setUp({ concurrency: 1, timeout: 1_000, abortGrace: 500 })
    add('a')
    add('b')
    await clock.advance(1_499)
    expect([...running]).toEqual(['a'])
    await clock.advance(1)
    expect([...running]).toEqual(['a', 'b'])
    expect(tasks.stats()).toMatchObject({ running: 1, abandoned: 1 })
    await end('a')
    await end('b')
    expect(tasks.stats()).toMatchObject({ running: 0, late: 1, completed: 1 })
    expect(clock.pending).toBe(0)
  })

  test('and that settles within the grace was never given up', async () => {
    const { clock, tasks, add, end } = setUp({ concurrency: 1, abortGrace: 100, timeout: 50 })
    add('a')
    await clock.advance(50)
    await end('a')
    expect(clock.pending).toBe(0)
    expect(tasks.stats()).toMatchObject({ running: 0, late: 1, abandoned: 0 })
  })

  test('is told of when it settles at last', async () => {
    const { add, clock, end, tasks } = setUp({ timeout: 1_000 })
    const events: LifecycleEvent[] = []
    tasks.subscribe((event) => events.push(event))
    add('a')
    await clock.advance(1_500)
    await end('a')
    expect(events).toMatchObject([{ type: 'resource.late', path: '/task-queue', item: 'a', ms: 1_500 }])
  })
})

describe('a signal', () => {
  test('stops a task that runs, which keeps its slot, and one that waits, which never runs', async () => {
    const { add, end, order, results, running, tasks, works } = setUp({ concurrency: 1 })
    const controller = new AbortController()
    add('a', { signal: controller.signal })
    add('b', { signal: controller.signal })
    add('c')
    controller.abort('enough')
    await turn()
    expect(results).toEqual(['a: enough', 'b: enough'])
    expect(works.get('a')?.signal).toMatchObject({ aborted: true, reason: 'enough' })
    expect([...running]).toEqual(['a'])
    expect(tasks.stats()).toMatchObject({ queued: 1, aborted: 2, overrunning: 1 })
    await end('a')
    expect(order).toEqual(['a', 'c'])
  })

  test('that has aborted already lets no task begin', async () => {
    const { add, order } = setUp()
    await expect(add('a', { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')
    expect(order).toEqual([])
  })

  test('has one listener for all its tasks, and none when they are over', async () => {
    const { add, end, tasks } = setUp({ concurrency: 1 })
    const controller = new AbortController()
    const counts = { added: 0, removed: 0 }
    const { addEventListener: on, removeEventListener: off } = controller.signal
    Object.assign(controller.signal, {
      addEventListener: (...args: Parameters<typeof on>) => {
        counts.added += 1
        on.apply(controller.signal, args)
      },
      removeEventListener: (...args: Parameters<typeof off>) => {
        counts.removed += 1
        off.apply(controller.signal, args)
      },
    })
    for (const name of ['a', 'b', 'c']) add(name, { signal: controller.signal })
    expect(counts).toEqual({ added: 1, removed: 0 })
    for (const name of ['a', 'b', 'c']) await end(name)
    await tasks.idle()
    expect(counts).toEqual({ added: 1, removed: 1 })
  })

  test('stops two thousand tasks that wait, without a deep stack and without a search for each', async () => {
    const tasks = new TaskQueue({ concurrency: 1, maxQueued: 2_000 })
    const work = Promise.withResolvers<void>()
    const first = tasks.add(() => work.promise)
    const controller = new AbortController()
    const all = Array.from({ length: 2_000 }, () => tasks.add(() => 1, { signal: controller.signal }))
    const settled = Promise.allSettled(all)
    controller.abort()
    expect(tasks.stats()).toMatchObject({ queued: 0, aborted: 2_000 })
    await settled
    work.resolve()
    await first
    expect(tasks.stats()).toMatchObject({ completed: 1, running: 0 })
  })

  test('is made for a task that asks for it after its end', async () => {
    const clock = new FakeClock()
    const tasks = new TaskQueue({ clock, timeout: 10 })
    let context: TaskContext | undefined
    const work = Promise.withResolvers<void>()
    const promise = tasks.add((own) => {
      context = own
      return work.promise
    })
    const failed = expect(promise).rejects.toThrow(TimeoutError)
    await clock.advance(10)
    await failed
    expect(context?.signal).toMatchObject({ aborted: true, reason: expect.any(TimeoutError) })
    work.resolve()
  })
})

describe('a queue that is full', () => {
  test('refuses one too many', async () => {
    const { add, results, tasks } = setUp({ concurrency: 1, maxQueued: 2 })
    for (const name of ['a', 'b', 'c', 'd']) add(name)
    await turn()
    expect(results).toEqual(['d: ERR_QUEUE_FULL'])
    expect(tasks.size).toBe(2)
    expect(tasks.stats()).toMatchObject({ running: 1, queued: 2, refused: 1, added: 3, highWater: 2 })
  })

  test('has it wait outside where that is wished, in order of coming, and only so many', async () => {
    const { add, end, order, results, tasks } = setUp({ concurrency: 1, maxQueued: 1, overflow: 'wait', maxWaiting: 2 })
    for (const name of ['a', 'b', 'c', 'd', 'e']) add(name)
    await turn()
    expect(results).toEqual(['e: ERR_QUEUE_FULL'])
    expect(tasks.stats()).toMatchObject({ running: 1, queued: 1, parked: 2 })
    for (const name of ['a', 'b', 'c', 'd']) await end(name)
    expect(order).toEqual(['a', 'b', 'c', 'd'])
    expect(tasks.stats()).toMatchObject({ completed: 4, parked: 0 })
  })

  test('lets nobody in before those who wait outside, not even what a task adds when it begins', async () => {
    const { tasks, order, add, end } = setUp({ concurrency: 1, maxQueued: 1, overflow: 'wait' })
    add('a')
    tasks.add(() => void add('by b'), { name: 'b' })
    add('c')
    await end('a')
    await end('c')
    await end('by b')
    expect(order).toEqual(['a', 'c', 'by b'])
    expect(tasks.stats()).toMatchObject({ completed: 4, running: 0 })
  })

  test('lets go of one that waits outside when its signal aborts, its time is up, or all are dropped', async () => {
    const options = { concurrency: 1, maxQueued: 1, overflow: 'wait', queueTimeout: 100 } as const
    const { add, clock, end, order, results, tasks } = setUp(options)
    const controller = new AbortController()
    add('a')
    await clock.advance(50)
    add('b')
    add('c', { signal: controller.signal })
    controller.abort('enough')
    add('d')
    await clock.advance(50)
    expect(tasks.stats()).toMatchObject({ queued: 1, parked: 1 })
    expect(tasks.clear()).toBe(2)
    await end('a')
    expect(results).toEqual(['c: enough', 'b: ERR_DROPPED', 'd: ERR_DROPPED', 'a: done'])
    expect(order).toEqual(['a'])
    expect(clock.pending).toBe(0)
  })

  test('says when there is room: to as many as there is room for, in order, and to the next if those have no use for it', async () => {
    const { add, end, tasks } = setUp({ concurrency: 1, maxQueued: 1 })
    await tasks.room()
    for (const name of ['a', 'b']) add(name)
    const told: string[] = []
    for (const name of ['x', 'y', 'z']) {
      tasks.room().then(() => {
        told.push(name)
        if (name === 'y') add(name)
      })
    }
    await turn()
    expect(told).toEqual([])
    await end('a')
    await turn()
    expect(told).toEqual(['x', 'y'])
    await end('b')
    await turn()
    expect(told).toEqual(['x', 'y', 'z'])
  })

  test('tells at once as many as there is room for, and refuses those who still wait when it closes', async () => {
    const { tasks, add } = setUp({ concurrency: 1, maxQueued: 2 })
    for (const name of ['a', 'b', 'c']) add(name)
    const told: string[] = []
    for (const name of ['x', 'y', 'z']) {
      tasks.room().then(
        () => told.push(name),
        (error) => told.push(`${name}: ${error.code}`),
      )
    }
    tasks.clear()
    await Promise.resolve()
    expect(told).toEqual(['x', 'y'])
    const closing = tasks.close({ timeout: 0 })
    await Promise.resolve()
    expect(told).toEqual(['x', 'y', 'z: ERR_CLOSED'])
    await closing
  })

  test('stops telling who waits no more', async () => {
    const { add, clock, tasks } = setUp({ concurrency: 1, maxQueued: 1, maxWaiting: 2 })
    for (const name of ['a', 'b']) add(name)
    const controller = new AbortController()
    const failures = [
      expect(tasks.room({ timeout: 100 })).rejects.toThrow(TimeoutError),
      expect(tasks.room({ signal: controller.signal })).rejects.toBe('enough'),
      expect(tasks.room({ signal: AbortSignal.abort('before') })).rejects.toBe('before'),
      expect(tasks.room()).rejects.toThrow(EndswellError),
    ]
    controller.abort('enough')
    await clock.advance(100)
    await Promise.all(failures)
  })

  test('says so at 80 %, and that it has room at 50 %', async () => {
    const { add, end, tasks } = setUp({ concurrency: 1, maxQueued: 10 })
    const states: string[] = []
    tasks.subscribe(({ type, state }) => states.push(`${type} ${state} ${tasks.size}`))
    for (let name = 0; name < 11; name += 1) add(String(name))
    for (let name = 0; name < 11; name += 1) await end(String(name))
    expect(states).toEqual(['queue.pressure high 8', 'queue.pressure low 5'])
  })
})

describe('a queue', () => {
  test('that is cleared rejects what it drops, says so, and runs none of it', async () => {
    const { add, end, order, results, tasks } = setUp({ concurrency: 1 })
    const events: string[] = []
    tasks.subscribe(({ type, item, reason }) => events.push(`${type} ${item} ${reason}`))
    for (const name of ['a', 'b', 'c']) add(name)
    await expect(Promise.all([add('d'), Promise.resolve(tasks.clear('deploy'))])).rejects.toThrow(
      '/task-queue/d was dropped before it ran: deploy.',
    )
    await end('a')
    await tasks.idle()
    expect(results).toEqual(['b: ERR_DROPPED', 'c: ERR_DROPPED', 'd: ERR_DROPPED', 'a: done'])
    expect(order).toEqual(['a'])
    expect(events).toEqual(['item.dropped b deploy', 'item.dropped c deploy', 'item.dropped d deploy'])
    expect(tasks.stats()).toMatchObject({ dropped: 3, queued: 0, running: 0 })
  })

  test('that is cleared takes what is added by who hears of it', async () => {
    const { add, end, order, results, tasks } = setUp({ concurrency: 1, maxQueued: 3 })
    tasks.subscribe(({ item, state }) => {
      if (item === 'b' || state === 'low') add(`after ${item ?? state}`)
    })
    for (const name of ['a', 'b', 'c', 'd']) add(name)
    tasks.clear()
    for (const name of ['a', 'after low', 'after b']) await end(name)
    expect(order).toEqual(['a', 'after low', 'after b'])
    expect(results).toHaveLength(6)
  })

  test('that is paused begins nothing until it is resumed', async () => {
    const { add, end, order, tasks } = setUp()
    add('a')
    tasks.pause()
    add('b')
    await end('a')
    expect([tasks.isPaused, order, tasks.size]).toEqual([true, ['a'], 1])
    tasks.resume()
    expect([tasks.isPaused, order, tasks.size]).toEqual([false, ['a', 'b'], 0])
  })

  test('that is paused lets go of what is aborted meanwhile', async () => {
    const { tasks, add, order } = setUp()
    tasks.pause()
    const controller = new AbortController()
    add('a', { signal: controller.signal })
    controller.abort()
    expect(tasks.stats()).toMatchObject({ queued: 0, aborted: 1 })
    tasks.resume()
    await turn()
    expect(order).toEqual([])
    await tasks.idle()
  })

  test('is idle when nothing waits and nothing runs, also what nobody waits for', async () => {
    const { add, clock, end, tasks } = setUp({ concurrency: 1, timeout: 100 })
    await tasks.idle()
    add('a')
    let isIdle = false
    tasks.idle().then(() => {
      isIdle = true
    })
    await clock.advance(100)
    expect(isIdle).toBe(false)
    await end('a')
    expect(isIdle).toBe(true)
  })

  test('leaves no timer and no promise behind after 1 000 tasks that end in every way', async () => {
    const clock = new FakeClock()
    const tasks = new TaskQueue({ clock, concurrency: 10, maxQueued: 1_000, timeout: 50 })
    const controller = new AbortController()
    const all = Array.from({ length: 1_000 }, (_, index) =>
      tasks.add(
        async ({ signal }) => {
          if (index % 3 === 0) throw new Error('broken')
          if (index % 7 === 0)
            await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        },
        index % 5 === 0 ? { signal: controller.signal } : {},
      ),
    )
    const settled = Promise.allSettled(all)
    setTimeout(() => controller.abort(), 5)
    let isSettled = false
    settled.then(() => {
      isSettled = true
    })
    while (!isSettled) await clock.advance(50)
    expect(clock.pending).toBe(0)
    const { completed, failed, timedOut, aborted, running, queued } = tasks.stats()
    expect([completed + failed + timedOut + aborted, running, queued]).toEqual([1_000, 0, 0])
  })
})

describe('closing', () => {
  test('refuses, finishes what there is, also where it was paused, and says so', async () => {
    const { add, clock, end, order, results, tasks } = setUp({ concurrency: 1 })
    tasks.pause()
    add('a')
    add('b')
    const closing = tasks.close()
    expect(tasks.close()).toBe(closing)
    await expect(tasks.add(() => 1)).rejects.toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
    await expect(tasks.room()).rejects.toThrow(ReferenceError)
    await end('a')
    await end('b')
    expect(await closing).toEqual({ finished: 2, dropped: 0, aborted: 0, abandoned: [] })
    expect([order, results]).toEqual([
      ['a', 'b'],
      ['a: done', 'b: done'],
    ])
    expect(clock.pending).toBe(0)
  })

  test('drops at the deadline what waits, tells what runs to stop, and names what does not', async () => {
    const { add, clock, tasks, works, results } = setUp({ concurrency: 2 })
    for (const name of ['deaf', 'heeds', 'waits']) add(name)
    const { signal } = works.get('heeds') ?? {}
    signal?.addEventListener('abort', () => works.get('heeds')?.reject(signal.reason))
    const closing = tasks.close({ timeout: 1_000 })
    await clock.advance(1_000)
    expect(await closing).toEqual({ finished: 0, dropped: 1, aborted: 2, abandoned: ['deaf'] })
    expect(results).toEqual(['waits: ERR_DROPPED', 'deaf: ERR_ABORTED', 'heeds: ERR_ABORTED'])
    expect(clock.pending).toBe(0)
  })

  test('now is possible, and a later call only shortens', async () => {
    for (const first of [0, 5_000]) {
      const { add, clock, tasks } = setUp()
      add('a')
      const closing = tasks.close({ timeout: first })
      expect(tasks.close({ timeout: 0 })).toBe(closing)
      expect(await closing).toMatchObject({ aborted: 1, abandoned: ['a'] })
      expect(clock.pending).toBe(0)
    }
  })

  test('now begins nothing, also where the queue was paused', async () => {
    const { tasks, add, order } = setUp()
    tasks.pause()
    add('a')
    expect(await tasks.close({ timeout: 0 })).toEqual({ finished: 0, dropped: 1, aborted: 0, abandoned: [] })
    expect(order).toEqual([])
  })

  test('leaves no timer for those that go on', async () => {
    const { clock, tasks, add } = setUp({ abortGrace: 1_000, timeout: 100 })
    add('late')
    await clock.advance(100)
    add('told')
    const end = await tasks.close({ timeout: 0 })
    expect(end).toEqual({ finished: 0, dropped: 0, aborted: 1, abandoned: ['late', 'told'] })
    expect(clock.pending).toBe(0)
  })

  test('of a queue whose tasks nobody looks at is no unhandled rejection', async () => {
    const tasks = new TaskQueue({ concurrency: 1 })
    for (const _ of [1, 2, 3])
      tasks.add(({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)))
    expect(await tasks.close({ timeout: 0 })).toEqual({ finished: 0, dropped: 2, aborted: 1, abandoned: [] })
    await turn()
  })

  test('by a lifecycle waits for the tasks, and its report names those that go on', async () => {
    const life = new Lifecycle('life')
    const tasks = life.use(new TaskQueue({ concurrency: 1 }), { name: 'tasks', grace: 10 })
    const work = Promise.withResolvers<void>()
    const failed = expect(tasks.add(() => work.promise, { name: 'deaf' })).rejects.toThrow(
      '/life/tasks/deaf was stopped',
    )
    expect(life.snapshot().resources[0]).toMatchObject({ kind: 'task-queue', description: '1 of 1 run, 0 wait' })
    const { rows } = await life.close()
    await failed
    expect(rows).toMatchObject([{ path: '/life/tasks', outcome: 'abandoned', note: 'goes on: deaf' }])
    work.resolve()
  })
})

test('a task queue refuses options that it could not keep to', () => {
  const bad = [
    { concurrency: 0 },
    { concurrency: 1.5 },
    { maxQueued: 0 },
    { maxQueued: Number.NaN },
    { overflow: 'drop' },
  ]
  const times = [{ timeout: 0 }, { timeout: -1 }, { timeout: 2 ** 31 }, { queueTimeout: Number.NaN }, { abortGrace: 0 }]
  for (const options of [...bad, ...times]) expect(() => new TaskQueue(options as object)).toThrow(RangeError)
  for (const options of [{ limit: 1 }, { timeout: '1s' }])
    expect(() => new TaskQueue(options as object)).toThrow(TypeError)
  const tasks = new TaskQueue()
  expect(() => tasks.add(1 as never)).toThrow(TypeError)
  expect(() => tasks.add(() => 1, { priority: Number.NaN })).toThrow(TypeError)
  expect(() => tasks.add(() => 1, { signal: {} as never })).toThrow(TypeError)
  expect(() => tasks.add(() => 1, { name: 'a/b' })).toThrow(RangeError)
  expect(tasks.stats().added).toBe(0)
})
