import { Lifecycle, TimeoutError } from 'endswell'
import { JobRegistry, type JobRegistryOptions, type JobStore } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import Keyv from 'keyv'
import { describe, expect, test } from 'vitest'

const HOUR = 3_600_000

interface Write {
  readonly key: string
  readonly value: { readonly state: string; readonly data: unknown } | undefined
  readonly ttl: number | undefined
  readonly resolve: (answer?: unknown) => void
  readonly reject: (error: Error) => void
}

/** A store whose writes end when a test says so. */
class SlowStore implements JobStore {
  readonly writes: Write[] = []
  readonly kept = new Map<string, unknown>()

  get(key: string): unknown {
    return this.kept.get(key)
  }

  set(key: string, value: unknown, ttl?: number): Promise<unknown> {
    return this.#write(key, value as Write['value'], ttl)
  }

  delete(key: string): Promise<unknown> {
    return this.#write(key, undefined, undefined)
  }

  #write(key: string, value: Write['value'], ttl: number | undefined): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers()
    const keep = (answer?: unknown): void => {
      if (value === undefined) this.kept.delete(key)
      else this.kept.set(key, value)
      resolve(answer)
    }
    this.writes.push({ key, value, ttl, resolve: keep, reject })
    return promise
  }

  /** Ends the oldest write that is under way. */
  async next(error?: Error): Promise<string> {
    const write = this.writes.shift()
    if (error === undefined) write?.resolve()
    else write?.reject(error)
    await new Promise(setImmediate)
    return `${write?.key} ${write?.value?.state ?? 'deleted'} ${write?.value?.data ?? ''}`
  }
}

function setUp(options: JobRegistryOptions<number> = {}) {
  const clock = new FakeClock()
  const store = new SlowStore()
  const jobs = new JobRegistry<number>({ clock, store, wall: () => clock.now(), ...options })
  const events: string[] = []
  jobs.subscribe(({ type, item, reason, error }) => {
    events.push(`${type} ${item} ${reason ?? (error as Error | undefined)?.message ?? ''}`.trim())
  })
  return { clock, store, jobs, events }
}

describe('a registry with a keyv', () => {
  test('shows its jobs to another one, which is told how they end', async () => {
    const map = new Map()
    const here = new JobRegistry<string>({ store: new Keyv(map, { namespace: 'jobs' }) })
    const there = new JobRegistry<string>({ store: new Keyv(map, { namespace: 'jobs' }) })
    here.start('a', 'halfway')
    await here.flush()
    expect(there.has('a')).toBe(false)
    expect(await there.find('a')).toMatchObject({ id: 'a', state: 'active', data: 'halfway' })
    const ended = here.end('a', 'completed', 'done')
    await here.flush()
    expect(await there.find('a')).toMatchObject({ state: 'completed', data: 'done', endedAt: ended?.endedAt })
    expect(await there.find('b')).toBeUndefined()
    here.delete('a')
    expect(await here.find('a')).toBeUndefined()
    expect(await here.close()).toEqual({ active: [], kept: 0, unsaved: 0 })
    expect(await there.find('a')).toBeUndefined()
    expect(here.stats()).toMatchObject({ saved: 3, unsaved: 0 })
  })

  test('leaves there what memory has no room for, until its time is over', async () => {
    const store = new Keyv(new Map())
    const jobs = new JobRegistry<number>({ store, max: 1, retain: 400 })
    for (const id of ['a', 'b']) jobs.start(id, 0)
    for (const id of ['a', 'b']) jobs.end(id, 'completed', 1)
    await jobs.flush()
    expect(jobs.get('a')).toBeUndefined()
    expect(await jobs.find('a')).toMatchObject({ state: 'completed', data: 1 })
    await expect.poll(() => jobs.find('a'), { timeout: 5_000 }).toBeUndefined()
  })

  test('tries again when it answers false, as it does where its errors are listened to', async () => {
    const store = new Keyv(new Map())
    let isAway = true
    const set = store.set.bind(store)
    store.set = async (...args: Parameters<typeof set>) => (isAway ? false : set(...args))
    const clock = new FakeClock()
    const jobs = new JobRegistry<number>({ store, clock })
    jobs.start('a', 1)
    await expect(jobs.flush()).rejects.toThrow("did not take 'a'")
    isAway = false
    await clock.advance(100)
    expect(jobs.stats()).toMatchObject({ saved: 1, unsaved: 0 })
    expect(await store.get('a')).toMatchObject({ state: 'active' })
  })
})

describe('what is written', () => {
  test('comes in order for each job, and of what changed meanwhile only the newest', async () => {
    const { store, jobs } = setUp()
    jobs.start('a', 1)
    jobs.start('b', 1)
    jobs.update('a', 2)
    jobs.update('a', 3)
    jobs.end('a', 'failed', 4)
    expect(store.writes).toHaveLength(2)
    expect([await store.next(), await store.next(), await store.next()]).toEqual([
      ...['a active 1', 'b active 1', 'a failed 4'],
    ])
    expect(jobs.stats()).toMatchObject({ saved: 3, unsaved: 0 })
  })

  test('has a time to live: the lease while it is active, and what is left of its retention after that', async () => {
    const { clock, store, jobs } = setUp({ lease: 10_000 })
    jobs.start('a', 1)
    expect(store.writes[0]?.ttl).toBe(10_000)
    jobs.end('a', 'completed')
    await clock.advance(1_000)
    await store.next()
    expect(store.writes[0]?.ttl).toBe(HOUR - 1_000)
    for (const [lease, ttl] of [
      [Number.POSITIVE_INFINITY, undefined],
      [undefined, 24 * HOUR],
    ] as const) {
      const other = setUp(lease === undefined ? {} : { lease })
      other.jobs.start('a', 1)
      expect(other.store.writes[0]?.ttl).toBe(ttl)
    }
  })

  test('is a deletion where it comes when its time is over', async () => {
    const { store, jobs, clock } = setUp({ retain: 10 })
    jobs.start('a', 1)
    jobs.end('a', 'completed')
    clock.blocked(10)
    expect(await store.next()).toBe('a active 1')
    expect(await store.next()).toBe('a deleted ')
    await jobs.close()
  })

  test('is renewed for what is active after half the lease, by the one timer that there is', async () => {
    const { clock, store, jobs } = setUp({ lease: 10_000 })
    jobs.start('a', 1)
    await store.next()
    for (let round = 0; round < 3; round += 1) {
      expect(clock.pending).toBe(1)
      await clock.advance(5_000)
      expect(await store.next()).toBe('a active 1')
    }
    jobs.end('a', 'completed')
    await store.next()
    await clock.advance(5_000)
    expect(store.writes).toEqual([])
  })

  test('is found before the store has it', async () => {
    const { jobs } = setUp({ max: 1 })
    for (const id of ['a', 'b']) jobs.start(id, 1)
    for (const id of ['a', 'b']) jobs.end(id, 'completed')
    expect(jobs.has('a')).toBe(false)
    expect(await jobs.find('a')).toMatchObject({ state: 'completed' })
  })

  test('is not shown when its time is over, in a store that has no sense of it', async () => {
    const { clock, store, jobs } = setUp()
    jobs.start('a', 1)
    jobs.end('a', 'completed')
    await store.next()
    await store.next()
    await clock.advance(HOUR)
    expect(store.kept.get('a')).toMatchObject({ state: 'completed' })
    expect(await jobs.find('a')).toBeUndefined()
  })

  test.each([['nothing'], [null], [{}], [{ id: 'x', state: 'odd', startedAt: 1 }], [{ id: 'y', state: 'active' }]])(
    'is no job where somebody else has written %j',
    async (value) => {
      const { store, jobs } = setUp()
      store.kept.set('x', value)
      expect(await jobs.find('x')).toBeUndefined()
    },
  )
})

describe('a write that fails', () => {
  test('is counted, told and tried again, later each time and one alone; then all the rest goes', async () => {
    const { clock, store, jobs, events } = setUp()
    for (const id of ['a', 'b', 'c']) jobs.start(id, 1)
    for (const _ of [1, 2, 3]) await store.next(new Error('away'))
    expect(events).toEqual(['save.failed a away', 'save.failed b away', 'save.failed c away'])
    expect(store.writes).toHaveLength(0)
    await clock.advance(100)
    expect(store.writes).toHaveLength(1)
    await store.next(new Error('away'))
    await clock.advance(100)
    expect(store.writes).toHaveLength(0)
    await clock.advance(100)
    expect(await store.next()).toBe('b active 1')
    expect(store.writes.map(({ key }) => key)).toEqual(['c', 'a'])
    await store.next()
    await store.next()
    expect(events.slice(4)).toEqual(['save.done b', 'save.done c', 'save.done a'])
    expect(jobs.stats()).toMatchObject({ saved: 3, saveFailures: 4, unsaved: 0 })
    await jobs.close()
    expect(clock.pending).toBe(0)
  })

  test('makes flush reject, and flush tries at once', async () => {
    const { store, jobs } = setUp()
    jobs.start('a', 1)
    const first = jobs.flush()
    const rejected = expect(first).rejects.toThrow('away')
    await store.next(new Error('away'))
    await rejected
    const second = jobs.flush()
    await store.next()
    await second
    await jobs.flush()
  })

  test('is given up when it hangs, and what it does later does not stay', async () => {
    const { clock, store, jobs } = setUp({ writeTimeout: 1_000 })
    jobs.start('a', 1)
    const failed = expect(jobs.flush()).rejects.toThrow(TimeoutError)
    await clock.advance(1_000)
    await failed
    jobs.end('a', 'completed')
    const [hanging] = store.writes.splice(0)
    await clock.advance(100)
    expect(await store.next()).toBe('a completed 1')
    hanging?.resolve()
    await clock.advance(0)
    expect(store.kept.get('a')).toMatchObject({ state: 'active' })
    expect(await store.next()).toBe('a completed 1')
    expect(store.kept.get('a')).toMatchObject({ state: 'completed' })
  })

  test('is given up when it hangs, and what it does later brings back no job that was deleted or replaced since', async () => {
    for (const isReplaced of [false, true]) {
      const { store, jobs, clock } = setUp({ writeTimeout: 50 })
      jobs.start('a', 1)
      const hanging = store.writes.shift()
      await clock.advance(50)
      await clock.advance(100)
      expect(await store.next()).toBe('a active 1')
      jobs.delete('a')
      if (isReplaced) jobs.start('a', 2)
      while (store.writes.length > 0) await store.next()
      expect(jobs.stats().unsaved).toBe(0)
      hanging?.resolve()
      await new Promise(setImmediate)
      while (store.writes.length > 0) await store.next()
      expect(store.kept.get('a')).toEqual(isReplaced ? expect.objectContaining({ data: 2 }) : undefined)
      await jobs.close()
    }
  })

  test('is not begun for a job that is deleted by who hears that its forerunner has gone', async () => {
    const store = new Map<string, unknown>()
    const jobs: JobRegistry<number> = new JobRegistry<number>({
      store,
      onEvict: ({ id }, reason) => reason === 'replace' && jobs.delete(id),
    })
    jobs.start('a', 1)
    jobs.end('a', 'completed')
    jobs.start('a', 2)
    await jobs.flush()
    expect([jobs.size, store.size]).toEqual([0, 0])
    await jobs.close()
  })

  test('of the newest change is not given up because an older one is under way', async () => {
    const { store, jobs } = setUp({ maxUnsaved: 1 })
    jobs.start('a', 1)
    jobs.start('b', 2)
    while (store.writes.length > 0) await store.next()
    expect([...store.kept.keys()]).toEqual(['a', 'b'])
    expect(jobs.stats().lost).toBe(0)
  })

  test('keeps no more than so many changes: the oldest is given up, and that is told', async () => {
    const { store, jobs, events } = setUp({ maxUnsaved: 10 })
    const flushed = expect(jobs.flush()).resolves.toBeUndefined()
    for (let id = 0; id < 20; id += 1) jobs.start(String(id), 1)
    await flushed
    expect(store.writes).toHaveLength(8)
    expect(jobs.stats()).toMatchObject({ unsaved: 10, lost: 10 })
    expect(events[0]).toBe('item.dropped 8 unsaved')
  })
})

describe('closing', () => {
  test('waits until the store has all, and rejects nothing', async () => {
    const { store, jobs, clock } = setUp()
    jobs.start('a', 1)
    jobs.end('a', 'completed')
    const closing = jobs.close()
    await store.next(new Error('away'))
    await clock.advance(100)
    await store.next()
    expect(await closing).toEqual({ active: [], kept: 1, unsaved: 0 })
    expect(clock.pending).toBe(0)
  })

  test('tries at once, however long the wait is that is on', async () => {
    const { store, jobs, clock } = setUp()
    jobs.start('a', 1)
    for (let failures = 0; failures < 10; failures += 1) {
      await store.next(new Error('away'))
      await clock.next()
    }
    await store.next(new Error('away'))
    expect(store.writes).toHaveLength(0)
    const closing = jobs.close()
    await store.next()
    expect(await closing).toMatchObject({ unsaved: 0 })
    expect(clock.pending).toBe(0)
  })

  test('leaves no timer, also while it waits to try again', async () => {
    const { store, jobs, clock } = setUp()
    jobs.start('a', 1)
    const closing = jobs.close({ timeout: 50 })
    await store.next(new Error('away'))
    await clock.advance(50)
    expect(await closing).toMatchObject({ unsaved: 1 })
    expect(clock.pending).toBe(0)
  })

  test('says at the deadline what the store has not taken; a flush is told', async () => {
    const { jobs, clock } = setUp()
    jobs.start('a', 1)
    jobs.start('b', 1)
    const flushed = expect(jobs.flush()).rejects.toThrow(ReferenceError)
    const closing = jobs.close({ timeout: 1_000 })
    await clock.advance(1_000)
    expect(await closing).toEqual({ active: ['a', 'b'], kept: 0, unsaved: 2 })
    await flushed
    expect(clock.pending).toBe(0)
  })

  test('by a lifecycle is forced when its grace is over, and its report says what is unsaved', async () => {
    const store = new SlowStore()
    const life = new Lifecycle('life')
    const jobs = life.use(new JobRegistry({ store }), { name: 'jobs', grace: 10 })
    jobs.start('a', 1)
    const { rows } = await life.close()
    expect(rows).toMatchObject([{ path: '/life/jobs', outcome: 'forced', note: '1 active, 1 unsaved' }])
    for (const { resolve } of store.writes) resolve()
  })
})
