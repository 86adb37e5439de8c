import { execFile } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { promisify } from 'node:util'
import { Lifecycle, type LifecycleEvent } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { failAfter, never } from './stubs.ts'

const types = [
  'resource.created',
  'resource.forcing',
  'resource.ended',
  'resource.left',
  'resource.forgotten',
  'resource.error',
  'resource.late',
  'lifecycle.closing',
  'lifecycle.closed',
] as const

const undos: (() => void)[] = []
afterEach(() => {
  for (const undo of undos.splice(0)) undo()
})

/** Does all that there is an event for. */
async function live(setUp: (life: Lifecycle) => void): Promise<void> {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, grace: 100 })
  setUp(life)
  life.use({}, { close: never, force: () => {}, name: 'forced' })
  life.defer(() => failAfter(clock, 5_000, new Error('late')), { name: 'late' })
  life.defer(() => {}, { name: 'forgotten' })
  life.forget('forgotten')
  await life
    .scope('inside')
    .task('fails', () => Promise.reject(new Error('no')))
    .catch(() => {})
  const closing = life.close({ reason: 'SIGTERM' })
  await clock.advance(10_000)
  await closing
}

const expected: Record<(typeof types)[number], Partial<LifecycleEvent>> = {
  'resource.created': { path: '/app/forced', kind: 'custom' },
  'resource.forcing': { path: '/app/forced', kind: 'custom' },
  'resource.ended': {
    path: '/app/late',
    kind: 'callback',
    outcome: 'abandoned',
    ms: 100,
    error: expect.objectContaining({ code: 'ERR_ABANDONED' }),
  },
  'resource.left': { path: '/app/inside/fails', kind: 'task' },
  'resource.forgotten': { path: '/app/forgotten', kind: 'callback' },
  'resource.error': { path: '/app/inside/fails', kind: 'task', error: expect.objectContaining({ message: 'no' }) },
  'resource.late': { path: '/app/late', kind: 'callback', error: expect.objectContaining({ message: 'late' }) },
  'lifecycle.closing': { path: '/app', kind: 'lifecycle', reason: 'SIGTERM' },
  'lifecycle.closed': { path: '/app', kind: 'lifecycle', reason: 'SIGTERM', ms: 200 },
}

describe.each(types)('%s', (type) => {
  test('is told to a listener', async () => {
    const events: LifecycleEvent[] = []
    await live((life) => void life.subscribe((event) => events.push(event)))
    const event = events.find((each) => each.type === type && each.path === expected[type].path)
    expect(event).toEqual({ type, ...expected[type] })
    expect(Object.isFrozen(event)).toBe(true)
  })

  test('goes out on its diagnostics_channel, without a listener', async () => {
    const events: LifecycleEvent[] = []
    const listen = (event: unknown): void => void events.push(event as LifecycleEvent)
    subscribe(`endswell:${type}`, listen)
    undos.push(() => unsubscribe(`endswell:${type}`, listen))
    await live(() => {})
    expect(events.find(({ path }) => path === expected[type].path)).toEqual({ type, ...expected[type] })
  })
})

test('a listener hears what happens inside too, from the inside out', () => {
  const life = new Lifecycle('app')
  const heard: string[] = []
  const scope = life.scope('one').scope('two')
  life.subscribe(({ path }) => heard.push(`app heard ${path}`))
  scope.subscribe(({ path }) => heard.push(`two heard ${path}`))
  scope.defer(() => {}, { name: 'deep' })
  life.defer(() => {}, { name: 'shallow' })
  expect(heard).toEqual(['two heard /app/one/two/deep', 'app heard /app/one/two/deep', 'app heard /app/shallow'])
})

test('subscribe returns its undo, which undoes one subscription, once', () => {
  const life = new Lifecycle('app')
  let heard = 0
  const listener = (): void => {
    heard += 1
  }
  const undo = life.subscribe(listener)
  life.subscribe(listener)
  undo()
  undo()
  life.defer(() => {})
  expect(heard).toBe(1)
})

test('a listener may unsubscribe, or subscribe another, while it is told', async () => {
  const life = new Lifecycle('app')
  const heard: string[] = []
  const undo = life.subscribe(({ type }) => {
    heard.push(`one: ${type}`)
    undo()
    life.subscribe((event) => heard.push(`two: ${event.type}`))
  })
  life.defer(() => {})
  life.defer(() => {})
  expect(heard.filter((line) => line.startsWith('one'))).toHaveLength(1)
  expect(heard.at(-1)).toBe('two: resource.created')
})

test('a listener that throws breaks no closing; the others are told, and it is an uncaught exception', async () => {
  const script = `
    import { Lifecycle } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)}
    const uncaught = []
    process.on('uncaughtException', (error) => uncaught.push(error.message))
    const life = new Lifecycle('app')
    let told = 0
    life.subscribe(({ type }) => { throw new Error(type) })
    life.subscribe(() => { told += 1 })
    life.defer(() => {})
    life.defer(() => Promise.reject(new Error('no')))
    const { counts } = await life.close()
    setImmediate(() => console.log(JSON.stringify({ counts, told, uncaught })))
  `
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['--no-warnings', '--input-type=module', '-e', script])
  expect(JSON.parse(stdout)).toEqual({
    counts: { closed: 1, forced: 0, failed: 1, abandoned: 0 },
    told: 6,
    uncaught: [
      'resource.created',
      'resource.created',
      'lifecycle.closing',
      'resource.ended',
      'resource.ended',
      'lifecycle.closed',
    ],
  })
})

test('a scope that was moved out is heard no more by its old parent', () => {
  const life = new Lifecycle('app')
  const heard: string[] = []
  const moved = life.scope('inside').move()
  life.subscribe(({ path }) => heard.push(path))
  moved.defer(() => {})
  expect(heard).toEqual([])
})

test('what throws after its scope has closed is still heard above, however deep it was', async () => {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, grace: 100 })
  const late: string[] = []
  life.subscribe(({ type, path }) => type === 'resource.late' && late.push(path))
  const scope = life.scope('one')
  const deepest = scope.scope('two')
  deepest.defer(() => failAfter(clock, 500, new Error('late')), { name: 'abandoned' })
  deepest.use({}, { close: () => failAfter(clock, 600, new Error('late')), force: () => {}, name: 'forced' })
  scope.defer(() => failAfter(clock, 700, new Error('late')), { name: 'released' })
  const released = scope.release('released')
  await clock.advance(100)
  expect(await released).toBe('abandoned')
  for (const each of [deepest, scope]) {
    const closing = each.close()
    await clock.advance(200)
    expect((await closing).complete).toBe(true)
  }
  await clock.advance(1_000)
  expect(late.toSorted()).toEqual(['/app/one/released', '/app/one/two/abandoned', '/app/one/two/forced'])
})
