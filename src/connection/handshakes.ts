import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Drain, on } from './drain.ts'

interface Handshake {
  readonly socket: Socket
  letGo(): void
}

/**
 * Connections to a TLS server that are not through with their handshake: nobody has seen them but Node, and neither the
 * program nor `closeIdleConnections` can end them.
 */
export class Handshakes implements Drain {
  readonly drained = 0
  /** By the address of the other end, which the connection and the encrypted one that runs over it share. */
  readonly #raw = new Map<string, Handshake>()
  readonly #stops: readonly (() => void)[]

  constructor(server: Server) {
    this.#stops = [
      on(server, 'connection', (socket: Socket) => this.#begun(socket)),
      on(server, 'secureConnection', (socket: TLSSocket) => this.#over(farEnd(socket))),
    ]
  }

  /** A client that hasn't sent a byte has nothing to lose. */
  sweep(): void {
    for (const { socket } of this.#raw.values()) if (socket.bytesRead === 0) socket.destroy()
  }

  late(): void {
    for (const { socket } of this.#raw.values()) socket.destroy()
  }

  cut(): number {
    this.late()
    return 0
  }

  stop(): void {
    for (const stop of this.#stops) stop()
    for (const key of this.#raw.keys()) this.#over(key)
  }

  #begun(socket: Socket): void {
    const key = farEnd(socket)
    this.#over(key)
    this.#raw.set(key, { socket, letGo: on(socket, 'close', () => this.#over(key)) })
  }

  #over(key: string): void {
    this.#raw.get(key)?.letGo()
    this.#raw.delete(key)
  }
}

/** Those of a local socket (a path) have no address: of these the newest is known, and force ends the rest. */
function farEnd({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`
}
