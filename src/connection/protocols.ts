import type { Server } from 'node:net'
import { builtin } from '../lifecycle/builtin.ts'
import { disposerOwner } from '../lifecycle/node-disposer.ts'

/** What a server speaks, told by its methods alone, so that no module is loaded that the program has no use for. */
export interface Protocols {
  /** Connections begin with a TLS handshake. */
  readonly tls: boolean
  /** HTTP/1, which an HTTP/2 server over TLS may speak too. */
  readonly http1: boolean
  /** HTTP/2. */
  readonly http2: boolean
}

/** What `server` speaks. */
export function protocolsOf(server: Server): Protocols {
  return {
    tls: has(server, 'getTicketKeys'),
    http1: has(server, 'closeIdleConnections'),
    http2: has(server, 'updateSettings'),
  }
}

/**
 * Whether `value` is a server of `node:net`, `tls`, `http`, `https` or `http2` without a disposer of its own: a class
 * that wrote one knows best how its servers end.
 */
export function isServer(value: unknown): value is Server {
  if (typeof value !== 'object' || value === null || !has(value, 'listen') || !has(value, 'address')) return false
  const { Server } = builtin('node:net')
  if (!(value instanceof Server)) return false
  const owner = disposerOwner(value)
  if (owner === undefined || owner === Server.prototype) return true
  const { tls, http1, http2 } = protocolsOf(value)
  // The classes of HTTP/2 are not exported. One over TLS inherits the disposer of `net.Server`.
  if (http2) return owner === Object.getPrototypeOf(builtin('node:http2').createServer())
  return http1 && owner === builtin(tls ? 'node:https' : 'node:http').Server.prototype
}

function has(value: object, method: string): boolean {
  return typeof (value as Record<string, unknown>)[method] === 'function'
}
