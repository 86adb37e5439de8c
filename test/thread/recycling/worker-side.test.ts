import { channel } from 'node:diagnostics_channel'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Lifecycle, listen, Startup } from '../../../src/index.ts'
import { scopeOf } from '../../../src/lifecycle/lifecycle.ts'
import { readinessOf } from '../../../src/lifecycle/readiness.ts'
import { FakeClock } from '../../../src/testing/index.ts'
import type { FromPrimary, FromWorker } from '../../../src/thread/recycling/messages.ts'
import { type Line, WorkerSide } from '../../../src/thread/recycling/worker-side.ts'

/** A way to a primary that writes down what it is told. */
class Notebook implements Line {
  readonly sent: FromWorker[] = []
  #listener: ((message: FromPrimary) => void) | undefined = undefined
  hasLeft = false

  send(message: FromWorker): void {
    this.sent.push(message)
  }

  hear(listener: (message: FromPrimary) => void): () => void {
    this.#listener = listener
    return () => {
      this.#listener = undefined
    }
  }

  leave(): void {
    this.hasLeft = true
  }

  /** Says something, if anybody listens. */
  say(message: FromPrimary): void {
    this.#listener?.(message)
  }

  get isHeard(): boolean {
    return this.#listener !== undefined
  }

  get types(): string[] {
    return this.sent.map(({ type }) => type.slice('endswell:'.length))
  }
}

const watch = { type: 'endswell:watch', check: 1_000, requests: 3 } as const
const retire = { type: 'endswell:retire', notice: 500, timeout: 9_000, reason: 'it is recycled: age' } as const

function setUp({ http = false, tells = false, starts = false } = {}) {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'shop', clock })
  onTestFinished(async () => void (await life.close({ force: true })))
  const boot = starts ? new Startup(life) : undefined
  const line = new Notebook()
  const side = new WorkerSide(scopeOf(life), line, { http, tells })
  return { clock, life, boot, line, side }
}

describe('that it can be recycled', () => {
  test.each([
    ['with a start under way, it tells when it is ready', { starts: true }, true],
    ['without one, its servers tell', {}, false],
    ['if its program is to say so, that tells', { tells: true }, true],
  ])('is told at once: %s', (_, options, tells) => {
    const { line } = setUp(options)
    expect(line.sent).toEqual([{ type: 'endswell:recyclable', tells }])
  })

  test('and that it is ready, when its start is over', () => {
    const { line, life } = setUp({ starts: true })
    readinessOf(scopeOf(life)).start()
    expect(line.types).toEqual(['recyclable', 'ready'])
  })

  test('but not when only another one is', () => {
    const { line } = setUp({ starts: true })
    const other = new Lifecycle('shop-2')
    new Startup(other)
    readinessOf(scopeOf(other)).start()
    expect(line.types).toEqual(['recyclable'])
  })

  test('and nothing by itself where its program is to say so', () => {
    const { line, life, side } = setUp({ starts: true, tells: true })
    readinessOf(scopeOf(life)).start()
    expect(line.types).toEqual(['recyclable'])
    side.ready()
    expect(line.types).toEqual(['recyclable', 'ready'])
  })
})

describe('watched, it tells', () => {
  test('how worn it is, at once and each time', async () => {
    const { line, clock, side } = setUp()
    line.say(watch)
    side.count(2)
    await clock.advance(2_000)
    expect(line.types).toEqual(['recyclable', 'vitals', 'vitals', 'vitals'])
    expect(line.sent.at(-1)).toMatchObject({ requests: 2, rss: expect.any(Number), heap: expect.any(Number) })
    expect(clock.pending).toBe(1)
  })

  test('that it has served enough, at once and once', () => {
    const { line, side } = setUp()
    line.say(watch)
    side.count(2)
    expect(line.types).toEqual(['recyclable', 'vitals'])
    side.count(1)
    side.count(1)
    expect(line.sent.slice(2)).toEqual([{ type: 'endswell:spent', requests: 3 }])
  })

  test('so also where it had served enough before it was asked', () => {
    const { line, side } = setUp()
    side.count(5)
    line.say(watch)
    expect(line.sent[1]).toEqual({ type: 'endswell:spent', requests: 5 })
  })
})

test('it counts the requests of all servers of the process', async () => {
  const { side } = setUp({ http: true })
  await using own = new Lifecycle('own')
  const server = createServer((_, response) => response.end('hello'))
  own.use(await listen(server, { port: 0, host: '127.0.0.1' }))
  const { port } = server.address() as AddressInfo
  for (let round = 0; round < 3; round++) {
    const body = await new Promise((resolve) => get({ host: '127.0.0.1', port }, (reply) => resolve(text(reply))))
    expect(body).toBe('hello')
  }
  expect(side.requests).toBe(3)
})

describe('told to retire', () => {
  test('it announces that, and closes when the notice is over', async () => {
    const { line, clock, life } = setUp()
    const announced: boolean[] = []
    const kind = {
      name: 'shop',
      matches: () => false,
      close: () => {},
      announce: (_: unknown, accepts: boolean) => announced.push(accepts),
    }
    life.scope('inside').use({}, { kind: kind as never })
    line.say(retire)
    expect(announced).toEqual([false])
    expect(readinessOf(scopeOf(life)).ready).toBe(false)
    await clock.advance(499)
    expect(life.state).toBe('open')
    await clock.advance(1)
    expect(await life.close()).toMatchObject({ reason: 'it is recycled: age', counts: { closed: 1 } })
    expect(line.hasLeft).toBe(true)
  })

  test('without a notice it closes at once', async () => {
    const { line, life } = setUp()
    line.say({ ...retire, notice: 0 })
    expect(life.state).not.toBe('open')
  })

  test('it closes within the time that it is given, if its own is not less', async () => {
    for (const [given, ms] of [
      [2_000, 2_000],
      [60_000, 25_000],
    ] as const) {
      const { line, life, clock } = setUp()
      life.defer(() => new Promise(() => {}), { grace: 100_000 })
      line.say({ ...retire, notice: 0, timeout: given })
      const report = life.close()
      await clock.advance(ms - 1)
      expect(life.state).toBe('closing')
      await clock.advance(2_000)
      expect(await report).toMatchObject({ counts: { abandoned: 1 } })
    }
  })

  test('twice, it goes once; while it closes for another reason, that is all', async () => {
    const { line, clock, life } = setUp()
    line.say(retire)
    line.say({ ...retire, notice: 0 })
    expect(life.state).toBe('open')
    const { reason } = await life.close({ reason: 'SIGTERM came' })
    expect(reason).toBe('SIGTERM came')
    expect(clock.pending).toBe(0)
  })
})

test('closed, it has left nothing behind and has left the cluster', async () => {
  const { line, life, clock } = setUp({ http: true, starts: true })
  line.say(watch)
  line.say(retire)
  await life.close()
  expect({ heard: line.isHeard, left: line.hasLeft, timers: clock.pending }).toEqual({
    heard: false,
    left: true,
    timers: 0,
  })
  for (const name of ['http.server.request.start', 'endswell:lifecycle.ready'])
    expect(channel(name).hasSubscribers).toBe(false)
})
