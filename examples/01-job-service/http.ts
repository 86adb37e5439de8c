/**
 * The service's HTTP interface. Shows what a handler has to do about the shutdown: refuse new jobs, and let nobody wait
 * for what ends later than the server. All else (whole replies, connections, websockets) is the kind `server`'s.
 *
 *     POST   /jobs            kind=quick → 201, or 429 with too many, or 503 while it stops
 *     GET    /jobs            all
 *     GET    /jobs/quick-1    one; with ?wait not before it has ended, or the service stops
 *     DELETE /jobs/quick-1    stops it
 *     GET    /export          all, line by line, in no hurry
 *     GET    /resources       what the service holds
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lifecycle } from 'endswell'
import { type Jobs, kinds } from './jobs.ts'
import type { Prices } from './prices.ts'
import type { Store } from './store.ts'

/** How many jobs may run at once. */
const MOST = 6
/** How many bytes the body of a request may have. */
const LONGEST = 1_000

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** What requests are answered from. */
export interface Means {
  readonly jobs: Jobs
  readonly store: Store
  readonly prices: Prices
}

/** Makes the handler. `life` is the service's own, whose signal aborts before anything is closed. */
export function handlerFor(life: Lifecycle, { jobs, store, prices }: Means): Handler {
  async function create(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const length = Number(request.headers['content-length'])
    if (!(length <= LONGEST)) return reply(response, 413)
    const kind = new URLSearchParams(await text(request)).get('kind') ?? ''
    if (!kinds.includes(kind)) reply(response, 400, { kinds })
    else if (life.disposed) reply(response, 503)
    else if (jobs.size >= MOST) reply(response, 429)
    else reply(response, 201, { id: jobs.start(kind), cents: prices.get(kind) })
  }

  async function wait(id: string, response: ServerResponse): Promise<void> {
    response.setHeader('Content-Type', 'application/json').flushHeaders()
    try {
      await jobs.end(id, life.signal)
    } catch {
      // The service stops, and jobs are stopped only after the server: who asked learns how far it is.
    }
    response.end(JSON.stringify(store.get(id)))
  }

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const what = `${request.method} ${pathname.replace(/(?<=^\/jobs\/)[^/]+$/, ':id')}`
    const id = pathname.slice('/jobs/'.length)
    if (what === 'POST /jobs') return await create(request, response)
    if (what === 'GET /jobs') return reply(response, 200, store.all())
    if (what === 'GET /resources') return reply(response, 200, life.snapshot())
    if (what === 'GET /export') return await pipeline(Readable.from(lines(store)), response)
    if (!what.endsWith(':id') || store.get(id) === undefined) return reply(response, 404)
    if (what === 'GET /jobs/:id' && searchParams.has('wait')) return await wait(id, response)
    if (what === 'DELETE /jobs/:id' && store.get(id)?.state === 'running') await jobs.stop(id)
    reply(response, 200, store.get(id))
  }

  return (request, response) => {
    route(request, response).catch((error: Error) => {
      if (response.headersSent) response.destroy(error)
      else reply(response, 500, { error: error.message })
    })
  }
}

async function* lines(store: Store): AsyncGenerator<string> {
  const all = store.all()
  for (const job of all) {
    yield `${JSON.stringify(job)}\n`
    await sleep(10)
  }
  yield `${JSON.stringify({ jobs: all.length })}\n`
}

function reply(response: ServerResponse, status: number, body: unknown = {}): void {
  if (status === 429 || status === 503) response.setHeader('Retry-After', 1)
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}
