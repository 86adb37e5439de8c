import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, test, vi } from 'vitest'
import { Lifecycle, type LifecycleEvent } from '../../src/index.ts'
import { type HealthOptions, healthHandler } from '../../src/observe/index.ts'
import { stages } from './stages.ts'

/** Asks the handler, and tells what it did to the response: the members that it called, in order. */
function ask(life: Lifecycle, { method = 'GET', url = '/readyz', response = {}, ...options }: Asked = {}) {
  const calls: [name: string, ...args: unknown[]][] = []
  const note =
    (name: string) =>
    (...args: unknown[]) =>
      void calls.push([name, ...args])
  const stub = { writeHead: note('writeHead'), end: note('end'), ...response }
  const next = vi.fn()
  const handle = healthHandler(life, options)
  const request = { method, url } as IncomingMessage
  return {
    calls,
    next,
    answered: handle(request, stub as unknown as ServerResponse, next),
    answeredAlone: handle(request, stub as unknown as ServerResponse),
    body: () => JSON.parse(String(calls.find(([name]) => name === 'end')?.[1])),
  }
}

interface Asked extends HealthOptions {
  method?: string
  url?: string
  response?: object
}

describe('what is no probe', () => {
  const others = ['/', '/other', '/livez/', '/livez/x', '//livez', '/LIVEZ', '/%6civez', 'livez', '', '/x?/livez']
  test.each(others)('goes on to next, or is left untouched: %s', (url) => {
    const { calls, next, answered, answeredAlone } = ask(new Lifecycle(), { url })
    expect({ calls, answered, answeredAlone }).toEqual({ calls: [], answered: false, answeredAlone: false })
    expect(next.mock.calls).toEqual([[]])
  })

  test('is so whatever its method', () => {
    const { calls, next } = ask(new Lifecycle(), { url: '/orders', method: 'POST' })
    expect([calls, next.mock.calls]).toEqual([[], [[]]])
  })
})

test.each(['/livez', '/readyz', '/startupz', '/livez?', '/readyz?full&x=/y', '/startupz??'])(
  'a probe is answered, whatever its query string: %s',
  (url) => {
    const { calls, next, answered, answeredAlone } = ask(new Lifecycle(), { url })
    const once = [
      ['writeHead', 200, expect.anything()],
      ['end', '{"status":"ready"}'],
    ]
    expect({ calls, answered, answeredAlone }).toEqual({
      calls: [...once, ...once],
      answered: true,
      answeredAlone: true,
    })
    expect(next).not.toHaveBeenCalled()
  },
)

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'get', ''])('the method %o is refused', (method) => {
  const { calls, answered } = ask(new Lifecycle(), { method })
  expect(answered).toBe(true)
  expect(calls[0]).toEqual(['writeHead', 405, expect.objectContaining({ allow: 'GET, HEAD' })])
})

test('the paths are those that were given, and no others', () => {
  const paths = { live: '/internal/alive', ready: '/' }
  const answers = (url: string) => ask(new Lifecycle(), { paths, url }).answered
  expect(['/internal/alive', '/', '/startupz', '/livez', '/readyz'].map(answers)).toEqual([
    ...[true, true, true],
    ...[false, false],
  ])
})

describe('nothing is sent a second time', () => {
  const taken = {
    headersSent: { headersSent: true },
    writableEnded: { writableEnded: true },
    gone: { destroyed: true },
  }
  test.each(Object.entries(taken))('to a response that is %s', async (_, response) => {
    for (const options of [{}, { checks: { db: async () => {} } }, { method: 'POST' }]) {
      const { calls, answered } = ask(new Lifecycle(), { response, ...options })
      await new Promise(setImmediate)
      expect({ calls, answered }).toEqual({ calls: [], answered: true })
    }
  })
})

describe('details', () => {
  const secret = () => {
    throw new Error('password of db is wrong')
  }

  test.each(stages)('are not shown unless they are wanted ($name)', async ({ set, status }) => {
    const life = new Lifecycle()
    await set(life)
    for (const url of ['/livez', '/readyz', '/startupz']) expect(ask(life, { url }).body()).toEqual({ status })
    await life.close({ force: true })
  })

  test('say what is pending, degraded and closing in the whole, by path', async () => {
    const life = new Lifecycle('app')
    for (const name of ['waiting for a step', 'degraded']) stages.find((stage) => stage.name === name)?.set(life)
    const none = { pending: [], degraded: {}, closing: [], checks: {} }
    const begun = { ...none, pending: ['/app/db'], degraded: { '/app/mail': 'no mails are sent' } }
    expect(ask(life, { details: 'always' }).body()).toEqual({ status: 'starting', ...begun })

    const other = life.scope('other')
    other.defer(() => {})
    life.scope('inner').use({}, { name: 'queue', close: () => new Promise(() => {}), force: () => {} })
    void life.close()
    const names = { ...begun, closing: ['/app/inner/queue'] }
    for (const asked of [life, other])
      expect(ask(asked, { details: 'always' }).body()).toEqual({ status: 'closing', ...names })
    await life.close({ force: true })
    expect(ask(life, { details: 'always' }).body()).toMatchObject({ status: 'closed', closing: [] })
  })

  test('name a hundred at most that are closing', async () => {
    const life = new Lifecycle({ name: 'app', order: 'parallel' })
    for (let count = 0; count < 150; count++) life.use({}, { close: () => new Promise(() => {}), force: () => {} })
    void life.close()
    expect(ask(life, { details: 'always' }).body().closing).toHaveLength(100)
    await life.close({ force: true })
  })

  test('say how each check went, and why: the message, never the stack', async () => {
    const { body } = ask(new Lifecycle(), { details: 'always', checks: { db: secret, disk: () => {} } })
    await new Promise(setImmediate)
    expect(body()).toMatchObject({
      status: 'failing',
      checks: { db: { status: 'failing', error: 'password of db is wrong' }, disk: { status: 'ok' } },
    })
    expect(JSON.stringify(body())).not.toContain('.ts')
  })

  test('are kept back when a check fails, too', async () => {
    const { body } = ask(new Lifecycle(), { checks: { db: secret } })
    await new Promise(setImmediate)
    expect(body()).toEqual({ status: 'failing' })
  })

  test.each<[string, HealthOptions['details'], boolean]>([
    ['says yes', ({ url }) => url === '/readyz?token=1', true],
    ['says no', ({ url }) => url === '/readyz', false],
    ['says something else', (() => 'yes') as never, false],
    ['says yes later', (async () => true) as never, false],
  ])('are shown as a function of the request %s', (_, details = 'never', shown) => {
    const { body } = ask(new Lifecycle(), { url: '/readyz?token=1', details })
    expect('pending' in body()).toBe(shown)
  })

  test('are shown to nobody if that function throws, which is published and fails no probe', () => {
    const life = new Lifecycle('app')
    const events: LifecycleEvent[] = []
    life.subscribe((event) => events.push(event))
    const error = new Error('no such user')
    const details = () => {
      throw error
    }
    expect(ask(life, { details }).calls[1]).toEqual(['end', '{"status":"ready"}'])
    expect(events[0]).toEqual({ type: 'resource.error', path: '/app/health', kind: 'health', error })
  })
})

describe('checks', () => {
  test('of a request run at the same time', async () => {
    const begun: string[] = []
    const check = (name: string) => () => void begun.push(name)
    ask(new Lifecycle(), { checks: { a: check('a'), b: check('b'), c: check('c') } })
    await Promise.resolve()
    expect(begun).toEqual(expect.arrayContaining(['a', 'b', 'c']))
  })

  test.each([
    ['/livez', ['alive']],
    ['/readyz', ['db']],
    ['/startupz', []],
  ])('of %s are %j', async (url, names) => {
    const asked: string[] = []
    const check = (name: string) => () => void asked.push(name)
    ask(new Lifecycle(), { url, checks: { db: check('db'), alive: { check: check('alive'), on: 'live' } } })
    await new Promise(setImmediate)
    expect([...new Set(asked)]).toEqual(names)
  })

  test('are not run once the lifecycle closes', async () => {
    const life = new Lifecycle()
    await life.close()
    const check = vi.fn(() => false)
    const live = ask(life, { url: '/livez', checks: { alive: { check, on: 'live' }, db: check } })
    expect(live.calls[0]).toEqual(['writeHead', 200, expect.anything()])
    expect(ask(life, { checks: { db: check } }).calls[0]).toEqual(['writeHead', 503, expect.anything()])
    expect(check).not.toHaveBeenCalled()
  })
})
