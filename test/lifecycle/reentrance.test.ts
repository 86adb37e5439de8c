import { defineKind, Lifecycle, type LifecycleEvent } from 'endswell'
import { describe, expect, test } from 'vitest'

const nothing = async (): Promise<void> => {}

/** A lifecycle with two clients, and how often each was ended. */
function household(order: 'reverse' | 'parallel') {
  const life = new Lifecycle({ order })
  const ended: string[] = []
  const client = (name: string) => ({ end: async () => void ended.push(name) })
  life.use(client('sibling'), { name: 'sibling', close: 'end' })
  life.use(client('db'), { name: 'db', close: 'end' })
  return { life, ended }
}

describe.each(['reverse', 'parallel'] as const)('in %s order', (order) => {
  test.each<LifecycleEvent['type']>(['resource.ended', 'resource.forcing', 'lifecycle.closing', 'lifecycle.closed'])(
    'a listener that closes when it hears of %s ends nothing twice, and loses nothing',
    async (type) => {
      const { life, ended } = household(order)
      life.subscribe((event) => {
        if (event.type === type) void life.close()
      })
      await life.release('db')
      const { counts } = await life.close()
      expect(ended.toSorted()).toEqual(['db', 'sibling'])
      expect(counts.failed + counts.abandoned).toBe(0)
      expect(life.snapshot().size).toBe(0)
    },
  )

  test.each(['release', 'forget'] as const)('a listener may %s what it hears is forgotten', async (verb) => {
    const { life, ended } = household(order)
    const heard: string[] = []
    life.subscribe(({ type }) => {
      heard.push(type)
      if (type === 'resource.forgotten' && verb === 'forget') expect(() => life.forget('db')).toThrow('holds nothing')
      if (type === 'resource.forgotten' && verb === 'release') expect(() => life.release('db')).toThrow('holds nothing')
    })
    expect(life.forget('db')).toBe(true)
    await life.close()
    expect(heard.filter((type) => type === 'resource.forgotten')).toHaveLength(1)
    expect(ended).toEqual(['sibling'])
  })
})

test('a scope that closes by itself may close its parent from within a disposer', async () => {
  const life = new Lifecycle({ grace: 60_000 })
  const scope = life.scope('request')
  let interim: boolean | undefined
  scope.defer(async () => {
    interim = (await life.close()).complete
  })
  await scope.close()
  expect(interim).toBe(false)
  expect((await life.close()).counts).toMatchObject({ abandoned: 0 })
})

test('what forcing breaks off is forced, not failed', async () => {
  const life = new Lifecycle()
  const quit = Promise.withResolvers<void>()
  const client = { quit: () => quit.promise, disconnect: () => quit.reject(new Error('Connection is closed.')) }
  life.use(client, { name: 'cache', close: 'quit', force: 'disconnect', grace: 1 })
  expect((await life.close()).counts).toEqual({ closed: 0, forced: 1, failed: 0, abandoned: 0 })
})

describe('a kind that does not behave', () => {
  const thing = (more: object): ReturnType<typeof defineKind> =>
    defineKind({ name: 'thing', matches: () => true, close: nothing, ...more })

  test('whose onGone leaves and throws loses no sibling', async () => {
    const life = new Lifecycle()
    const ended: string[] = []
    life.defer(() => void ended.push('sibling'))
    const onGone = (_value: unknown, leave: () => void): never => {
      leave()
      throw new Error('no')
    }
    expect(() => life.use({}, { kind: thing({ onGone }) })).toThrow('no')
    await life.close()
    expect(ended).toEqual(['sibling'])
  })

  test('whose onGone returns no undo is refused', () => {
    const life = new Lifecycle()
    expect(() => life.use({}, { kind: thing({ onGone: () => 'undo' }) })).toThrow("onGone of the kind 'thing'")
    expect(life.snapshot().size).toBe(0)
  })

  test('whose undo throws is closed all the same, and that is told', async () => {
    const life = new Lifecycle()
    const heard: unknown[] = []
    life.subscribe(({ type, error }) => type === 'resource.error' && heard.push(error))
    const error = new Error('no')
    const onGone = () => () => {
      throw error
    }
    life.use({}, { kind: thing({ onGone }) })
    expect((await life.close()).counts.closed).toBe(1)
    expect(heard).toEqual([error])
  })

  test('whose isGone throws keeps its resources, and nobody else hears of it', () => {
    const life = new Lifecycle()
    const isGone = (): never => {
      throw new Error('no')
    }
    for (let each = 0; each < 200; each += 1) life.use({}, { kind: thing({ isGone }) })
    expect(life.snapshot().size).toBe(200)
  })

  test('whose describe throws does not hide the others', () => {
    const life = new Lifecycle()
    const describe = (): never => {
      throw new Error('no')
    }
    life.use({}, { kind: thing({ describe }) })
    expect(life.snapshot().resources[0]?.description).toContain('cannot be described')
  })

  test.each([
    ['grace', Number.POSITIVE_INFINITY],
    ['grace', Number.NaN],
    ['name', ''],
    ['force', 7],
  ])('with %s %s is refused, defined or not', (part, value) => {
    const kind = { name: 'thing', matches: () => true, close: nothing, [part]: value }
    expect(() => new Lifecycle().use({}, { kind })).toThrow(`options.kind.${part}`)
    expect(() => new Lifecycle({ kinds: [kind] })).toThrow(`kinds[0].${part}`)
  })
})

test('a value that does not bear to be looked at is closed like any other', async () => {
  const life = new Lifecycle()
  const { proxy, revoke } = Proxy.revocable({}, {})
  life.adopt(proxy, nothing, { name: 'proxy' })
  revoke()
  expect(life.snapshot().size).toBe(1)
  const released = life.release('proxy')
  expect((await life.close()).complete).toBe(true)
  expect(await released).toBe('closed')
})

test('a task may throw what does not bear to be looked at', async () => {
  const life = new Lifecycle()
  const hostile = {
    get name(): string {
      throw new Error('name getter')
    },
  }
  const work = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(hostile)))
  const task = life.task('work', work)
  expect((await life.close()).counts).toMatchObject({ failed: 1 })
  expect(await task.catch((error: unknown) => error)).toBe(hostile)
})

test('what is acquired after it was forgotten is handed over, and not ended', async () => {
  const life = new Lifecycle()
  const opened = Promise.withResolvers<string>()
  const ended: string[] = []
  const acquired = life.acquire(
    'db',
    () => opened.promise,
    (db) => void ended.push(db),
  )
  life.forget('db')
  opened.resolve('db')
  expect(await acquired).toBe('db')
  await life.close()
  expect(ended).toEqual([])
})
