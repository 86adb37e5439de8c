import { once } from 'node:events'
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTls } from 'node:tls'
import { Lifecycle } from 'endswell'
import { type Kept, keepConnected } from 'endswell/connection'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocketServer, WebSocket as WsSocket } from 'ws'
import { collect } from '../fixtures/collect.ts'
import { listeners } from '../fixtures/listeners.ts'
import { cert, key } from '../fixtures/tls.ts'
import { until } from '../fixtures/until.ts'

/** How often a connection is lost; in the long form a hundred times as often as `ENDSWELL_ROUNDS` says. */
const rounds = Number(process.env['ENDSWELL_ROUNDS'] ?? 3) * 100

const backoff = { first: 0, max: 1 }

/** A lifecycle that is closed after the test, and has then left nothing open. */
function house(): Lifecycle {
  const life = new Lifecycle({ name: 'life', grace: 1_000 })
  onTestFinished(async () => {
    const { counts } = await life.close()
    expect(counts).toMatchObject({ failed: 0, abandoned: 0 })
  })
  return life
}

async function port(server: Pick<Server, 'address' | 'close'>): Promise<number> {
  onTestFinished(() => void server.close())
  if (server.address() === null) await once(server as Server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A server that knows its connections, and answers what it is told with the same. */
async function echoServer() {
  const open = new Set<Socket>()
  const counts = { connections: 0, pings: 0 }
  const server = createServer((socket) => {
    counts.connections += 1
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('data', (data) => {
      counts.pings += 1
      socket.write(data)
    })
  }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
  })
  return { open, counts, server, port: await port(server) }
}

/** What is counted before and after: nothing of it may grow by the connections that were lost. */
function counted(life: Lifecycle, kept: Pick<Kept<unknown>, 'current'>) {
  return {
    sockets: process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length,
    listeners: listeners(kept.current, ['open', 'close', 'error', 'message']),
    held: JSON.stringify(life.snapshot()).match(/"path":/g)?.length,
    abort: listeners(life.signal),
  }
}

/** Waits for a moment between two beats of the heart: while it beats, somebody listens for the answer. */
async function quiet(kept: Pick<Kept<unknown>, 'current'>): Promise<void> {
  await until('it is quiet', () => {
    const { data, pong } = listeners(kept.current)
    return kept.current !== undefined && data === undefined && pong === undefined
  })
}

describe(`a connection that is lost ${rounds} times`, () => {
  test('leaves one socket, one heartbeat, one set of listeners and of subscriptions', async () => {
    const { open, counts, port } = await echoServer()
    const life = house()
    const kept = keepConnected(life, {
      connect: () => connect(port, '127.0.0.1'),
      backoff,
      heartbeat: {
        interval: 20,
        timeout: 5_000,
        ping: async (socket, signal) => {
          socket.write('ping')
          await once(socket, 'data', { signal })
        },
      },
    })
    let begun = 0
    let ended = 0
    kept.subscribe('prices', (_, scope) => {
      begun += 1
      scope.defer(() => {
        ended += 1
      })
    })
    await kept.ready()
    await until('the heart beats', () => counts.pings > 0)
    await quiet(kept)
    const before = counted(life, kept)
    const past: WeakRef<Socket>[] = []
    for (let round = 0; round < rounds; round += 1) {
      const lost = await kept.ready()
      past.push(new WeakRef(lost))
      // By turns the other end, this end, and somebody who knows better end it.
      if (round % 3 === 0) for (const socket of open) socket.destroy()
      else if (round % 3 === 1) lost.destroy(new Error('ECONNRESET'))
      else kept.reconnect()
      await until('it is lost', () => kept.current !== lost)
    }
    await kept.ready()
    const { pings } = counts
    await until('the heart beats', () => counts.pings > pings)
    await until('one is open', () => open.size === 1)
    await quiet(kept)
    expect(counted(life, kept)).toEqual(before)
    expect([begun, ended]).toEqual([rounds + 1, rounds])
    const alive = () => past.filter((ref) => ref.deref() !== undefined).length
    // This function may hold the last that was lost.
    await collect(() => alive() <= 1)
    expect(alive()).toBeLessThanOrEqual(1)
    expect(counts.connections).toBe(rounds + 1)
    expect(kept.stats()).toMatchObject({ state: 'connected', connects: rounds + 1, missed: 0, failedStarts: 0 })
  })

  for (const [name, make] of [
    ['ws', (url: string) => new WsSocket(url)],
    ['Node', (url: string) => new WebSocket(url)],
  ] as const) {
    test(`leaves one of each, too, as a WebSocket of ${name}`, async () => {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
      onTestFinished(() => {
        for (const client of server.clients) client.terminate()
      })
      const wanted: string[] = []
      server.on('connection', (socket) => socket.on('message', (data) => wanted.push(String(data))))
      const url = `ws://127.0.0.1:${await port(server as never)}`
      const life = house()
      const heartbeat = name === 'ws' ? { heartbeat: { interval: 20 } } : {}
      const kept = keepConnected<WsSocket | WebSocket>(life, { connect: () => make(url), backoff, ...heartbeat })
      for (const topic of ['a', 'b']) kept.subscribe(topic, (socket) => socket.send(topic))
      await kept.ready()
      await until('all is subscribed', () => wanted.length === 2)
      await quiet(kept)
      const before = counted(life, kept)
      const times = rounds / 10
      for (let round = 1; round <= times; round += 1) {
        const lost = await kept.ready()
        // Only what is subscribed to is counted: a connection that is cut at once may not come to that.
        await until('all is subscribed', () => wanted.length === 2 * round)
        if (round % 3 === 0) for (const client of server.clients) client.terminate()
        else if (round % 3 === 1) for (const client of server.clients) client.close(4_001, 'away')
        else kept.reconnect()
        await until('it is lost', () => kept.current !== lost)
      }
      await kept.ready()
      await until('all is subscribed', () => wanted.length === 2 * (times + 1) && server.clients.size === 1)
      await quiet(kept)
      expect(counted(life, kept)).toEqual(before)
      expect(wanted).toEqual(
        Array(times + 1)
          .fill(['a', 'b'])
          .flat(),
      )
    })
  }
})

describe('a connection', () => {
  test('is waited for until it is open: of net, tls, http2, and a WebSocket', async () => {
    const plain = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
    const safe = createTls({ key, cert }, (socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
    const http2 = createHttp2().listen(0, '127.0.0.1')
    const ports = [await port(plain), await port(safe), await port(http2)] as const
    const life = house()
    const net = keepConnected(life, { connect: () => connect(ports[0], '127.0.0.1') })
    const tls = keepConnected(life, {
      connect: () => connectTls({ port: ports[1], host: '127.0.0.1', rejectUnauthorized: false }),
    })
    const session = keepConnected(life, {
      connect: () => connectHttp2(`http://127.0.0.1:${ports[2]}`),
      close: 'close',
      force: 'destroy',
    })
    expect((await net.ready()).connecting).toBe(false)
    expect((await tls.ready()).getProtocol()).toMatch(/^TLS/)
    expect((await session.ready()).connecting).toBe(false)
    const old = session.current
    old?.destroy()
    await until('it is lost', () => session.current !== old)
    expect(await session.ready()).not.toBe(old)
    await life.close()
  })

  test('that nobody takes is tried again until somebody does', async () => {
    const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
    const free = await port(server)
    server.close()
    await once(server, 'close')
    const life = house()
    for (const connectIt of [
      () => connect(free, '127.0.0.1'),
      () => new WsSocket(`ws://127.0.0.1:${free}`),
      () => new WebSocket(`ws://127.0.0.1:${free}`),
    ]) {
      const kept = keepConnected<unknown>(life, { connect: connectIt, backoff: { first: 10, max: 10 } })
      await until('three have failed', () => kept.stats().attempts > 3)
      expect([kept.current, kept.stats().losses]).toEqual([undefined, 0])
      await kept.close()
    }
    const kept = keepConnected(life, { connect: () => connect(free, '127.0.0.1'), backoff: { first: 10, max: 10 } })
    await until('one has failed', () => kept.stats().attempts > 1)
    server.listen(free, '127.0.0.1')
    await kept.ready()
    await life.close()
  })

  test('that takes too long is given up, also where the other end says nothing', async () => {
    const taken = new Set<Socket>()
    const silent = createServer((socket) => {
      taken.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => taken.delete(socket))
      socket.resume()
    }).listen(0, '127.0.0.1')
    const url = `ws://127.0.0.1:${await port(silent)}`
    const life = house()
    const kept = keepConnected(life, { connect: () => new WsSocket(url), connectTimeout: 20, backoff })
    await until('five have failed', () => kept.stats().attempts > 5)
    await kept.close()
    await until('none is open', () => taken.size === 0)
  })

  test('that a deaf peer holds is cut by its heartbeat', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: false })
    const url = `ws://127.0.0.1:${await port(server as never)}`
    onTestFinished(() => {
      for (const client of server.clients) client.terminate()
    })
    // It reads nothing at all: no goodbye would come through, either.
    server.on('connection', (socket) => socket.pause())
    const life = house()
    const causes: unknown[] = []
    life.subscribe(
      ({ type, state, cause }) => type === 'connection.changed' && state === 'waiting' && causes.push(cause),
    )
    const started = performance.now()
    const kept = keepConnected(life, {
      connect: () => new WsSocket(url),
      heartbeat: { interval: 20, timeout: 50 },
      backoff,
    })
    await until('it was cut three times', () => kept.stats().missed >= 3)
    // Its grace is a second: to be cut takes no part of it.
    expect(performance.now() - started).toBeLessThan(2_500)
    expect(causes[0]).toMatchObject({ code: 'ERR_TIMEOUT', path: '/life/connection/1/heartbeat' })
    await kept.close({ timeout: 100 })
  })

  test('that is refused for good says why', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    const url = `ws://127.0.0.1:${await port(server as never)}`
    server.on('connection', (socket) => socket.close(4_003, 'no such user'))
    const life = house()
    for (const make of [() => new WsSocket(url), () => new WebSocket(url)]) {
      const kept = keepConnected<WsSocket | WebSocket>(life, {
        connect: make,
        giveUpWhen: (error) => (error as { cause?: { code?: number } }).cause?.code === 4_003,
      })
      await until('it has given up', () => kept.state === 'failed')
      const error = (await kept.ready().catch((reason) => reason)) as Error
      expect(error.cause).toMatchObject({
        code: 'ERR_ABORTED',
        message: 'The connection was closed with 4003: no such user.',
        cause: { code: 4_003, reason: 'no such user' },
      })
    }
  })
})
