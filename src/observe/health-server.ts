import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { builtin } from '../lifecycle/builtin.ts'
import { checkObject, checkOptions, checkPort, wrongType } from '../lifecycle/check.ts'
import { publish } from '../lifecycle/events.ts'
import { type Lifecycle, scopeOf } from '../lifecycle/lifecycle.ts'
import { healthHandler } from './health.ts'
import { type Details, type HealthOptions, healthOptions } from './health-options.ts'

/** Options of {@link serveHealth}: those of `healthHandler`, and where it listens. */
export interface HealthServerOptions extends HealthOptions {
  /** The port, 0 to 65 535; 0 is any that is free. */
  port: number
  /** The address. Default: all of the machine's, since the kubelet comes from outside. */
  host?: string
  /** Who sees more than the status. Default: `always`, since this isn't the port that the public gets. */
  details?: Details
}

/** A server that {@link serveHealth} has opened. */
export interface HealthServer {
  /** The port that it listens on. */
  readonly port: number
  /** Ends it at once, with every connection, whatever is under way there. Asked again, it gives the same promise. */
  close(): Promise<void>
}

/**
 * Answers probes on a port of its own, so that they are answered whatever becomes of the application's server.
 *
 * It is no resource of the lifecycle: whoever opens it closes it, when that has closed, so that `/livez` is answered
 * until then. It doesn't keep the process alive.
 *
 * @returns A promise of the server, which listens. It rejects with the server's error if it can't (`EADDRINUSE`).
 * @throws TypeError or RangeError, as a rejection, for a bad option.
 * @example
 * ```ts
 * const health = await serveHealth(life, { port: 9_000 })
 * await life.close()
 * await health.close()
 * ```
 */
export async function serveHealth(life: Lifecycle, options: HealthServerOptions): Promise<HealthServer> {
  checkObject('options', options)
  checkOptions('serveHealth', options, ['port', 'host', ...healthOptions])
  const { port, host, ...rest } = options
  checkAddress(port, host)
  const handle = healthHandler(life, { details: 'always', ...rest })
  const server = builtin('node:http').createServer((request, response) => {
    if (!handle(request, response)) response.writeHead(404, { 'content-length': 0 }).end()
  })
  // Who only watches must not be why the process stays.
  server.unref()
  server.on('connection', (socket) => socket.unref())
  server.listen(host === undefined ? { port } : { port, host })
  await once(server, 'listening')
  tellErrors(server, life)
  let closed: Promise<void> | undefined
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      closed ??= close(server)
      return closed
    },
  }
}

function checkAddress(port: unknown, host: unknown): void {
  if (typeof port !== 'number') throw wrongType('options.port', 'a port, a number', port)
  checkPort('options.port', port)
  if (host !== undefined && typeof host !== 'string') throw wrongType('options.host', 'an address', host)
}

/** A connection that can't be accepted is no reason to end the program. */
function tellErrors(server: Server, life: Lifecycle): void {
  const scope = scopeOf(life)
  server.on('error', (error) => {
    if (!scope.observes('resource.error')) return
    publish(scope, Object.freeze({ type: 'resource.error', path: `${scope.path}/health`, kind: 'server', error }))
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
