import { type Channel, channel } from 'node:diagnostics_channel'
import type { Server as HttpServer, ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Drain, on } from './drain.ts'
import { hangUp } from './goodbye.ts'

/** What Node publishes of a request, whatever event it then becomes. */
interface Exchange {
  readonly server: Server
  readonly socket: Duplex & { readonly bytesRead?: number; readonly alpnProtocol?: unknown }
  readonly response: ServerResponse
}

type Socket = Exchange['socket']

/** One connection, and what it owes its client. */
interface Line {
  /** Begun and not yet sent, in order of their requests. */
  readonly replies: ServerResponse[]
  /** How many bytes had been read when the last reply was sent: a further one begins a request. */
  read: number
  letGo(): void
}

/**
 * The replies of an HTTP/1 server: each that has begun is sent whole, and its connection ends with it.
 *
 * Requests are seen through `node:diagnostics_channel`, so that the server's own events keep their meaning: a listener
 * of ours for `checkContinue`, say, would keep Node from answering it, and frameworks move `request` listeners about.
 */
export class Replies implements Drain {
  drained = 0
  readonly #server: Server
  readonly #lines = new Map<Socket, Line>()
  readonly #stops: (() => void)[]
  #hears = false
  #begun = 0
  #announced = false
  #ending = false
  #swept = false
  #cut = false

  constructor(server: Server, event: 'connection' | 'secureConnection') {
    this.#server = server
    this.#stops = [on(server, event, (socket: Socket) => this.#open(socket))]
    if (server.listening) this.#hear()
  }

  announce(): void {
    this.#announced = true
    for (const { replies } of this.#lines.values()) closeAfter(replies.at(-1))
  }

  begin(): void {
    this.#announced = true
    this.#ending = true
    for (const { replies } of this.#lines.values()) for (const reply of replies) closeAfter(reply)
  }

  sweep(): void {
    this.#swept = true
    for (const [socket, line] of this.#lines) if (isIdle(socket, line)) hangUp(socket)
    this.#sweepUnseen()
  }

  late(): void {
    for (const [socket, { replies }] of this.#lines) if (replies.length === 0) socket.destroy()
    this.#sweepUnseen()
  }

  cut(): number {
    this.#cut = true
    for (const socket of this.#lines.keys()) socket.destroy()
    return this.#begun
  }

  /** Leaves a connection that has left HTTP. */
  drop(socket: Socket): void {
    const line = this.#lines.get(socket)
    if (line === undefined) return
    line.letGo()
    this.#begun -= line.replies.length
    this.#lines.delete(socket)
  }

  stop(): void {
    for (const stop of this.#stops) stop()
    for (const { letGo } of this.#lines.values()) letGo()
  }

  #open(socket: Socket): void {
    this.#hear()
    if (socket.alpnProtocol !== 'h2') this.#line(socket)
  }

  /** A channel holds its subscribers, and so a server that nobody knows any more: not before there are requests. */
  #hear(): void {
    if (this.#hears) return
    this.#hears = true
    this.#stops.push(
      hear(channel('http.server.request.start'), this.#server, (exchange) => this.#begin(exchange)),
      // Published before Node turns to the next request in line.
      hear(channel('http.server.response.finish'), this.#server, (exchange) => this.#sent(exchange)),
    )
  }

  #begin({ socket, response }: Exchange): void {
    this.#line(socket).replies.push(response)
    this.#begun++
    if (this.#announced) closeAfter(response)
  }

  #sent({ socket, response }: Exchange): void {
    const line = this.#lines.get(socket)
    const place = line?.replies.indexOf(response) ?? -1
    if (line !== undefined && place !== -1) {
      line.replies.splice(place, 1)
      line.read = socket.bytesRead ?? 0
      this.#begun--
      if (this.#ending && !this.#cut) this.drained++
    }
    if (!this.#ending) return
    // What is in line behind it stays unanswered, as `Connection: close` says.
    hangUp(socket)
    if (this.#swept && this.#begun === 0) process.nextTick(() => this.#sweepUnseen())
  }

  #line(socket: Socket): Line {
    const known = this.#lines.get(socket)
    if (known !== undefined) return known
    const line: Line = { replies: [], read: 0, letGo: on(socket, 'close', () => this.drop(socket)) }
    this.#lines.set(socket, line)
    return line
  }

  /**
   * Connections made before the tracking began are known to Node alone. It takes one for idle, though, whose reply has
   * been ended and not yet sent, and would cut that off.
   */
  #sweepUnseen(): void {
    const lines = [...this.#lines.values()]
    const unsent = lines.some(({ replies }) => replies.some(isUnsent))
    if (!unsent) (this.#server as HttpServer).closeIdleConnections()
  }
}

function isUnsent({ writableEnded, writableFinished }: ServerResponse): boolean {
  return writableEnded && !writableFinished
}

function hear(source: Channel, server: Server, heard: (exchange: Exchange) => void): () => void {
  const listener = (message: unknown) => {
    if ((message as Exchange).server === server) heard(message as Exchange)
  }
  source.subscribe(listener)
  return () => void source.unsubscribe(listener)
}

/** Has Node send `Connection: close` and end the connection after this reply, if its header hasn't been sent. */
function closeAfter(reply: ServerResponse | undefined): void {
  if (reply === undefined || reply.headersSent) return
  reply.shouldKeepAlive = false
  if (reply.hasHeader('connection')) reply.setHeader('Connection', 'close')
}

function isIdle(socket: Socket, { replies, read }: Line): boolean {
  return replies.length === 0 && (socket.bytesRead ?? 0) === read
}
