import { once } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import { connect, type Server, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen } from '../../src/connection/listen.ts'
import { announceClose } from '../../src/connection/traffic.ts'
import type { Lifecycle } from '../../src/kinds.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { type App, apps, Routes } from '../connection/apps.ts'
import { type Client, portOf } from '../connection/client.ts'
import { end, force, own, visit } from '../connection/harness.ts'
import { until } from '../fixtures/until.ts'

/** Hours: nothing ends because Node has waited long enough. */
const LONG = 72_000

async function start({ create, tls }: App, options: Parameters<typeof own>[1] = {}) {
  const routes = new Routes()
  const server = (await create(routes)) as HttpServer
  server.keepAliveTimeout = LONG
  const life = own(server, options)
  const sockets: Socket[] = []
  server.on(tls ? 'secureConnection' : 'connection', (socket) => sockets.push(socket))
  await listen(server, { port: 0, host: '127.0.0.1' })
  onTestFinished(() => force(life))
  const client = (more = {}) => visit(server, { tls, ...more })
  /** Waits until the server has read that much of what living clients have sent. */
  const read = async (bytes: number) => {
    const sum = () => sockets.reduce((all, { bytesRead }) => all + bytesRead, 0)
    await until(`the server has read ${bytes} bytes`, () => sum() === bytes)
  }
  return { routes, server, life, client, read }
}

/** Starts closing, and waits until the server accepts no more. */
async function closing(life: Lifecycle, server: Server) {
  const row = end(life)
  await until('the server accepts no more', () => !server.listening)
  return { row, settled: settling(row) }
}

function settling(promise: Promise<unknown>): () => boolean {
  let settled = false
  promise.then(() => {
    settled = true
  })
  return () => settled
}

const turns = (count: number) =>
  new Promise<void>((resolve) => {
    const turn = (left: number) => (left === 0 ? resolve() : setImmediate(turn, left - 1))
    turn(count)
  })

describe.each(apps)('$name', (app) => {
  test('a server without connections closes', async () => {
    const { life, server } = await start(app)
    expect(await end(life)).toMatchObject({ outcome: 'closed', kind: 'server', note: 'drained 0, cut 0' })
    expect(server.listening).toBe(false)
  })

  test('before closing no reply says that it is the last', async () => {
    const { client } = await start(app)
    const first = await client()
    for (const path of ['/a', '/b']) {
      first.get(path)
      await first.hears(`hello from ${path}`)
    }
    expect(first.heads.map((head) => head.includes('connection: close'))).toEqual([false, false])
  })

  test('an idle connection ends at once', async () => {
    const clock = new FakeClock()
    const { life, client } = await start(app, { clock })
    const idle = await client()
    idle.get('/')
    await idle.hears('hello')
    expect(await end(life)).toMatchObject({ outcome: 'closed', note: 'drained 0, cut 0' })
    await idle.isClosed()
    expect(idle.error).toBeUndefined()
    expect(clock.pending).toBe(0)
  })

  test('a request under way is answered in full and with Connection: close, and then it is over', async () => {
    const { life, server, routes, client } = await start(app, { clock: new FakeClock() })
    const busy = await client()
    busy.get('/first')
    await busy.hears('hello from /first')
    const begun = once(routes, 'begun')
    busy.get('/slow')
    await begun
    const port = portOf(server)
    const { row, settled } = await closing(life, server)
    const late = connect(port, '127.0.0.1')
    expect((await once(late, 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' })
    await turns(10)
    expect([settled(), busy.ended]).toEqual([false, false])
    routes.release()
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    await busy.isClosed()
    expect(busy.text).toMatch(/\/slow is done(\r\n0\r\n\r\n)?$/)
    expect(busy.heads.map((head) => head.includes('connection: close'))).toEqual([false, true])
    expect(busy.error).toBeUndefined()
  })

  test('many are drained at once, and idle ones among them do not wait', async () => {
    const { life, server, routes, client } = await start(app, { clock: new FakeClock() })
    const clients: Client[] = []
    while (clients.length < 20) clients.push(await client())
    let begun = 0
    routes.on('begun', () => begun++)
    for (const [index, each] of clients.entries()) each.get(index % 2 === 0 ? '/slow' : '/')
    await until(
      'all have begun',
      () => begun === 10 && clients.every(({ text }, index) => index % 2 === 0 || text !== ''),
    )
    const { row } = await closing(life, server)
    await until('the idle ones are over', () => clients.filter(({ closed }) => closed).length === 10)
    routes.release()
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 10, cut 0' })
    expect(clients.every(({ text }, index) => text.includes(index % 2 === 0 ? 'done' : 'hello'))).toBe(true)
  })

  test('a reply that never ends is cut when the grace is over, and counted', async () => {
    const { life, client } = await start(app, { grace: 50 })
    const streaming = await client()
    streaming.get('/stream')
    await streaming.hears('begun')
    expect(await end(life)).toMatchObject({ outcome: 'forced', note: 'drained 0, cut 1' })
    await streaming.isClosed()
  })

  test('what was drained before the rest was cut is counted too', async () => {
    const clock = new FakeClock()
    const { life, server, routes, client } = await start(app, { clock })
    const [streaming, busy] = [await client(), await client()]
    streaming.get('/stream')
    const begun = once(routes, 'begun')
    busy.get('/slow')
    await Promise.all([begun, streaming.hears('begun')])
    const { row } = await closing(life, server)
    routes.release()
    await busy.isClosed()
    await force(life)
    expect(await row).toMatchObject({ outcome: 'forced', note: 'drained 1, cut 1' })
    expect(clock.pending).toBe(0)
  })

  test('a reply whose header has gone out takes its connection with it', async () => {
    const { life, server, routes, client } = await start(app, { clock: new FakeClock() })
    const streaming = await client()
    streaming.get('/stream')
    await streaming.hears('begun')
    const { row } = await closing(life, server)
    routes.streams[0]?.end('and ended')
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    await streaming.isClosed()
    expect(streaming.text).toMatch(/and ended\r\n0\r\n\r\n$/)
    expect(streaming.heads[0]).not.toContain('connection: close')
  })

  test('a large reply to a slow client comes whole, though the program has ended it', async () => {
    const { life, server, routes, client } = await start(app, { clock: new FakeClock() })
    const [slow, idle] = [await client(), await client()]
    idle.get('/')
    await idle.hears('hello')
    slow.socket.pause()
    const asked = once(server, 'request')
    slow.get('/large')
    const [, response] = await asked
    await until('the program has ended the reply', () => response.writableEnded)
    const { row, settled } = await closing(life, server)
    await idle.isClosed()
    expect([settled(), response.writableFinished]).toEqual([false, false])
    slow.socket.resume()
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    await slow.isClosed()
    expect(slow.text.split('\r\n\r\n')[1]).toHaveLength(routes.large.length)
  })

  test('a client that has left is neither drained nor cut', async () => {
    const { life, server, routes, client } = await start(app, { clock: new FakeClock() })
    const gone: unknown[] = []
    server.on('connection', (socket) => socket.on('close', () => gone.push(socket)))
    const [leaving, staying] = [await client(), await client()]
    for (const each of [leaving, staying]) {
      const begun = once(routes, 'begun')
      each.get('/slow')
      await begun
    }
    const { row } = await closing(life, server)
    leaving.socket.destroy()
    await until('the server has noticed', () => gone.length === 1)
    await force(life)
    expect(await row).toMatchObject({ outcome: 'forced', note: 'drained 0, cut 1' })
  })

  test('requests in line behind the reply under way are not answered, and the connection ends', async () => {
    const { life, server, routes, client } = await start(app, { clock: new FakeClock() })
    const eager = await client()
    eager.get('/1')
    await eager.hears('hello from /1')
    const begun = once(routes, 'begun')
    eager.get('/slow')
    await begun
    const { row } = await closing(life, server)
    eager.get('/3')
    await turns(10)
    routes.release()
    expect(await row).toMatchObject({ outcome: 'closed' })
    await eager.isClosed()
    expect(eager.heads).toHaveLength(2)
    expect(eager.text).not.toContain('hello from /3')
    expect(eager.heads[1]).toContain('connection: close')
  })

  test('nor behind one whose header has gone out', async () => {
    const { life, server, routes, client } = await start(app, { clock: new FakeClock() })
    const eager = await client()
    eager.get('/stream')
    eager.get('/2')
    await eager.hears('begun')
    const { row } = await closing(life, server)
    routes.streams[0]?.end('over')
    expect(await row).toMatchObject({ outcome: 'closed' })
    await eager.isClosed()
    expect(eager.heads).toHaveLength(1)
    expect(eager.text).toMatch(/over\r\n0\r\n\r\n$/)
  })

  test('a connection without a byte ends at once', async () => {
    const { life, client } = await start(app, { clock: new FakeClock() })
    const silent = await client()
    expect(await end(life)).toMatchObject({ outcome: 'closed', note: 'drained 0, cut 0' })
    await silent.isClosed()
  })

  test('half a header has a second to become whole', async () => {
    const clock = new FakeClock()
    const { life, server, client } = await start(app, { clock })
    const [half, whole, second] = [await client(), await client(), await client()]
    second.get('/')
    await second.hears('hello')
    for (const each of [half, whole, second]) each.send('GET /late HTTP/1.1\r\nHost: test\r\n')
    // What a client sends after these has been read after these.
    const marker = await client()
    marker.get('/')
    await marker.hears('hello')
    const { row, settled } = await closing(life, server)
    await marker.isClosed()
    await clock.advance(999)
    whole.send('\r\n')
    await whole.hears('hello from /late')
    await whole.isClosed()
    expect(whole.heads[0]).toContain('connection: close')
    expect([settled(), half.closed, second.closed]).toEqual([false, false, false])
    await clock.advance(1)
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    await Promise.all([half.isClosed(), second.isClosed()])
  })

  test('half a header has half of a grace that is short, so that it is not what forces', async () => {
    const clock = new FakeClock()
    const { life, server, client, read } = await start(app, { clock, grace: 100 })
    const half = await client()
    half.send('GET / HTTP')
    await read(10)
    const { row } = await closing(life, server)
    await turns(10)
    await clock.advance(49)
    expect(half.closed).toBe(false)
    await clock.advance(1)
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 0, cut 0' })
  })

  test('a request that had been sent when closing began is answered', async () => {
    const { life, client } = await start(app, { clock: new FakeClock() })
    const [fresh, idle] = [await client(), await client()]
    idle.get('/')
    await idle.hears('hello')
    // Written at once: the bytes lie in the server's sockets, which nobody has looked at yet.
    for (const each of [fresh, idle]) each.get('/in-time')
    expect(await end(life)).toMatchObject({ outcome: 'closed', note: 'drained 2, cut 0' })
    await Promise.all([fresh.isClosed(), idle.isClosed()])
    for (const each of [fresh, idle]) {
      expect(each.text).toContain('hello from /in-time')
      expect(each.heads.at(-1)).toContain('connection: close')
    }
  })

  test.each(['before', 'after'])('force cuts everything (%s closing began)', async (when) => {
    const clock = new FakeClock()
    const { life, server, client, routes } = await start(app, { clock })
    const [silent, half, busy, streaming, idle] = [
      await client(),
      await client(),
      await client(),
      await client(),
      await client(),
    ]
    half.send('GET / HTTP')
    const begun = once(routes, 'begun')
    busy.get('/slow')
    streaming.get('/stream')
    idle.get('/')
    await Promise.all([begun, streaming.hears('begun'), idle.hears('hello')])
    const row = when === 'before' ? end(life, { force: true }) : (await closing(life, server)).row
    if (when === 'after') await force(life)
    expect(await row).toMatchObject({ outcome: 'forced', note: 'drained 0, cut 2' })
    await Promise.all([silent, half, busy, streaming, idle].map((each) => each.isClosed()))
    expect(clock.pending).toBe(0)
  })

  test('announced, replies say that they are the last, and nothing else changes', async () => {
    const { life, server, client, routes } = await start(app, { clock: new FakeClock() })
    const [idle, busy] = [await client(), await client()]
    idle.get('/')
    await idle.hears('hello')
    const begun = once(routes, 'begun')
    busy.get('/slow')
    await begun
    announceClose(server)
    await turns(10)
    expect([server.listening, idle.closed, busy.closed]).toEqual([true, false, false])
    const late = await client()
    late.get('/late')
    await late.hears('hello from /late')
    routes.release()
    await busy.hears('done')
    idle.get('/2')
    await idle.hears('hello from /2')
    await Promise.all([late, busy, idle].map((each) => each.isClosed()))
    expect([late, busy, idle].map(({ heads }) => heads.at(-1)?.includes('connection: close'))).toEqual([
      true,
      true,
      true,
    ])
    expect(await end(life)).toMatchObject({ outcome: 'closed', note: 'drained 0, cut 0' })
  })
})
