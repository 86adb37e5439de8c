import type { IncomingMessage } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Drain, on } from './drain.ts'
import { hangUp, sayGoodbye } from './goodbye.ts'

/** A websocket's close frame from a server: final, opcode 8, two bytes of payload, 1001 "going away". */
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9])

interface Upgraded {
  /** Whether the client asked for a websocket. */
  readonly websocket: boolean
  /** The connection, and how much had been written to it before it was upgraded. */
  readonly socket: Socket
  readonly before: number
  letGo(): void
}

/** Connections that an HTTP/1 server has handed to the program: websockets, other upgrades, and CONNECT tunnels. */
export class Upgrades implements Drain {
  drained = 0
  readonly #taken: (socket: Socket) => void
  readonly #streams = new Map<Duplex, Upgraded>()
  readonly #stops: readonly (() => void)[]
  #ending = false
  #cut = false

  /** `taken` is told of each connection that is HTTP no more. */
  constructor(server: Server, taken: (socket: Socket) => void) {
    this.#taken = taken
    const add = (request: IncomingMessage, stream: Duplex) => this.#add(request, stream)
    this.#stops = [follow(server, 'upgrade', add), follow(server, 'connect', add)]
  }

  begin(): void {
    this.#ending = true
  }

  sweep(): void {
    for (const [stream, upgraded] of this.#streams) endOurSide(stream, upgraded)
  }

  /** Clients need not answer a goodbye, and some can't; what other protocols still have to say is not known. */
  late(): void {
    for (const [stream, upgraded] of this.#streams) {
      if (!stream.writableEnded) endOurSide(stream, upgraded)
      if (isWebsocket(upgraded)) hangUp(stream)
    }
  }

  cut(): number {
    this.#cut = true
    for (const stream of this.#streams.keys()) stream.destroy()
    return this.#streams.size
  }

  stop(): void {
    for (const stop of this.#stops) stop()
    for (const { letGo } of this.#streams.values()) letGo()
  }

  #add({ socket, headers, method }: IncomingMessage, stream: Duplex): void {
    this.#taken(socket)
    const letGo = on(stream, 'close', () => {
      this.#streams.delete(stream)
      if (this.#ending && !this.#cut) this.drained++
    })
    const websocket = method !== 'CONNECT' && headers.upgrade?.toLowerCase() === 'websocket'
    this.#streams.set(stream, { websocket, socket, before: socket.bytesWritten, letGo })
  }
}

/**
 * A websocket's goodbye is a close frame. It can be sent without knowing what is on the wire, since programs write whole
 * frames. Of one that the program hasn't answered yet, only the connection ends.
 */
function endOurSide(stream: Duplex, upgraded: Upgraded): void {
  sayGoodbye(stream, isWebsocket(upgraded) ? GOING_AWAY : undefined)
}

function isWebsocket({ websocket, socket, before }: Upgraded): boolean {
  return websocket && socket.bytesWritten > before
}

/**
 * Listens to an event for as long as somebody else does, and before them: without a listener Node answers such requests
 * itself, and one of ours would keep it from that.
 */
function follow(
  server: Server,
  event: string,
  listener: (request: IncomingMessage, stream: Duplex) => void,
): () => void {
  let following = false
  const begin = () => {
    if (following) return
    following = true
    server.prependListener(event, listener)
  }
  const stops = [
    on(server, 'newListener', (name: unknown) => {
      if (name === event) begin()
    }),
    on(server, 'removeListener', (name: unknown, removed: unknown) => {
      if (name !== event) return
      if (removed === listener) following = false
      else if (following && server.listenerCount(event) === 1) server.off(event, listener)
    }),
    () => void server.off(event, listener),
  ]
  if (server.listenerCount(event) > 0) begin()
  return () => {
    for (const stop of stops) stop()
  }
}
