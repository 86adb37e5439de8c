import { once } from 'node:events'
import { type Agent, get } from 'node:http'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { Lifecycle, listen } from 'endswell'
import { type HealthServerOptions, serveHealth } from 'endswell/observe'
import { describe, expect, onTestFinished, test } from 'vitest'
import { portOf } from '../connection/client.ts'
import { Program } from '../fixtures/run/program.ts'

const local = { port: 0, host: '127.0.0.1' }

async function serve(life = new Lifecycle('app'), options: HealthServerOptions = local) {
  const health = await serveHealth(life, options)
  onTestFinished(() => health.close())
  const ask = async (path: string, agent: Agent | false = false) => {
    const [response] = await once(get({ host: '127.0.0.1', port: health.port, path, agent }), 'response')
    return { status: response.statusCode, body: await text(response) }
  }
  return { health, ask, life }
}

test('it answers probes with details, and 404 to the rest', async () => {
  const { ask } = await serve()
  const body = { status: 'ready', pending: [], degraded: {}, closing: [], checks: { db: { status: 'ok', ms: 0 } } }
  expect(await ask('/livez')).toEqual({ status: 200, body: JSON.stringify({ ...body, checks: {} }) })
  expect(await ask('/')).toEqual({ status: 404, body: '' })
})

test('it takes the options of the handler', async () => {
  const paths = { ready: '/ready' }
  const { ask } = await serve(new Lifecycle(), { ...local, paths, details: 'never', checks: { db: () => false } })
  expect(await ask('/ready')).toEqual({ status: 503, body: '{"status":"failing"}' })
})

test('it answers until it is closed, whatever has become of the lifecycle', async () => {
  const { health, ask, life } = await serve()
  await life.close()
  expect(await ask('/livez')).toMatchObject({ status: 200 })
  expect(await ask('/readyz')).toMatchObject({ status: 503 })
  await health.close()
  await expect(ask('/livez')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('it listens on every address of the machine, unless told otherwise', async () => {
  const { ask } = await serve(new Lifecycle(), { port: 0 })
  expect(await ask('/livez')).toMatchObject({ status: 200 })
})

test('a port that is taken rejects with the error', async () => {
  const taken = await listen(createServer(), local)
  onTestFinished(() => void taken.close())
  const port = portOf(taken)
  await expect(serveHealth(new Lifecycle(), { ...local, port })).rejects.toMatchObject({ code: 'EADDRINUSE', port })
})

describe('closing ends at once', () => {
  test.each([
    ['a connection that has said nothing', ''],
    ['half a header', 'GET /livez HTTP/1.1\r\nHost'],
    ['a connection that is kept', 'GET /livez HTTP/1.1\r\nHost: test\r\n\r\n'],
    ['a check that hangs', 'GET /readyz HTTP/1.1\r\nHost: test\r\n\r\n'],
  ])('%s', async (_, said) => {
    const check = { check: () => new Promise(() => {}), timeout: 50 }
    const { health, ask } = await serve(new Lifecycle(), { ...local, checks: { db: check } })
    const socket = connect(health.port, '127.0.0.1')
    socket.on('error', () => {})
    const gone = once(socket.resume(), 'close')
    await once(socket, 'connect')
    socket.write(said)
    // Connections are accepted in their order: when a later one is answered, this one is known.
    await ask('/livez')
    await health.close()
    await gone
  })

  test('and twice is once', async () => {
    const { health } = await serve()
    expect(health.close()).toBe(health.close())
    await health.close()
    await health.close()
  })
})

test('it does not keep the process alive, nor does a client', async () => {
  const program = new Program('health.ts', [], { stdio: ['pipe', 'pipe', 'pipe'] })
  await program.said('port')
  const port = Number(/port (\d+)/.exec(program.out)?.[1])
  const silent = connect(port, '127.0.0.1')
  onTestFinished(() => void silent.destroy())
  await once(silent, 'connect')
  // Connections are accepted in their order: when a later one is answered, the silent one is known.
  const [response] = await once(get({ host: '127.0.0.1', port, path: '/livez', agent: false }), 'response')
  await text(response)
  program.child.stdin?.end()
  expect(await program.exit).toMatchObject({ status: 0, err: '' })
})
