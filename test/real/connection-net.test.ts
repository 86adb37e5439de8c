import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTls } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen } from '../../src/connection/listen.ts'
import { server as kind } from '../../src/connection/server.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { Client } from '../connection/client.ts'
import { end, force, own, visit } from '../connection/harness.ts'
import { cert, key } from '../fixtures/tls.ts'
import { until } from '../fixtures/until.ts'

type Handler = (socket: Socket) => unknown

const flavours = [
  { name: 'net', tls: false, create: (handler: Handler): Server => createServer({ allowHalfOpen: true }, handler) },
  {
    name: 'tls',
    tls: true,
    create: (handler: Handler): Server => createTls({ cert, key, allowHalfOpen: true }, handler),
  },
]

async function start({ tls, create }: (typeof flavours)[number], handler: Handler = () => {}) {
  const clock = new FakeClock()
  const sockets: Socket[] = []
  const server = create((socket) => {
    sockets.push(socket)
    handler(socket)
  })
  const life = own(server, { clock })
  await listen(server, { port: 0, host: '127.0.0.1' })
  onTestFinished(() => force(life))
  const client = (more = {}) => visit(server, { tls, ...more })
  return { server, life, clock, sockets, client }
}

describe.each(flavours)('$name', (flavour) => {
  test('connections are ended on our side, and over when the client ends its own', async () => {
    const { life, client } = await start(flavour, (socket) => void socket.write('hello'))
    const clients = [await client(), await client()]
    await Promise.all(clients.map((each) => each.hears('hello')))
    for (const each of clients) each.send('what nobody reads')
    expect(await end(life)).toMatchObject({ outcome: 'closed', note: 'drained 2, cut 0' })
    await Promise.all(clients.map((each) => each.isClosed()))
  })

  test('what was written before arrives', async () => {
    const { life, client } = await start(flavour, (socket) => void socket.write(Buffer.alloc(5_000_000, 'x')))
    const slow = await client()
    slow.socket.pause()
    const row = end(life)
    slow.socket.resume()
    expect(await row).toMatchObject({ outcome: 'closed' })
    await slow.isClosed()
    expect(slow.text).toHaveLength(5_000_000)
  })

  test('what the client still sends is read', async () => {
    let received = ''
    const { life, client } = await start(flavour, (socket) => {
      socket.setEncoding('latin1').on('data', (text) => {
        received += text
      })
    })
    const talker = await client({ halfOpen: true })
    const row = end(life)
    await until('our side is ended', () => talker.ended)
    talker.send('one more thing')
    talker.socket.end()
    expect(await row).toMatchObject({ outcome: 'closed' })
    expect(received).toBe('one more thing')
  })

  test('a client that stays is cut when the grace is over, and counted', async () => {
    const { life, clock, sockets, client } = await start(flavour)
    const stays = await client({ halfOpen: true })
    const leaves = await client()
    const row = end(life)
    await until('our side is ended', () => stays.ended && leaves.closed)
    await clock.advance(4_999)
    expect(life.state).toBe('closing')
    await clock.advance(1)
    expect(await row).toMatchObject({ outcome: 'forced', note: 'drained 1, cut 1' })
    expect(sockets.every(({ destroyed }) => destroyed)).toBe(true)
    expect(clock.pending).toBe(0)
  })

  test('a program that goes on writing does no harm', async () => {
    const { life, sockets, client } = await start(flavour)
    const stays = await client({ halfOpen: true })
    const row = end(life)
    await until('our side is ended', () => sockets[0]?.writableEnded === true)
    sockets[0]?.write('and another thing')
    stays.socket.end()
    expect(await row).toMatchObject({ outcome: 'closed' })
  })

  test('a server that never listened, and one that was closed already, are closed', async () => {
    const fresh = flavour.create(() => {})
    expect(await end(own(fresh))).toMatchObject({ outcome: 'closed', note: 'drained 0, cut 0' })
    fresh.listen(0).close()
    await once(fresh, 'close')
    expect(await end(own(fresh))).toMatchObject({ outcome: 'closed' })
    expect(await end(own(flavour.create(() => {})), { force: true })).toMatchObject({ outcome: 'forced' })
  })

  test('closing while it is about to listen, it never does', async () => {
    const server = flavour.create(() => {})
    const life = own(server)
    server.listen({ port: 0, host: 'localhost' })
    let listened = false
    server.on('listening', () => {
      listened = true
    })
    expect(await end(life)).toMatchObject({ outcome: 'closed' })
    expect([listened, server.listening]).toEqual([false, false])
  })

  test('closing joins one that the program has begun', async () => {
    const { server, life, client } = await start(flavour)
    const talker = await client()
    server.close()
    expect(server.listening).toBe(false)
    expect(await end(life)).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    await talker.isClosed()
  })

  test('a server that the program closes leaves by itself, when the last client has gone', async () => {
    const { server, life, client } = await start(flavour, (socket) => socket.resume().on('end', () => socket.end()))
    const talker = await client()
    server.close()
    expect(kind.isGone?.(server)).toBe(false)
    expect(life.snapshot().resources).toHaveLength(1)
    const gone = once(server, 'close')
    talker.socket.end()
    await gone
    expect(life.snapshot().resources).toHaveLength(0)
    expect(kind.isGone?.(server)).toBe(true)
  })
})

test('over TLS, a connection without a byte ends at once, and half a handshake has a second', async () => {
  const [, tls] = flavours
  if (tls === undefined) throw new Error('no TLS')
  const { server, life, clock } = await start(tls)
  const [silent, half] = [await Client.connect(server), await Client.connect(server)]
  onTestFinished(() => void half.socket.destroy())
  half.send('\x16\x03\x01')
  const row = end(life)
  await silent.isClosed()
  await clock.advance(999)
  expect([half.closed, life.state]).toEqual([false, 'closing'])
  await clock.advance(1)
  expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 0, cut 0' })
  await half.isClosed()
})

test('a server on a local socket is described by its path', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'endswell-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = process.platform === 'win32' ? `\\\\.\\pipe\\${folder}` : join(folder, 'socket')
  const server = await listen(createServer(), path)
  const life = own(server)
  expect(kind.describe?.(server)).toBe(path)
  const accepted = once(server, 'connection')
  const client = new Client(connect(path))
  await accepted
  expect(await end(life)).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
  await client.isClosed()
  expect(kind.describe?.(server)).toBe('not listening')
})
