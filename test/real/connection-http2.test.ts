import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen } from '../../src/connection/listen.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { Client, portOf } from '../connection/client.ts'
import { end, force, own } from '../connection/harness.ts'
import { cert, key } from '../fixtures/tls.ts'
import { until } from '../fixtures/until.ts'

const LARGE = 5_000_000

const flavours = [
  { name: 'http2', tls: false, http1: false, create: () => createServer() },
  { name: 'http2 over TLS', tls: true, http1: false, create: () => createSecureServer({ cert, key }) },
  {
    name: 'http2 over TLS with HTTP/1',
    tls: true,
    http1: true,
    create: () => createSecureServer({ cert, key, allowHTTP1: true }),
  },
]

async function start({ create, tls }: (typeof flavours)[number], clock = new FakeClock()) {
  const server = create() as Http2Server
  const life = own(server, { clock })
  const held: ServerHttp2Stream[] = []
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {})
    stream.respond({ ':status': 200 })
    if (headers[':path'] === '/held') held.push(stream)
    else stream.end('hello')
  })
  await listen(server, { port: 0, host: '127.0.0.1' })
  onTestFinished(() => force(life))
  const session = async () => {
    const made = connect(`http${tls ? 's' : ''}://127.0.0.1:${portOf(server)}`, { rejectUnauthorized: false })
    made.on('error', () => {})
    onTestFinished(() => made.destroy())
    await once(made, 'remoteSettings')
    return made
  }
  return { server, life, clock, held, session }
}

function ask(session: ClientHttp2Session, path: string) {
  const stream: ClientHttp2Stream = session.request({ ':path': path })
  const answer = { stream, length: 0, ended: false, error: undefined as NodeJS.ErrnoException | undefined }
  stream.on('data', (chunk: Buffer) => {
    answer.length += chunk.length
  })
  stream.on('end', () => {
    answer.ended = true
  })
  stream.on('error', (error) => {
    answer.error = error
  })
  return answer
}

describe.each(flavours)('$name', (flavour) => {
  test('an idle session ends at once, by GOAWAY', async () => {
    const { life, session } = await start(flavour)
    const [used, fresh] = [await session(), await session()]
    await once(ask(used, '/').stream, 'close')
    const goaways = Promise.all([used, fresh].map((each) => once(each, 'goaway')))
    const closes = [used, fresh].map((each) => once(each, 'close'))
    expect(await end(life)).toMatchObject({ outcome: 'closed', note: 'drained 0, cut 0' })
    expect((await goaways).map(([code]) => code)).toEqual([0, 0])
    await Promise.all(closes)
  })

  test('a stream under way is served in full, and none after it', async () => {
    const { life, held, session } = await start(flavour)
    const busy = await session()
    const answer = ask(busy, '/held')
    await until('the stream has begun', () => held.length === 1)
    const goaway = once(busy, 'goaway')
    const row = end(life)
    // It names the last stream that is served.
    expect((await goaway).slice(0, 2)).toEqual([0, answer.stream.id])
    expect([life.state, answer.ended, busy.closed]).toEqual(['closing', false, true])
    held[0]?.end(Buffer.alloc(LARGE))
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 1, cut 0' })
    await until('the client has the reply', () => answer.ended)
    expect([answer.length, answer.error]).toEqual([LARGE, undefined])
  })

  test('streams that never end are cut when the grace is over, and counted', async () => {
    const { life, clock, held, session } = await start(flavour)
    const busy = await session()
    const answers = [ask(busy, '/held'), ask(busy, '/held'), ask(await session(), '/held')]
    await until('the streams have begun', () => held.length === answers.length)
    const goaway = once(busy, 'goaway')
    const row = end(life)
    await goaway
    held[0]?.end('whole')
    await until('one has ended', () => answers.some(({ ended }) => ended))
    await clock.advance(5_000)
    expect(await row).toMatchObject({ outcome: 'forced', note: 'drained 1, cut 2' })
    expect(clock.pending).toBe(0)
    await until('the clients have noticed', () => answers.every(({ stream }) => stream.closed))
  })

  test('a connection that has not said a word ends at once', async () => {
    const { server, life } = await start(flavour)
    const silent = await Client.connect(server)
    expect(await end(life)).toMatchObject({ outcome: 'closed', note: 'drained 0, cut 0' })
    await silent.isClosed()
  })

  test('force cuts without closing first', async () => {
    const { life, clock, held, session } = await start(flavour)
    const busy = await session()
    const answer = ask(busy, '/held')
    await until('the stream has begun', () => held.length === 1)
    expect(await end(life, { force: true })).toMatchObject({ outcome: 'forced', note: 'drained 0, cut 1' })
    await until('the client has noticed', () => answer.stream.closed && busy.closed)
    expect(clock.pending).toBe(0)
  })
})

const [, , both] = flavours
if (both !== undefined) {
  test('HTTP/1 beside HTTP/2: both are drained', async () => {
    const { server, life, held, session } = await start(both)
    const client = await Client.connect(server, { tls: true })
    const requests: { end(text: string): unknown }[] = []
    server.on('request', (request, response) => {
      if (request.httpVersion === '1.1') requests.push(response)
    })
    const answer = ask(await session(), '/held')
    client.get('/')
    await until('both have begun', () => held.length === 1 && requests.length === 1)
    const row = end(life)
    await until('the server accepts no more', () => !server.listening)
    held[0]?.end('two')
    requests[0]?.end('one')
    expect(await row).toMatchObject({ outcome: 'closed', note: 'drained 2, cut 0' })
    await until('both have their reply', () => answer.ended && client.closed)
    expect(client.heads[0]).toContain('connection: close')
  })
}
