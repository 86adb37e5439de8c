import { once } from 'node:events'
import { createServer as createHttpServer, get } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { createServer as createHttpsServer, get as getSecure } from 'node:https'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Writable } from 'node:stream'
import { onTestFinished } from 'vitest'
import { cert, key } from '../../fixtures/tls.ts'
import type { Sample } from '../contract.ts'

const destroyed = { cannot: 'destroying a connection always ends it' }

const closed = new WeakSet<Server>()

/** Listens on a free port, until the end of the test at the latest. */
async function listening<S extends Server>(server: S): Promise<S> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.once('close', () => closed.add(server))
  server.on('connection', (socket: Socket) => onTestFinished(() => void socket.destroy()))
  onTestFinished(() => void server.close())
  return server
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

/** A server, how a client keeps it busy, and the event that says so. */
function servers(create: () => Server, visit: (port: number) => { destroy(): unknown }, begun: string): Sample<Server> {
  return {
    kind: 'server',
    make: () => listening(create()),
    hang: () => listening(create()),
    async occupy(server) {
      const busy = once(server, begun)
      const client = visit(portOf(server))
      onTestFinished(() => void client.destroy())
      await busy
    },
    stuck: destroyed,
    fail: { cannot: 'closing a server fails only where it does not listen, which is no failure' },
    endByItself: async (server) => {
      const close = once(server, 'close')
      server.close()
      await close
    },
    isGone: (server) => closed.has(server),
  }
}

/** Whoever asks has his connection cut in the end. */
const patient = <R extends { on(event: 'error', listener: () => void): R }>(request: R): R =>
  request.on('error', () => {})

export const http = servers(
  () => createHttpServer(() => {}),
  (port) => patient(get({ port, host: '127.0.0.1' })),
  'request',
)

export const https = servers(
  () => createHttpsServer({ cert, key }, () => {}),
  (port) => patient(getSecure({ port, host: '127.0.0.1', rejectUnauthorized: false })),
  'request',
)

export const http2 = servers(
  () => createHttp2Server(() => {}),
  (port) => {
    const session = patient(connectHttp2(`http://127.0.0.1:${port}`))
    patient(session.request())
    return session
  },
  'stream',
)

export const net = servers(
  () => createServer(() => {}),
  (port) => patient(connect({ port, host: '127.0.0.1', allowHalfOpen: true })),
  'connection',
)

/** One end of a connection whose other end does as it is told. */
async function connected(options: { allowHalfOpen: boolean }, accept: (peer: Socket) => unknown): Promise<Socket> {
  const server = await listening(createServer(options))
  const accepted = once(server, 'connection')
  const socket = connect(portOf(server), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  accept((await accepted)[0])
  return socket
}

export const socket: Sample<Socket> = {
  kind: 'socket',
  make: () => connected({ allowHalfOpen: false }, (peer) => peer.resume()),
  hang: () => connected({ allowHalfOpen: true }, (peer) => peer.resume()),
  stuck: destroyed,
  async fail() {
    const value = await connected({ allowHalfOpen: false }, (peer) => setImmediate(() => peer.resetAndDestroy()))
    let seen: unknown
    value.on('error', (error) => {
      seen = error
    })
    value.write(Buffer.alloc(64_000_000))
    return { value, error: () => seen }
  },
  async endByItself(value) {
    const close = once(value, 'close')
    value.end()
    value.resume()
    await close
  },
  isGone: (value) => value.closed,
}

const pending = new Error('it could not be written out')

const sinks = (final: (done: (error?: Error) => void) => void, destroy = true): Writable =>
  new Writable({
    final,
    destroy(error, done) {
      if (destroy) done(error)
    },
  })

export const stream: Sample<Writable> = {
  kind: 'stream',
  make: () => sinks((done) => done()),
  hang: () => sinks(() => {}),
  stuck: () => sinks(() => {}, false),
  fail() {
    const value = sinks((done) => done(pending))
    value.on('error', () => {})
    return { value, error: () => pending }
  },
  async endByItself(value) {
    const close = once(value, 'close')
    value.end()
    await close
  },
  isGone: (value) => value.closed,
}
