import { EventEmitter, once } from 'node:events'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Server } from 'node:net'
import { PassThrough } from 'node:stream'
import express from 'express'
import fastify from 'fastify'
import { cert, key } from '../fixtures/tls.ts'

/** What the routes of every app answer, and when. */
export class Routes extends EventEmitter {
  /** Of these a client that reads nothing gets but a part. */
  readonly large = Buffer.alloc(30_000_000, 'x')
  /** What `/stream` is writing, newest last. */
  readonly streams: PassThrough[] = []

  /** `/slow` waits for {@link release}; `/stream` sends `begun` and goes on until it is told to end. */
  async answer(path: string): Promise<string | Buffer | PassThrough> {
    if (path.startsWith('/slow')) {
      const released = once(this, 'release')
      this.emit('begun', path)
      await released
      return `${path} is done`
    }
    if (path === '/large') return this.large
    if (path === '/stream') {
      const stream = new PassThrough()
      stream.write('begun')
      this.streams.push(stream)
      return stream
    }
    return `hello from ${path}`
  }

  release(): void {
    this.emit('release')
  }
}

export interface App {
  readonly name: string
  readonly tls: boolean
  create(routes: Routes): Promise<Server>
}

const handler =
  (routes: Routes): RequestListener =>
  async (request, response) => {
    const answer = await routes.answer(request.url ?? '')
    if (answer instanceof PassThrough) answer.pipe(response)
    else response.end(answer)
  }

/** HTTP/1 by Node itself, plain and secure, and by the frameworks that people use. */
export const apps: readonly App[] = [
  { name: 'http', tls: false, create: async (routes) => createHttp(handler(routes)) },
  { name: 'https', tls: true, create: async (routes) => createHttps({ cert, key }, handler(routes)) },
  {
    name: 'express',
    tls: false,
    async create(routes) {
      const app = express()
      app.use(async (request, response) => {
        const answer = await routes.answer(request.url)
        if (answer instanceof PassThrough) answer.pipe(response)
        else response.send(answer)
      })
      return createHttp(app)
    },
  },
  {
    name: 'fastify',
    tls: false,
    async create(routes) {
      const app = fastify({ keepAliveTimeout: 72_000 })
      app.get('*', ({ url }) => routes.answer(url))
      await app.ready()
      return app.server
    },
  },
]
