import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import {
  Agent,
  createServer as createHttp,
  get,
  type Server as HttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { connect as connectHttp2, createServer as createHttp2, type ServerHttp2Session } from 'node:http2'
import { createServer as createHttps } from 'node:https'
import { createServer as createNet, type Server, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen } from '../../src/connection/listen.ts'
import { server as kind } from '../../src/connection/server.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { Client, portOf } from '../connection/client.ts'
import { end, force, own } from '../connection/harness.ts'
import { TestContext } from '../fixtures/context.ts'
import { listeners } from '../fixtures/listeners.ts'
import { cert, key } from '../fixtures/tls.ts'
import { until } from '../fixtures/until.ts'

const local = { port: 0, host: '127.0.0.1' }

/** Answers at once, but for `/slow`, which the test answers. */
function slowServer(create = createHttp) {
  const pending: ServerResponse[] = []
  const answer: RequestListener = ({ url }, response) => {
    if (url === '/slow') pending.push(response)
    else response.end('hello')
  }
  const server = create(answer)
  server.keepAliveTimeout = 72_000
  onTestFinished(() => void server.close().closeAllConnections())
  return { server, pending }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function connected(server: Server, options = {}) {
  const client = await Client.connect(server, options)
  onTestFinished(() => void client.socket.destroy())
  return client
}

describe('a client of Node that keeps its connections', () => {
  const agent = () => {
    const made = new Agent({ keepAlive: true })
    onTestFinished(() => made.destroy())
    return made
  }

  async function ask(
    server: Server,
    path: string,
    by: Agent,
  ): Promise<{ text: string; connection: string | undefined }> {
    const [response] = (await once(get({ port: portOf(server), host: '127.0.0.1', path, agent: by }), 'response')) as [
      IncomingMessage,
    ]
    const chunks = await response.setEncoding('utf8').toArray()
    return { text: chunks.join(''), connection: response.headers.connection }
  }

  test('gets its reply, learns that it was the last, and closing is over', async () => {
    const { server, pending } = slowServer()
    const life = own(server, { clock: new FakeClock() })
    await listen(server, local)
    const by = agent()
    expect(await ask(server, '/', by)).toEqual({ text: 'hello', connection: 'keep-alive' })
    const asking = ask(server, '/slow', by)
    await until('it is asked', () => pending.length === 1)
    const row = end(life)
    pending[0]?.end('at last')
    expect(await asking).toEqual({ text: 'at last', connection: 'close' })
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
  })

  test.each([
    ['a reply outlives its grace', 499, 'forced'],
    ['a reply comes within its grace', 250, 'closed'],
  ])('%s', async (_, moment, outcome) => {
    const { server, pending } = slowServer()
    const clock = new FakeClock()
    const life = own(server, { clock, grace: 500 })
    await listen(server, local)
    const asking = ask(server, '/slow', agent()).catch(({ code }) => code)
    await until('it is asked', () => pending.length === 1)
    const row = end(life)
    await clock.advance(moment)
    expect([life.state, pending[0]?.destroyed]).toEqual(['closing', false])
    if (outcome === 'closed') pending[0]?.end('in time')
    else await clock.advance(1)
    expect(await row).toMatchObject({ outcome, ms: outcome === 'closed' ? 250 : 500 })
    expect(await asking).toEqual(outcome === 'closed' ? { text: 'in time', connection: 'close' } : 'ECONNRESET')
    expect(clock.pending).toBe(0)
  })
})

describe('what the program does itself stays as it was', () => {
  test.each(['watched', 'not watched'])('the events of expectations (%s)', async (mode) => {
    const { server } = slowServer()
    if (mode === 'watched') own(server)
    await listen(server, local)
    const ask = async (expect: string) => {
      const client = await connected(server)
      client.get('/', 'Connection: close', `Expect: ${expect}`)
      await client.isClosed()
      return client.heads.map((head) => head.slice(9, 12))
    }
    expect([await ask('100-continue'), await ask('miracles')]).toEqual([['100', '200'], ['417']])
    server.on('checkContinue', (_, response: ServerResponse) => void response.writeHead(413).end())
    server.on('checkExpectation', (_, response: ServerResponse) => void response.writeHead(201).end())
    expect([await ask('100-continue'), await ask('miracles')]).toEqual([['413'], ['201']])
  })

  test('requests that come by another event than `request` are drained too', async () => {
    const { server, pending } = slowServer()
    const life = own(server, { clock: new FakeClock() })
    server.on('checkContinue', (_, response: ServerResponse) => void pending.push(response))
    await listen(server, local)
    const client = await connected(server)
    client.get('/', 'Expect: 100-continue')
    await until('it is asked', () => pending.length === 1)
    const row = end(life)
    await until('the server accepts no more', () => !server.listening)
    pending[0]?.end('done')
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    expect(client.heads[0]).toContain('connection: close')
  })

  test('a framework may move the listeners of `request` about', async () => {
    const { server, pending } = slowServer()
    const life = own(server, { clock: new FakeClock() })
    const before = server.listeners('request') as RequestListener[]
    server.removeAllListeners('request')
    server.on('request', (request, response) => {
      for (const listener of before) listener.call(server, request, response)
    })
    await listen(server, local)
    const client = await connected(server)
    client.get('/slow')
    await until('it is asked', () => pending.length === 1)
    const row = end(life)
    await until('the server accepts no more', () => !server.listening)
    pending[0]?.end('done')
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
  })

  test('a reply that was to keep its connection says that it is the last after all', async () => {
    const { server, pending } = slowServer()
    const life = own(server, { clock: new FakeClock() })
    await listen(server, local)
    const client = await connected(server)
    client.get('/slow')
    await until('it is asked', () => pending.length === 1)
    pending[0]?.setHeader('Connection', 'keep-alive')
    const row = end(life)
    await until('the server accepts no more', () => !server.listening)
    pending[0]?.end('done')
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    expect(client.heads[0]).toContain('connection: close')
  })

  test('a reply that says so later ends its connection all the same', async () => {
    const { server, pending } = slowServer()
    const life = own(server, { clock: new FakeClock() })
    await listen(server, local)
    const client = await connected(server)
    client.get('/slow')
    await until('it is asked', () => pending.length === 1)
    const row = end(life)
    await until('the server accepts no more', () => !server.listening)
    pending[0]?.writeHead(200, { Connection: 'keep-alive' }).end('done')
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    await client.isClosed()
    expect(client.text).toMatch(/done/)
  })
})

describe('a server that is used late', () => {
  test('replies begun before are sent whole, and take their connection with them', async () => {
    const { server, pending } = slowServer()
    await listen(server, local)
    const [busy, idle] = [await connected(server), await connected(server)]
    idle.get('/')
    busy.get('/slow')
    await until('they are asked', () => pending.length === 1 && idle.text !== '')
    const life = own(server, { clock: new FakeClock() })
    const row = end(life)
    await idle.isClosed()
    pending[0]?.end('done')
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 0, cut 0' })
    await busy.isClosed()
    expect(busy.text).toContain('done')
  })

  test('force ends what nobody has seen', async () => {
    const { server, pending } = slowServer()
    await listen(server, local)
    const [busy, silent] = [await connected(server), await connected(server)]
    busy.get('/slow')
    await until('it is asked', () => pending.length === 1)
    expect(await end(own(server), { force: true })).toMatchObject({ outcome: 'forced' })
    await Promise.all([busy.isClosed(), silent.isClosed()])
  })

  test('a kind that nobody has told of the server before ends it too', async () => {
    const { server } = slowServer()
    await listen(server, local)
    const client = await connected(server)
    client.get('/')
    await client.hears('hello')
    const context = new TestContext()
    await kind.close(server, context)
    expect([server.listening, context.notes]).toEqual([false, ['drained 0, cut 0']])
    await client.isClosed()
  })

  test('connections that were handed in are drained, though Node does not count them', async () => {
    const { server, pending } = slowServer()
    const life = own(server, { clock: new FakeClock() })
    const outside = await listen(
      createNet((socket) => server.emit('connection', socket)),
      local,
    )
    onTestFinished(() => void outside.close())
    const [busy, idle] = [await connected(outside), await connected(outside)]
    busy.get('/slow')
    idle.get('/')
    await until('they are asked', () => pending.length === 1 && idle.text !== '')
    const row = end(life)
    await idle.isClosed()
    expect(life.state).toBe('closing')
    pending[0]?.end('done')
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    await busy.isClosed()
  })
})

describe('used twice', () => {
  test('it is ended once, and the other entry leaves by itself', async () => {
    const { server } = slowServer()
    const life = own(server)
    life.use(server)
    await listen(server, local)
    expect((await life.close()).rows).toMatchObject([{ kind: 'server', outcome: 'closed' }])
    expect(server.listening).toBe(false)
  })
})

describe('ended twice at once', () => {
  test.each(['close', 'force'])('by %s, it is ended once and counted once', async (how) => {
    const { server, pending } = slowServer()
    const clock = new FakeClock()
    const lives = [own(server, { clock }), own(server, { clock })]
    await listen(server, local)
    const client = await connected(server)
    client.get('/slow')
    await until('it is asked', () => pending.length === 1)
    const rows = lives.map((life) => end(life, { force: how === 'force' }))
    await until('the server accepts no more', () => !server.listening)
    if (how === 'close') pending[0]?.end('done')
    const expected = how === 'close' ? ['closed', 'drained 1, cut 0'] : ['forced', 'drained 0, cut 1']
    expect((await Promise.all(rows)).map(({ outcome, note }) => [outcome, note])).toEqual([expected, expected])
    expect(clock.pending).toBe(0)
  })
})

describe('forgotten', () => {
  const requests = channel('http.server.request.start')

  test.each([
    ['http', false, () => slowServer()],
    ['https', true, () => slowServer(((listener: RequestListener) => createHttps({ cert, key }, listener)) as never)],
  ])('%s: nothing of ours stays on it, its connections and its replies', async (_, tls, create) => {
    const { server, pending } = create()
    server.on('upgrade', (_, stream) => void stream.write('HTTP/1.1 101 Yes\r\n\r\n'))
    const sockets: Socket[] = []
    for (const event of ['connection', 'secureConnection']) server.on(event, (socket: Socket) => sockets.push(socket))
    const all = () => [server, ...sockets, ...pending].map((each) => listeners(each))
    const scene = async () => {
      const [busy, idle, upgraded] = [
        await connected(server, { tls }),
        await connected(server, { tls }),
        await connected(server, { tls }),
      ]
      // Of it the server sees but the connection, and no handshake over TLS.
      await connected(server)
      busy.get('/slow')
      idle.get('/')
      upgraded.get('/', 'Connection: Upgrade', 'Upgrade: x')
      await Promise.all([idle.hears('hello'), upgraded.hears('101')])
      await until('it is asked', () => pending.length > 0)
    }
    await listen(server, local)
    await scene()
    const without = all()
    sockets.length = 0
    pending.length = 0
    const life = own(server)
    await scene()
    expect(all()).not.toEqual(without)
    expect(requests.hasSubscribers).toBe(true)
    life.forget(server)
    expect(all()).toEqual(without)
    expect(requests.hasSubscribers).toBe(false)
  })

  test('http2: nothing of ours stays on it, its sessions and its streams', async () => {
    const server = createHttp2()
    const seen: (ServerHttp2Session | ServerHttp2Session['socket'] | NodeJS.EventEmitter)[] = []
    server.on('session', (session) => seen.push(session))
    server.on('stream', (stream) => seen.push(stream))
    const all = () => [server, ...seen].map((each) => listeners(each))
    const scene = async () => {
      const session = connectHttp2(`http://127.0.0.1:${portOf(server)}`)
      onTestFinished(() => session.destroy())
      const stream = session.request().on('error', () => {})
      await until('it is asked', () => seen.length === 2)
      return stream
    }
    await listen(server, local)
    onTestFinished(() => void server.close())
    await scene()
    const without = all()
    seen.length = 0
    const life = own(server)
    await scene()
    expect(all()).not.toEqual(without)
    life.forget(server)
    expect(all()).toEqual(without)
  })

  test('with its lifecycle, nothing holds a server that never listened', async () => {
    const forgotten = () => {
      const server = createHttp()
      own(server)
      return new WeakRef(server)
    }
    const server = forgotten()
    await until('it is collected', () => {
      collect()
      return server.deref() === undefined
    })
  })

  test('by one of two, it is watched on', async () => {
    const { server, pending } = slowServer()
    const [first, second] = [own(server), own(server, { clock: new FakeClock() })]
    await listen(server, local)
    first.forget(server)
    const client = await connected(server)
    client.get('/slow')
    await until('it is asked', () => pending.length === 1)
    const row = end(second)
    await until('the server accepts no more', () => !server.listening)
    pending[0]?.end('done')
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    expect(client.heads[0]).toContain('connection: close')
  })

  test('once it has closed, nothing of ours stays', async () => {
    const { server }: { server: HttpServer } = slowServer()
    const before = listeners(server)
    const life = own(server)
    await listen(server, local)
    await end(life)
    expect(listeners(server)).toEqual(before)
    expect(requests.hasSubscribers).toBe(false)
    await force(life)
  })
})
