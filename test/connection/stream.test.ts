import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex, PassThrough, Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import { createGunzip, createGzip } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen } from '../../src/connection/listen.ts'
import { stream as kind } from '../../src/connection/stream.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { until } from '../fixtures/until.ts'
import { Client } from './client.ts'
import { end, own } from './harness.ts'

const failure = new Error('the disk is full')
const sink = (options: ConstructorParameters<typeof Writable>[0] = {}) =>
  new Writable({ write: (_chunk, _encoding, done) => done(), ...options })
const source = () => new Readable({ read() {} })

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'endswell-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

describe('matches', () => {
  class Own extends Writable {
    override async [Symbol.asyncDispose]() {}
  }
  test.each([
    ['a readable', source(), true],
    ['a writable', sink(), true],
    ['a duplex', new Duplex(), true],
    ['a transform', new PassThrough(), true],
    ['a gzip', createGzip(), true],
    ['a hash', createHash('md5'), true],
    ['a class without a disposer of its own', new (class extends Readable {})(), true],
    ['one with its own', new Own(), false],
    ['something like a stream', { pipe() {}, destroy() {} }, false],
    ['a stream of the web', new ReadableStream(), false],
    ['nothing', undefined, false],
  ])('%s: %o', (_, value, expected) => {
    expect(kind.matches(value)).toBe(expected)
  })

  test.each(['pipe', 'file', 'thread'])('never the output of the process (a %s)', async (where) => {
    const kinds = new URL('../../src/connection/', import.meta.url)
    const script = `
      import { writeFileSync } from 'node:fs'
      import { Worker } from 'node:worker_threads'
      import { socket } from '${kinds}socket.ts'
      import { stream } from '${kinds}stream.ts'
      const matches = [process.stdout, process.stderr].flatMap((each) => [socket.matches(each), stream.matches(each)])
      console.log('matches ' + matches)`
    const path = join(await folder(), 'script.ts')
    const { writeFile } = await import('node:fs/promises')
    await writeFile(
      path,
      where === 'thread'
        ? `import { Worker } from 'node:worker_threads'; new Worker(${JSON.stringify(`${path}.mjs`)})`
        : script,
    )
    await writeFile(`${path}.mjs`, script)
    const command = where === 'file' ? `"$0" "$1" > "$1.out" && cat "$1.out"` : '"$0" "$1" | cat'
    const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, path])
    expect(stdout).toBe('matches false,false,false,false\n')
  })
})

describe('a stream that can be written to', () => {
  test('is ended, and over when everything has been written', async () => {
    const written: string[] = []
    const value = sink({
      write(chunk, _encoding, done) {
        written.push(String(chunk))
        setImmediate(done)
      },
      final(done) {
        written.push('end')
        setImmediate(done)
      },
    })
    for (const text of ['a', 'b', 'c']) value.write(text)
    expect(await end(own(value))).toMatchObject({ kind: 'stream', outcome: 'closed' })
    expect([written, value.closed]).toEqual([['a', 'b', 'c', 'end'], true])
  })

  test('is waited for, when the program has ended it', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const value = sink({ final: (done) => void promise.then(() => done()) })
    value.end()
    const life = own(value)
    const row = end(life)
    await new Promise(setImmediate)
    expect([life.state, value.destroyed]).toEqual(['closing', false])
    resolve()
    expect(await row).toMatchObject({ outcome: 'closed' })
  })

  test('fails with the error that it tells while it closes', async () => {
    const value = sink({ final: (done) => done(failure) })
    expect(await end(own(value))).toMatchObject({ outcome: 'failed', error: failure })
  })

  test.each([
    ['while it writes', 'ERR_STREAM_PREMATURE_CLOSE', { write: () => {} }],
    ['while it ends', 'ERR_ABORTED', { final: () => {} }],
  ])('fails when somebody else destroys it %s', async (_, code, options) => {
    const value = sink(options)
    value.write('something')
    const row = end(own(value))
    await until('it is ended', () => value.writableEnded)
    value.destroy()
    expect(await row).toMatchObject({ outcome: 'failed', error: { code } })
  })

  test('fails with an error that is on its way when it closes', async () => {
    const value = sink()
    value.destroy(failure)
    expect(await end(own(value))).toMatchObject({ outcome: 'failed', error: failure })
  })

  test('is destroyed when its grace is over', async () => {
    const clock = new FakeClock()
    const value = sink({ final: () => {} })
    const row = end(own(value, { clock }))
    await clock.advance(5_000)
    expect(await row).toMatchObject({ outcome: 'forced' })
    expect([value.closed, clock.pending]).toEqual([true, 0])
  })

  test('lets go of what it held, also where it would not by itself', async () => {
    let released = false
    const value = sink({
      autoDestroy: false,
      destroy(error, done) {
        released = true
        done(error)
      },
    })
    expect(await end(own(value))).toMatchObject({ outcome: 'closed' })
    expect(released).toBe(true)
  })

  test('a file is complete, and closed', async () => {
    const path = join(await folder(), 'file')
    const value = createWriteStream(path)
    for (let index = 0; index < 1_000; index++) value.write('0123456789')
    expect(kind.describe?.(value)).toBe(path)
    expect(await end(own(value))).toMatchObject({ outcome: 'closed' })
    expect((await readFile(path)).length).toBe(10_000)
    expect((value as { fd?: number | null }).fd).toBe(null)
  })

  test('a file that cannot be written fails', async () => {
    const value = createWriteStream(join(await folder(), 'no', 'such', 'folder'))
    expect(await end(own(value))).toMatchObject({ outcome: 'failed', error: { code: 'ENOENT' } })
  })
})

describe('a stream that is read, too', () => {
  test('what reads from it gets everything', async () => {
    const path = join(await folder(), 'file.gz')
    const gzip = createGzip()
    const file = gzip.pipe(createWriteStream(path))
    const text = 'all is well that ends well '.repeat(100_000)
    gzip.write(text)
    const life = own(file)
    life.use(gzip)
    expect((await life.close()).counts).toMatchObject({ closed: 2 })
    const [back] = await createReadStream(path)
      .pipe(createGunzip())
      .setEncoding('utf8')
      .reduce((sum: string[], chunk) => [(sum[0] ?? '') + chunk], [])
    expect(back).toBe(text)
  })

  test('is over when everything is written, where nobody reads it', async () => {
    const value = new PassThrough()
    value.write('nobody listens')
    expect(await end(own(value, { clock: new FakeClock() }))).toMatchObject({ outcome: 'closed' })
    expect(value.closed).toBe(true)
  })

  test('that has been ended is waited for while somebody reads it', async () => {
    const value = new PassThrough()
    value.end(Buffer.alloc(100_000))
    const slow = value.pipe(sink({ highWaterMark: 1, write: (_chunk, _encoding, done) => void setImmediate(done) }))
    expect(await end(own(value))).toMatchObject({ outcome: 'closed' })
    await until('the reader is through', () => slow.writableFinished)
  })
})

describe('a stream that can only be read', () => {
  test('is destroyed', async () => {
    const value = source()
    value.push('unread')
    expect(await end(own(value, { clock: new FakeClock() }))).toMatchObject({ outcome: 'closed' })
    expect(value.closed).toBe(true)
  })

  test('fails with the error of that', async () => {
    const value = new Readable({ read() {}, destroy: (_error, done) => done(failure) })
    expect(await end(own(value))).toMatchObject({ outcome: 'failed', error: failure })
  })
})

describe('http', () => {
  async function exchange(): Promise<{ request: IncomingMessage; response: ServerResponse; client: Client }> {
    const server = await listen(createServer(), { port: 0, host: '127.0.0.1' })
    onTestFinished(() => void server.close().closeAllConnections())
    const asked = once(server, 'request')
    const client = await Client.connect(server)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234')
    const [request, response] = (await asked) as [IncomingMessage, ServerResponse]
    return { request, response, client }
  }

  test('a request is read to its end, and its reply goes out', async () => {
    const { request, response, client } = await exchange()
    expect(kind.matches(request)).toBe(true)
    const life = own(request)
    const row = end(life)
    await new Promise(setImmediate)
    expect(life.state).toBe('closing')
    client.send('56789')
    expect(await row).toMatchObject({ outcome: 'closed' })
    response.end('thanks')
    await client.hears('thanks')
  })

  test('a reply is ended', async () => {
    const { response, client } = await exchange()
    expect(kind.matches(response)).toBe(true)
    response.write('so far')
    client.send('56789')
    expect(await end(own(response))).toMatchObject({ outcome: 'closed' })
    await client.hears(/so far\r\n0\r\n\r\n$/)
    expect(client.closed).toBe(false)
  })
})

test('a stream leaves by itself when it closes, and one that has closed is closed', async () => {
  const value = sink()
  const life = own(value)
  expect([kind.isGone?.(value), life.snapshot().size, kind.describe?.(value)]).toEqual([false, 1, 'Writable'])
  value.end()
  await once(value, 'close')
  expect([kind.isGone?.(value), life.snapshot().size]).toEqual([true, 0])
  expect(await end(own(value))).toMatchObject({ outcome: 'closed' })
  const broken = sink()
  const gone = new Promise((resolve) => broken.on('close', resolve))
  broken.on('error', () => {}).destroy(failure)
  await gone
  expect(await end(own(broken))).toMatchObject({ outcome: 'closed' })
})

test('forgotten, nothing of ours stays', () => {
  const value = sink()
  const before = value.eventNames().map((name) => value.listenerCount(name))
  own(value).forget(value)
  expect(value.eventNames().map((name) => value.listenerCount(name))).toEqual(before)
})
