import { Lifecycle, type LifecycleEvent } from 'endswell'
import { RetryBuffer, type RetryBufferOptions, type SaveContext } from 'endswell/bounded'
import { FakeClock } from 'endswell/testing'
import { describe, expect, test } from 'vitest'

const never = (): Promise<never> => new Promise(() => {})
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const backoff = { first: 100, max: 1_000, jitter: 0 }

/** A place to save to, which can be away. */
class Store {
  readonly saved: string[] = []
  readonly tries: string[] = []
  /** Keys that it refuses; all when it is away. */
  readonly refused = new Set<string>()
  isAway = false

  readonly save = async (item: string, { key }: SaveContext): Promise<void> => {
    this.tries.push(key)
    if (this.isAway || this.refused.has(key)) throw new Error(`no ${key}`)
    this.saved.push(`${key}=${item}`)
  }
}

function setUp(options: Partial<RetryBufferOptions<string>> = {}) {
  const clock = new FakeClock()
  const store = new Store()
  const dropped: string[] = []
  const buffer = new RetryBuffer<string>({
    save: store.save,
    backoff,
    clock,
    wall: () => 1_700_000_000_000 + clock.now(),
    onDrop: (key, item, reason) => dropped.push(`${key}=${item} ${reason}`),
    ...options,
  })
  return { clock, store, buffer, dropped }
}

describe('an item', () => {
  test('is saved as soon as its turn comes, in order, and not inside the call', async () => {
    const { store, buffer } = setUp()
    for (const key of ['a', 'b', 'c']) buffer.add(key, key.toUpperCase())
    expect([buffer.size, buffer.has('b'), buffer.get('b'), [...buffer.keys()]]).toEqual([3, true, 'B', ['a', 'b', 'c']])
    expect(store.tries).toEqual([])
    await turn()
    expect(store.saved).toEqual(['a=A', 'b=B', 'c=C'])
    expect([buffer.size, buffer.has('b'), buffer.get('b')]).toEqual([0, false, undefined])
    expect(buffer.stats()).toMatchObject({ saved: 3, failed: 0, saving: 0 })
  })

  test('of a key that waits takes the place of the older one', async () => {
    const { store, buffer, clock } = setUp()
    store.isAway = true
    for (const key of ['a', 'b']) buffer.add(key, 'old')
    buffer.add('a', 'new')
    expect([...buffer.keys()]).toEqual(['a', 'b'])
    store.isAway = false
    await clock.advance(100)
    expect(store.saved).toEqual(['a=new', 'b=old'])
    expect(buffer.stats().replaced).toBe(1)
  })

  test('that comes while the older one is being saved is saved, too', async () => {
    const saved: string[] = []
    const gate = Promise.withResolvers<void>()
    const { buffer } = setUp({
      save: async (item) => {
        if (item === 'old') await gate.promise
        saved.push(item)
      },
    })
    buffer.add('a', 'old')
    await turn()
    buffer.add('a', 'new')
    gate.resolve()
    await turn()
    expect([saved, buffer.size]).toEqual([['old', 'new'], 0])
  })

  test('whose older one is still being saved, though it was taken out, waits for that', async () => {
    const gates: (() => void)[] = []
    const { buffer } = setUp({ concurrency: 3, save: () => new Promise<void>((resolve) => gates.push(resolve)) })
    buffer.add('a', 'old')
    await turn()
    buffer.delete('a')
    buffer.add('a', 'new')
    await turn()
    expect([gates.length, buffer.get('a')]).toEqual([1, 'new'])
    gates[0]?.()
    await turn()
    expect([gates.length, buffer.get('a')]).toEqual([2, 'new'])
    gates[1]?.()
    await turn()
    expect(buffer.size).toBe(0)
  })

  test('can be taken out', async () => {
    const { store, buffer } = setUp()
    buffer.add('a', 'A')
    expect([buffer.delete('a'), buffer.delete('a')]).toEqual([true, false])
    await turn()
    expect(store.tries).toEqual([])
  })

  test('knows its key, its attempt and when it was added', async () => {
    const seen: Omit<SaveContext, 'signal'>[] = []
    const { buffer, clock } = setUp({
      save: (_item, { key, attempt, since, signal }) => {
        seen.push({ key, attempt, since })
        expect(signal).toBeInstanceOf(AbortSignal)
        if (seen.length < 3) throw new Error('no')
      },
    })
    await clock.advance(5)
    buffer.add('a', 'A')
    await clock.advance(1_000)
    expect(seen).toEqual([1, 2, 3].map((attempt) => ({ key: 'a', attempt, since: 1_700_000_000_005 })))
  })
})

describe('when a save fails', () => {
  test('all wait, longer each time, and one is tried; when it goes well, all are saved', async () => {
    const { store, buffer, clock } = setUp()
    store.isAway = true
    for (const key of ['a', 'b', 'c']) buffer.add(key, key)
    await turn()
    expect(store.tries).toEqual(['a'])
    const waits: (number | undefined)[] = []
    for (let n = 0; n < 5; n += 1) waits.push(await clock.next())
    expect(waits).toEqual([100, 200, 400, 800, 1_000])
    expect(store.tries).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
    store.isAway = false
    await clock.next()
    expect([store.saved.toSorted(), clock.pending]).toEqual([['a=a', 'b=b', 'c=c'], 0])
    expect(buffer.stats()).toMatchObject({ saved: 3, failed: 6, size: 0 })
  })

  test('what is added meanwhile waits with them', async () => {
    const { store, buffer, clock } = setUp()
    store.isAway = true
    buffer.add('a', 'A')
    await turn()
    buffer.add('b', 'B')
    await turn()
    expect(store.tries).toEqual(['a'])
    await clock.advance(100)
    expect(store.tries).toEqual(['a', 'b'])
  })

  test('for one item only, that holds up nobody', async () => {
    const { store, buffer, clock } = setUp()
    store.refused.add('bad')
    for (const key of ['bad', 'b', 'c']) buffer.add(key, key)
    await clock.advance(100)
    expect(store.saved).toEqual(['b=b', 'c=c'])
    expect([...buffer.keys()]).toEqual(['bad'])
  })

  test('and then goes well, the next waits begin anew', async () => {
    const { store, buffer, clock } = setUp()
    store.isAway = true
    buffer.add('a', 'A')
    await turn()
    expect([await clock.next(), await clock.next()]).toEqual([100, 200])
    store.isAway = false
    expect(await clock.next()).toBe(400)
    store.isAway = true
    buffer.add('b', 'B')
    await turn()
    expect(await clock.next()).toBe(100)
  })

  test('those that are taken out meanwhile are not tried', async () => {
    const { store, buffer, clock } = setUp()
    store.isAway = true
    for (const key of ['a', 'b', 'c']) buffer.add(key, key)
    await turn()
    for (const key of ['a', 'b']) buffer.delete(key)
    await clock.advance(100)
    expect(store.tries).toEqual(['a', 'c'])
  })

  test('giveUpWhen says nothing about the item that has taken its place', async () => {
    const gate = Promise.withResolvers<never>()
    const saved: string[] = []
    const { buffer, dropped, clock } = setUp({
      save: (item) => (item === 'bad' ? gate.promise : saved.push(item)),
      giveUpWhen: () => true,
    })
    buffer.add('a', 'bad')
    await turn()
    buffer.add('a', 'good')
    gate.reject(new Error('bad'))
    await clock.advance(100)
    expect([saved, dropped]).toEqual([['good'], []])
  })

  test('retry tries again now', async () => {
    const { store, buffer, clock } = setUp()
    store.isAway = true
    buffer.add('a', 'A')
    await turn()
    store.isAway = false
    buffer.retry()
    await turn()
    expect([store.saved, clock.pending]).toEqual([['a=A'], 0])
  })

  test('of several at once, one wait follows, and then one is tried', async () => {
    const { store, buffer, clock } = setUp({ concurrency: 3 })
    store.isAway = true
    for (const key of ['a', 'b', 'c', 'd']) buffer.add(key, key)
    await turn()
    expect(store.tries).toEqual(['a', 'b', 'c'])
    expect(await clock.next()).toBe(100)
    expect(store.tries).toHaveLength(4)
    expect(await clock.next()).toBe(200)
  })

  test('giveUpWhen says that it is for ever: it is dropped, and the next is tried at once', async () => {
    const { store, buffer, dropped, clock } = setUp({ giveUpWhen: (error) => String(error).includes('bad') })
    store.refused.add('bad')
    for (const key of ['bad', 'b']) buffer.add(key, key)
    await turn()
    expect(store.saved).toEqual(['b=b'])
    expect([dropped, clock.pending, buffer.stats().dropped.refused]).toEqual([['bad=bad refused'], 0, 1])
  })

  test('each failure and each success is told', async () => {
    const { store, buffer, clock } = setUp()
    const events: LifecycleEvent[] = []
    buffer.subscribe((event) => events.push(event))
    store.isAway = true
    buffer.add('a', 'A')
    await turn()
    store.isAway = false
    await clock.advance(100)
    expect(events).toMatchObject([
      { type: 'save.failed', path: '/retry-buffer', kind: 'retry-buffer', item: 'a', error: new Error('no a') },
      { type: 'save.done', item: 'a' },
    ])
  })
})

describe('a save that hangs', () => {
  test('has its signal aborted when its time is up, and has failed', async () => {
    let reason: unknown
    const { buffer, clock } = setUp({
      saveTimeout: 500,
      save: (_item, { signal }) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason
        })
        return never()
      },
    })
    buffer.add('a', 'A')
    await clock.advance(500)
    expect(reason).toMatchObject({ code: 'ERR_TIMEOUT', timeout: 500 })
    expect(buffer.stats()).toMatchObject({ failed: 1, saving: 0, size: 1 })
  })

  test('and goes well in the end, has saved the item', async () => {
    const gates: (() => void)[] = []
    const { buffer, clock } = setUp({
      saveTimeout: 500,
      save: () => new Promise<void>((resolve) => gates.push(resolve)),
    })
    buffer.add('a', 'A')
    await clock.advance(500)
    gates[0]?.()
    await turn()
    expect([buffer.size, buffer.stats().saved]).toEqual([0, 1])
    await clock.advance(100)
    expect(gates).toHaveLength(1)
  })
})

describe('one item too many', () => {
  test('makes the oldest go, and that is announced', async () => {
    const { store, buffer, dropped } = setUp({ max: 2 })
    const events: LifecycleEvent[] = []
    buffer.subscribe((event) => event.type === 'item.dropped' && events.push(event))
    store.isAway = true
    for (const key of ['a', 'b', 'c']) buffer.add(key, key)
    expect([dropped, [...buffer.keys()]]).toEqual([['a=a evict'], ['b', 'c']])
    expect(events).toMatchObject([{ item: 'a', reason: 'evict' }])
    expect(buffer.stats().dropped).toEqual({ evict: 1, refused: 0, close: 0 })
  })

  test('spares the one that is being saved, where there is another', async () => {
    const { buffer, dropped } = setUp({ max: 2, save: never })
    buffer.add('a', 'a')
    await turn()
    for (const key of ['b', 'c']) buffer.add(key, key)
    expect([dropped, [...buffer.keys()]]).toEqual([['b=b evict'], ['a', 'c']])
    const alone = setUp({ max: 1, save: never })
    alone.buffer.add('a', 'a')
    await turn()
    alone.buffer.add('b', 'b')
    expect([alone.dropped, [...alone.buffer.keys()]]).toEqual([['a=a evict'], ['b']])
  })

  test('is found as quickly among many', () => {
    const { buffer } = setUp({ max: 20_000, save: never })
    for (let n = 0; n < 60_000; n += 1) buffer.add(`${n}`, '')
    expect([buffer.size, buffer.stats().dropped.evict]).toEqual([20_000, 40_000])
  })
})

describe('closing', () => {
  test('tries each once more, and says what became of them', async () => {
    const { store, buffer, dropped, clock } = setUp()
    store.isAway = true
    for (const key of ['a', 'b', 'bad']) buffer.add(key, key)
    await turn()
    store.isAway = false
    store.refused.add('bad')
    const closing = buffer.close()
    expect(() => buffer.add('d', 'D')).toThrow(expect.objectContaining({ name: 'ReferenceError', code: 'ERR_CLOSED' }))
    expect(() => buffer.retry()).toThrow('closed')
    expect(await closing).toEqual({ saved: 2, spilled: 0, lost: 1 })
    expect(store.tries).toEqual(['a', 'a', 'b', 'bad'])
    expect([dropped, clock.pending, buffer.size]).toEqual([['bad=bad close'], 0, 0])
    expect(buffer.stats().end).toEqual({ saved: 2, spilled: 0, lost: 1 })
  })

  test('lets what is under way finish', async () => {
    const gate = Promise.withResolvers<void>()
    const { buffer } = setUp({ save: () => gate.promise })
    buffer.add('a', 'A')
    await turn()
    const closing = buffer.close()
    gate.resolve()
    expect(await closing).toEqual({ saved: 1, spilled: 0, lost: 0 })
  })

  test('ends in time whatever a save does; a later call shortens it', async () => {
    const reasons: unknown[] = []
    const { buffer, clock, dropped } = setUp({
      saveTimeout: 60_000,
      save: (_item, { signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.aborted))
        return never()
      },
    })
    for (const key of ['a', 'b']) buffer.add(key, key)
    const closing = buffer.close()
    expect(buffer.close({ timeout: 1_000 })).toBe(closing)
    await clock.advance(1_000)
    expect(await closing).toEqual({ saved: 0, spilled: 0, lost: 2 })
    expect([reasons, dropped, clock.pending]).toEqual([[true], ['a=a close', 'b=b close'], 0])
    expect(buffer.stats().failed).toBe(0)
  })

  test('with a timeout of 0 tries nothing', async () => {
    const { store, buffer } = setUp()
    buffer.add('a', 'A')
    expect(await buffer.close({ timeout: 0 })).toEqual({ saved: 0, spilled: 0, lost: 1 })
    expect(store.tries).toEqual([])
  })

  test('of an empty one leaves nothing', async () => {
    const { buffer, clock } = setUp()
    expect(await buffer.close()).toEqual({ saved: 0, spilled: 0, lost: 0 })
    expect(clock.pending).toBe(0)
  })

  test('with its lifecycle, whose report says what became of the items', async () => {
    const { store, buffer } = setUp()
    store.refused.add('bad')
    const life = new Lifecycle('life')
    life.use(buffer, { name: 'results' })
    for (const key of ['a', 'bad']) buffer.add(key, key)
    expect(life.snapshot().resources[0]).toMatchObject({
      kind: 'retry-buffer',
      description: '2 of 1000, 0 being saved',
    })
    const { rows } = await life.close()
    expect(rows).toMatchObject([{ path: '/life/results', outcome: 'failed', note: '1 saved, 0 on disk, 1 lost' }])
  })
})

test('its timer keeps the process alive as long as items wait, and no longer', async () => {
  const { store, buffer, clock } = setUp()
  store.isAway = true
  buffer.add('a', 'A')
  await turn()
  expect(clock.pending).toBe(1)
  buffer.delete('a')
  await clock.advance(100)
  expect(clock.pending).toBe(0)
})

test.each<[string, unknown]>([
  ['TypeError', {}],
  ['TypeError', { save: 1 }],
  ['RangeError', { save: never, max: 0 }],
  ['RangeError', { save: never, concurrency: 0 }],
  ['RangeError', { save: never, saveTimeout: 0 }],
  ['RangeError', { save: never, backoff: { first: 10, max: 1 } }],
  ['TypeError', { save: never, spil: 'a' }],
  ['RangeError', { save: never, spill: '' }],
  ['TypeError', { save: never, spill: {} }],
  ['RangeError', { save: never, spill: { path: 'a', every: -1 } }],
  ['TypeError', { save: never, spill: { path: 'a', encode: 1 } }],
  ['RangeError', { save: never, spill: { path: 'a', mode: -1 } }],
])('refuses with a %s: %o', (name, options) => {
  expect(() => new RetryBuffer(options as never)).toThrow(expect.objectContaining({ name }))
})

test('refuses a key that is no string', () => {
  expect(() => setUp().buffer.add(1 as never, 'A')).toThrow(TypeError)
})
