import { once } from 'node:events'
import { createServer as createHttp, type Server as HttpServer, type IncomingMessage } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Duplex } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { listen } from '../../src/connection/listen.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { portOf } from '../connection/client.ts'
import { end, force, own, visit } from '../connection/harness.ts'
import { cert, key } from '../fixtures/tls.ts'
import { until } from '../fixtures/until.ts'

const servers = [
  { name: 'http', tls: false, create: (): HttpServer => createHttp() },
  { name: 'https', tls: true, create: (): HttpServer => createHttps({ cert, key }) },
]

const GOING_AWAY = '\x88\x02\x03\xe9'
const asking = (protocol: string) => ['Connection: Upgrade', `Upgrade: ${protocol}`]
const accepting = (protocol: string) =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`

async function start({ create, tls }: (typeof servers)[number], clock = new FakeClock()) {
  const server = create()
  const life = own(server, { clock })
  await listen(server, { port: 0, host: '127.0.0.1' })
  onTestFinished(() => force(life))
  const client = (more = {}) => visit(server, { tls, ...more })
  return { server, life, clock, client }
}

/** Accepts every upgrade, and does no more about it. */
function accept(server: HttpServer, streams: Duplex[] = []): Duplex[] {
  server.on('upgrade', ({ headers }: IncomingMessage, stream: Duplex) => {
    stream.write(accepting(headers.upgrade ?? ''))
    streams.push(stream)
  })
  return streams
}

describe.each(servers)('$name', (flavour) => {
  test('a websocket is closed with 1001 on both sides', async () => {
    const { server, life } = await start(flavour)
    const sockets = new WebSocketServer({ server })
    const accepted = once(sockets, 'connection')
    const url = `${flavour.tls ? 'wss' : 'ws'}://127.0.0.1:${portOf(server)}`
    const there = new WebSocket(url, { rejectUnauthorized: false })
    const [[here]] = await Promise.all([accepted, once(there, 'open')])
    const codes = Promise.all([once(here, 'close'), once(there, 'close')])
    expect(await end(life)).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    expect((await codes).map(([code]) => code)).toEqual([1001, 1001])
  })

  test('a websocket whose client does not answer has a second', async () => {
    const { server, life, clock, client } = await start(flavour)
    accept(server)
    const mute = await client({ halfOpen: true })
    mute.get('/', ...asking('WebSocket'))
    await mute.hears('\r\n\r\n')
    const row = end(life)
    await mute.hears(GOING_AWAY)
    await until('the server has ended its side', () => mute.ended)
    await clock.advance(999)
    expect(life.state).toBe('closing')
    await clock.advance(1)
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
  })

  test('a websocket that reads nothing, of a client that hangs up, is over at once', async () => {
    const { server, life, client } = await start(flavour)
    accept(server)
    const polite = await client()
    polite.get('/', ...asking('websocket'))
    await polite.hears('\r\n\r\n')
    polite.send('a frame that nobody reads')
    expect(await end(life)).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    expect(polite.text.endsWith(GOING_AWAY)).toBe(true)
  })

  test('a websocket that the program has not answered yet gets no frame', async () => {
    const { server, life, client } = await start(flavour)
    const asked = once(server, 'upgrade')
    const waiting = await client()
    waiting.get('/', ...asking('websocket'))
    await asked
    expect(await end(life)).toMatchObject({ outcome: 'closed' })
    await waiting.isClosed()
    expect(waiting.text).toBe('')
  })

  test.each(['echo', 'CONNECT'])(
    '%s: our side is ended, and it is over when the client ends its own',
    async (protocol) => {
      const { server, life, clock, client } = await start(flavour)
      accept(server)
      server.on('connect', (_, stream: Duplex) => void stream.write('HTTP/1.1 200 OK\r\n\r\n'))
      const far = await client({ halfOpen: true })
      if (protocol === 'echo') far.get('/', ...asking(protocol))
      else far.send('CONNECT there:1 HTTP/1.1\r\nHost: there:1\r\n\r\n')
      await far.hears('\r\n\r\n')
      const before = far.text
      const row = end(life)
      await until('the server has ended its side', () => far.ended)
      expect(far.text).toBe(before)
      await clock.advance(1_000)
      expect(life.state).toBe('closing')
      far.socket.end()
      expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    },
  )

  test('upgraded connections that stay are cut, and counted', async () => {
    const { server, life, clock, client } = await start(flavour)
    const streams = accept(server)
    const far = await client({ halfOpen: true })
    far.get('/', ...asking('echo'))
    await far.hears('\r\n\r\n')
    const row = end(life)
    await until('the server has ended its side', () => far.ended)
    await clock.advance(5_000)
    expect(await row).toMatchObject({ outcome: 'forced', note: 'drained 0, cut 1' })
    expect(streams.map(({ destroyed }) => destroyed)).toEqual([true])
  })

  test('one that the program has ended already is over when the client ends too', async () => {
    const { server, life, client } = await start(flavour)
    const streams = accept(server)
    const far = await client({ halfOpen: true })
    far.get('/', ...asking('echo'))
    await far.hears('\r\n\r\n')
    streams[0]?.end()
    await until('the server has ended its side', () => far.ended)
    const row = end(life)
    far.send('what nobody reads')
    far.socket.end()
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
  })

  test('a program that goes on writing after the goodbye does no harm', async () => {
    const { server, life, client } = await start(flavour)
    const streams = accept(server)
    const [socket, other] = [await client({ halfOpen: true }), await client({ halfOpen: true })]
    socket.get('/', ...asking('websocket'))
    other.get('/', ...asking('echo'))
    await Promise.all([socket.hears('\r\n\r\n'), other.hears('\r\n\r\n')])
    const row = end(life)
    await until('our side is ended', () => streams.every((stream) => stream.writableEnded))
    for (const stream of streams) stream.write('and another thing')
    for (const each of [socket, other]) each.socket.end()
    expect(await row).toMatchObject({ outcome: 'closed' })
  })

  test('what Node does with upgrades is as it was, before and after the program listens to them', async () => {
    const { server, life, client } = await start(flavour)
    const listeners = () => [server.listenerCount('upgrade'), server.listenerCount('connect')]
    server.on('request', (_, response) => void response.end('plain'))
    const ask = async () => {
      const each = await client()
      each.get('/', ...asking('echo'))
      await each.hears('\r\n\r\n')
      each.socket.destroy()
      return each.heads[0]?.slice(0, 12)
    }
    expect([listeners(), await ask()]).toEqual([[0, 0], 'http/1.1 200'])
    accept(server)
    expect([listeners(), await ask()]).toEqual([[2, 0], 'http/1.1 101'])
    server.removeAllListeners('upgrade')
    expect([listeners(), await ask()]).toEqual([[0, 0], 'http/1.1 200'])
    server.once('upgrade', (_, stream: Duplex) => void stream.write(accepting('echo')))
    expect([listeners(), await ask()]).toEqual([[2, 0], 'http/1.1 101'])
    expect([listeners(), await ask()]).toEqual([[0, 0], 'http/1.1 200'])
    const mine = () => {}
    server.on('upgrade', mine)
    life.forget(server)
    expect(server.listeners('upgrade')).toEqual([mine])
    own(server)
    expect(listeners()).toEqual([2, 0])
    server.off('upgrade', mine)
    expect(listeners()).toEqual([0, 0])
  })
})
