import { once } from 'node:events'
import { connect, createServer, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls, createServer as createTls, TLSSocket } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen } from '../../src/connection/listen.ts'
import { socket as kind } from '../../src/connection/socket.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { cert, key } from '../fixtures/tls.ts'
import { until } from '../fixtures/until.ts'
import { portOf } from './client.ts'
import { end, own } from './harness.ts'

/** Both ends of a connection, and how the far one breaks it. */
async function pair({ tls = false, halfOpen = false } = {}): Promise<{ near: Socket; far: Socket; reset: () => void }> {
  const options = { allowHalfOpen: halfOpen }
  const server = await listen(tls ? createTls({ cert, key, ...options }) : createServer(options), {
    port: 0,
    host: '127.0.0.1',
  })
  const raw = once(server, 'connection')
  const accepted = once(server, tls ? 'secureConnection' : 'connection')
  const where = { port: portOf(server), host: '127.0.0.1', allowHalfOpen: true }
  const near = tls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where)
  const [[far]] = (await Promise.all([accepted, once(near, tls ? 'secureConnect' : 'connect')])) as [[Socket], unknown]
  onTestFinished(() => {
    server.close()
    near.destroy()
    far.destroy()
  })
  far.on('error', () => {})
  const [socket] = (await raw) as [Socket]
  return { near, far, reset: () => void socket.resetAndDestroy() }
}

describe('matches', () => {
  const own = class extends Socket {
    override async [Symbol.asyncDispose]() {}
  }
  test.each([
    ['a socket', new Socket(), true],
    ['a secure one', new TLSSocket(new Socket()), true],
    ['a class without a disposer of its own', new (class extends Socket {})(), true],
    ['one with its own', new own(), false],
    ['another duplex', new Duplex(), false],
    ['the output of the process', Object.assign(new Socket(), { fd: 1 }), false],
    ['and its errors', Object.assign(new Socket(), { fd: 2 }), false],
    ['something like a socket', { pipe() {}, destroy() {}, bytesWritten: 0 }, false],
    ['nothing', undefined, false],
  ])('%s: %o', (_, value, expected) => {
    expect(kind.matches(value)).toBe(expected)
  })
})

describe.each([{ tls: false }, { tls: true }])('close ($tls)', ({ tls }) => {
  test('sends what is to be sent, and is over when the other end has ended too', async () => {
    const { near, far } = await pair({ tls, halfOpen: true })
    const life = own(near)
    let received = 0
    near.write(Buffer.alloc(5_000_000))
    const row = end(life)
    far.on('data', (chunk) => {
      received += chunk.length
    })
    await once(far, 'end')
    expect([received, life.state]).toEqual([5_000_000, 'closing'])
    far.end('goodbye')
    expect(await row).toMatchObject({ kind: 'socket', outcome: 'closed' })
    expect(near.closed).toBe(true)
  })

  test('reads on what the program reads', async () => {
    const { near, far } = await pair({ tls, halfOpen: true })
    let text = ''
    near.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
    const row = end(own(near))
    far.resume().on('end', () => far.end('the answer'))
    expect(await row).toMatchObject({ outcome: 'closed' })
    expect(text).toBe('the answer')
  })

  test('is cut when the other end stays beyond the grace', async () => {
    const { near, far } = await pair({ tls, halfOpen: true })
    const clock = new FakeClock()
    const row = end(own(near, { clock }))
    await once(far.resume(), 'end')
    await clock.advance(5_000)
    expect(await row).toMatchObject({ outcome: 'forced' })
    expect([near.closed, clock.pending]).toEqual([true, 0])
  })

  test('fails with the error that keeps it from sending', async () => {
    const { near, reset } = await pair({ tls })
    near.write(Buffer.alloc(50_000_000))
    const row = end(own(near))
    await until('our side is ended', () => near.writableEnded)
    reset()
    expect(await row).toMatchObject({ outcome: 'failed', error: { syscall: expect.stringMatching(/read|write/) } })
  })

  test('a reset after everything was sent is no failure', async () => {
    const { near, far, reset } = await pair({ tls, halfOpen: true })
    const row = end(own(near))
    await once(far.resume(), 'end')
    await until('all is sent', () => near.writableFinished)
    reset()
    expect(await row).toMatchObject({ outcome: 'closed' })
  })
})

describe('a socket that is not connected', () => {
  test('is given up at once when it has nothing to send', async () => {
    const fresh = new Socket()
    // An address that is reserved for documentation, where nobody answers.
    const connecting = connect(9, '192.0.2.1')
    for (const each of [fresh, connecting]) {
      each.on('error', () => {})
      expect(kind.describe?.(each)).toBe('not connected')
      expect(await end(own(each, { clock: new FakeClock() }))).toMatchObject({ outcome: 'closed' })
      expect([each.closed, kind.describe?.(each)]).toEqual([true, 'closed'])
    }
  })

  test('sends first what waits for the connection', async () => {
    const server = await listen(createServer(), { port: 0, host: '127.0.0.1' })
    onTestFinished(() => void server.close())
    const accepted = once(server, 'connection')
    const near = connect(portOf(server), '127.0.0.1')
    near.write('hello')
    const row = end(own(near))
    const [far] = (await accepted) as [Socket]
    expect(await far.setEncoding('utf8').toArray()).toEqual(['hello'])
    expect(await row).toMatchObject({ outcome: 'closed' })
  })
})

test('a socket leaves by itself when it closes, and one that has closed is closed', async () => {
  const { near, far } = await pair()
  const life = own(near)
  expect(kind.describe?.(near)).toBe(`127.0.0.1:${near.remotePort}`)
  expect([kind.isGone?.(near), life.snapshot().size]).toEqual([false, 1])
  far.destroy()
  near.end()
  await once(near.resume(), 'close')
  expect([kind.isGone?.(near), life.snapshot().size]).toEqual([true, 0])
  expect(await end(own(near))).toMatchObject({ outcome: 'closed' })
})

test('forgotten, nothing of ours stays', async () => {
  const { near } = await pair()
  const before = near.eventNames().map((name) => near.listenerCount(name))
  own(near).forget(near)
  expect(near.eventNames().map((name) => near.listenerCount(name))).toEqual(before)
})
