/**
 * The service's HTTP interface. Shows what a handler has to do about the shutdown: refuse new jobs, and let nobody wait
 * for what ends later than the server. All else (whole replies, connections, websockets) is the kind `server`'s.
 *
 *     POST   /jobs            kind=quick → 201, or 429 with too many, or 503 while it stops
 *     GET    /jobs            those that run, and those that have ended a short while ago
 *     GET    /jobs/quick-1    one; with ?wait not before it has ended, or the service stops
 *     DELETE /jobs/quick-1    stops it
 *     GET    /export          all, line by line, in no hurry
 *     GET    /resources       what the service holds
 *     GET    /figures         what its pool, its buffer, its registry and its janitor have counted
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lifecycle } from 'endswell'
import type { JobRegistry } from 'endswell/bounded'
import { type Facts, type Jobs, kinds, rowOf } from './jobs.ts'
import type { Prices } from './prices.ts'
import type { Row, Store } from './store.ts'

/** How many jobs may run at once. */
const MOST = 6
/** How many bytes the body of a request may have. */
const LONGEST = 1_000

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** What requests are answered from. */
export interface Means {
  readonly jobs: Jobs
  readonly registry: JobRegistry<Facts>
  readonly store: Store
  readonly prices: Prices
  readonly counted: Readonly<Record<string, { stats(): object }>>
}

/** Makes the handler. `life` is the service's own, whose signal aborts before anything is closed. */
export function handlerFor(life: Lifecycle, { jobs, registry, store, prices, counted }: Means): Handler {
  /** In memory as long as it is there, else in the database. */
  async function find(id: string): Promise<Row | undefined> {
    const job = registry.get(id)
    return job === undefined ? await store.get(id) : rowOf(job)
  }

  async function create(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const length = Number(request.headers['content-length'])
    if (!(length <= LONGEST)) return reply(response, 413)
    const kind = new URLSearchParams(await text(request)).get('kind') ?? ''
    if (!kinds.includes(kind)) reply(response, 400, { kinds })
    else if (life.disposed) reply(response, 503)
    else if (registry.stats().active >= MOST) reply(response, 429)
    else reply(response, 201, { id: jobs.start(kind), cents: prices.get(kind) })
  }

  async function wait(id: string, response: ServerResponse): Promise<void> {
    response.setHeader('Content-Type', 'application/json').flushHeaders()
    try {
      await jobs.end(id, life.signal)
    } catch {
      // The service stops, and jobs are stopped only after the server: who asked learns how far it is.
    }
    response.end(JSON.stringify(await find(id)))
  }

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const what = `${request.method} ${pathname.replace(/(?<=^\/jobs\/)[^/]+$/, ':id')}`
    const id = pathname.slice('/jobs/'.length)
    if (what === 'POST /jobs') return await create(request, response)
    if (what === 'GET /jobs') return reply(response, 200, [...registry].map(rowOf))
    if (what === 'GET /resources') return reply(response, 200, life.snapshot())
    if (what === 'GET /figures') return reply(response, 200, figures())
    if (what === 'GET /export') return await pipeline(Readable.from(lines(store)), response)
    if (!what.endsWith(':id') || (await find(id)) === undefined) return reply(response, 404)
    if (what === 'GET /jobs/:id' && searchParams.has('wait')) return await wait(id, response)
    if (what === 'DELETE /jobs/:id' && registry.get(id)?.state === 'active') await jobs.stop(id)
    reply(response, 200, await find(id))
  }

  function figures(): object {
    return Object.fromEntries(Object.entries(counted).map(([name, each]) => [name, each.stats()]))
  }

  return (request, response) => {
    route(request, response).catch((error: Error) => {
      if (response.headersSent) response.destroy(error)
      else reply(response, 500, { error: error.message })
    })
  }
}

async function* lines(store: Store): AsyncGenerator<string> {
  const all = await store.all()
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
