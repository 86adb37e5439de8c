import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import express from 'express'
import fastify from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Lifecycle, listen } from '../../src/index.ts'
import { scopeOf } from '../../src/lifecycle/lifecycle.ts'
import { readinessOf } from '../../src/lifecycle/readiness.ts'
import { type HealthHandler, type HealthOptions, healthHandler } from '../../src/observe/index.ts'
import { portOf } from '../connection/client.ts'
import { until } from '../fixtures/until.ts'
import { stages } from '../observe/stages.ts'

const endpoints = ['/livez', '/readyz', '/startupz'] as const

interface Reply {
  status: number | undefined
  headers: IncomingHttpHeaders
  body: string
}

async function ask(server: Server, path: string, method = 'GET'): Promise<Reply> {
  const asking = request({ host: '127.0.0.1', port: portOf(server), path, method, agent: false }).end()
  const [response] = await once(asking, 'response')
  return { status: response.statusCode, headers: response.headers, body: await text(response) }
}

/** Has a server listen until the test is over. */
async function serve(server: Server): Promise<Server> {
  onTestFinished(async () => {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  })
  return await listen(server, { port: 0, host: '127.0.0.1' })
}

/** The ways to put the handler into an application, which itself answers `app`. */
const hosts: Record<string, (health: HealthHandler) => Promise<Server> | Server> = {
  'node:http': (health) =>
    createServer((req, res) => {
      if (!health(req, res)) res.end('app')
    }),
  Express: (health) => {
    const app = express()
    app.use(health)
    app.use((_req, res) => void res.send('app'))
    return createServer(app)
  },
  'Express, mounted': (health) => {
    const app = express()
    const inner = express.Router()
    inner.use(health)
    app.use((req, _res, next) => {
      req.url = `/inner${req.url}`
      next()
    })
    app.use('/inner', inner)
    app.use((_req, res) => void res.send('app'))
    return createServer(app)
  },
  Fastify: async (health) => {
    const app = fastify()
    app.addHook('onRequest', (req, reply, done) => {
      if (health(req.raw, reply.raw)) reply.hijack()
      else done()
    })
    app.get('*', async () => 'app')
    await app.ready()
    return app.server
  },
}

describe.each(Object.entries(hosts))('in %s', (_, host) => {
  test('every stage has its statuses, for GET and for HEAD', async () => {
    for (const { name, set, healthy, status } of stages) {
      const life = new Lifecycle()
      const server = await serve(await host(healthHandler(life)))
      await set(life)
      for (const [at, path] of endpoints.entries()) {
        const [got, head] = [await ask(server, path), await ask(server, path, 'HEAD')]
        const expected = healthy[at] ? 200 : 503
        expect([name, path, got.status, got.body]).toEqual([name, path, expected, JSON.stringify({ status })])
        expect(got.headers).toMatchObject({
          'content-type': 'application/json',
          'cache-control': 'no-store',
          'content-length': String(got.body.length),
        })
        const { date: __, ...headers } = got.headers
        expect(head).toMatchObject({ status: expected, headers, body: '' })
      }
      await life.close({ force: true })
    }
  })

  test('the rest goes to the application, and other methods are refused', async () => {
    const server = await serve(await host(healthHandler(new Lifecycle())))
    expect(await ask(server, '/orders')).toMatchObject({ status: 200, body: 'app' })
    expect(await ask(server, '/livez/')).toMatchObject({ status: 200, body: 'app' })
    expect(await ask(server, '/livez', 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })

  test('readiness follows the checks, and liveness does not', async () => {
    let works = true
    const checks: HealthOptions['checks'] = { db: { check: async () => works, cache: 0 } }
    const server = await serve(await host(healthHandler(new Lifecycle(), { checks })))
    const statuses = async () => Promise.all(endpoints.map(async (path) => (await ask(server, path)).status))
    expect(await statuses()).toEqual([200, 200, 200])
    works = false
    expect(await statuses()).toEqual([200, 503, 200])
    expect((await ask(server, '/readyz')).body).toBe('{"status":"failing"}')
    works = true
    expect(await statuses()).toEqual([200, 200, 200])
  })
})

test('a check on live that fails fails liveness alone, also while it drains, until it closes', async () => {
  const life = new Lifecycle()
  const checks: HealthOptions['checks'] = { loop: { check: () => false, on: 'live' } }
  const server = await serve(createServer(healthHandler(life, { checks })))
  const statuses = async () => Promise.all(endpoints.map(async (path) => (await ask(server, path)).status))
  expect(await statuses()).toEqual([503, 200, 200])
  readinessOf(scopeOf(life)).drain()
  expect(await statuses()).toEqual([503, 503, 200])
  await life.close()
  expect(await statuses()).toEqual([200, 503, 200])
})

test('one handler serves several servers, and shares the runs of their checks', async () => {
  let runs = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const check = () => {
    runs += 1
    return promise
  }
  const life = new Lifecycle()
  const health = healthHandler(life, { checks: { db: { check, cache: 0 } } })
  const servers = [await serve(createServer(health)), await serve(createServer(health))]
  let received = 0
  for (const server of servers) server.on('request', () => received++)
  const asked = servers.flatMap((server) => [ask(server, '/readyz'), ask(server, '/readyz')])
  await until('all requests have come', () => received === 4)
  resolve()
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(runs).toBe(1)
  readinessOf(scopeOf(life)).drain()
  for (const server of servers) expect((await ask(server, '/readyz')).status).toBe(503)
})

test('what turns while a check runs counts: a lifecycle that begins to drain is not ready', async () => {
  const life = new Lifecycle()
  const { promise, resolve } = Promise.withResolvers<void>()
  const server = await serve(createServer(healthHandler(life, { checks: { db: () => promise } })))
  const received = once(server, 'request')
  const reply = ask(server, '/readyz')
  await received
  readinessOf(scopeOf(life)).drain()
  resolve()
  expect(await reply).toMatchObject({ status: 503, body: '{"status":"draining"}' })
})

test('a check that hangs is answered for when the closing begins, not when its time is up', async () => {
  const life = new Lifecycle()
  const check = { check: () => new Promise(() => {}), timeout: 600_000 }
  const server = await serve(createServer(healthHandler(life, { checks: { db: check } })))
  const received = once(server, 'request')
  const reply = ask(server, '/readyz')
  await received
  await life.close()
  expect(await reply).toMatchObject({ status: 503, body: '{"status":"closed"}' })
})

test('when the client goes away while a check runs, nothing breaks, and the next one is answered', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const server = await serve(createServer(healthHandler(new Lifecycle(), { checks: { db: () => promise } })))
  const received = once(server, 'request')
  const socket = connect(portOf(server), '127.0.0.1')
  socket.write('GET /readyz HTTP/1.1\r\nHost: test\r\n\r\n')
  const [, response] = await received
  socket.destroy()
  await once(response, 'close')
  resolve()
  expect(await ask(server, '/readyz')).toMatchObject({ status: 200 })
})

test('an answer that the application has sent meanwhile stays as it is', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const health = healthHandler(new Lifecycle(), { checks: { db: () => promise } })
  const server = createServer((req, res) => {
    health(req, res)
    res.end('too slow')
  })
  await serve(server)
  expect(await ask(server, '/readyz')).toMatchObject({ status: 200, body: 'too slow' })
  resolve()
  expect(await ask(server, '/readyz')).toMatchObject({ status: 200, body: 'too slow' })
})
