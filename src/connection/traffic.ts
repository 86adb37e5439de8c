import type { Server as HttpServer } from 'node:http'
import type { Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { soon } from '../lifecycle/clock.ts'
import type { CloseContext } from '../lifecycle/kind.ts'
import { type Drain, on } from './drain.ts'
import { PATIENCE } from './goodbye.ts'
import { Handshakes } from './handshakes.ts'
import { protocolsOf } from './protocols.ts'
import { Replies } from './replies.ts'
import { Sessions } from './sessions.ts'
import { Sockets } from './sockets.ts'
import { Upgrades } from './upgrades.ts'

const slots = new WeakMap<Server, Traffic>()

/** The traffic of a server, as far as somebody holds it. */
export function trafficOf(server: Server): Traffic | undefined {
  return slots.get(server)
}

/** Has a server watched until the holder calls `release()`. */
export function hold(server: Server): Traffic {
  const traffic = slots.get(server) ?? new Traffic(server)
  slots.set(server, traffic)
  traffic.holders++
  return traffic
}

/**
 * Has every HTTP/1 reply of a held server from now on carry `Connection: close`, and changes nothing else: it goes on
 * accepting, idle connections stay open. For the time in which new connections still come, although others are already
 * being sent elsewhere. HTTP/2 has no such header; its sessions end when the server does.
 */
export function announceClose(server: Server): void {
  slots.get(server)?.announce()
}

/** Everything that clients have under way with one server, as far as it began after the watching did. */
export class Traffic {
  holders = 0
  readonly #server: Server
  readonly #drains: readonly Drain[]
  readonly #sockets = new Map<Duplex, () => void>()
  readonly #stops: readonly (() => void)[]
  #stopped = false
  #closed = false
  #cut = 0
  #closing: Promise<void> | undefined
  #forcing: Promise<void> | undefined
  #clear = (): void => {}
  readonly #waiting: (() => void)[] = []

  constructor(server: Server) {
    this.#server = server
    // Handed-in connections, which Node doesn't count, are waited for too.
    this.#stops = [
      on(server, 'connection', (socket: Duplex) => this.#add(socket)),
      on(server, 'close', () => {
        this.#closed = true
        this.#settle()
      }),
    ]
    this.#drains = drainsOf(server)
  }

  /** Whether nobody is connected, as far as was seen. */
  get isEmpty(): boolean {
    return this.#sockets.size === 0
  }

  /** Conversations that have ended since closing began, and those that were cut short. */
  get summary(): string {
    return `drained ${this.#drains.reduce((sum, { drained }) => sum + drained, 0)}, cut ${this.#cut}`
  }

  /** Undoes one {@link hold}. The last takes every listener off. */
  release(): void {
    if (--this.holders > 0) return
    slots.delete(this.#server)
    for (const stop of [...this.#stops, ...this.#sockets.values()]) stop()
    for (const drain of this.#drains) drain.stop()
  }

  /** Every reply from now on is the last of its connection. Unless it `accepts`, no new connections come. */
  announce(accepts = true): void {
    for (const drain of this.#drains) drain.announce?.()
    if (!accepts) this.#stopAccepting()
  }

  /** Ends it gently, and resolves when it is gone. Joins where it ends already. */
  close(context: CloseContext): Promise<void> {
    this.#closing ??= this.#drain(context)
    return this.#closing
  }

  /** Ends it now, and resolves when it is gone. Joins where it ends already. */
  force(): Promise<void> {
    this.#forcing ??= this.#destroy()
    return this.#forcing
  }

  async #drain({ clock, grace }: CloseContext): Promise<void> {
    for (const drain of this.#drains) drain.begin?.()
    this.#stopAccepting()
    const timer = clock.setTimeout(
      () => {
        for (const drain of this.#drains) drain.late?.()
      },
      Math.min(PATIENCE, grace / 2),
    )
    this.#clear = () => clock.clearTimeout(timer)
    // What clients had sent before may still lie in the socket, unread: idle is who has sent nothing by then.
    await look()
    for (const drain of this.#drains) drain.sweep()
    await this.#gone()
  }

  async #destroy(): Promise<void> {
    this.#clear()
    this.#stopAccepting()
    for (const drain of this.#drains) this.#cut += drain.cut()
    for (const socket of this.#sockets.keys()) socket.destroy()
    // For those that nobody has seen.
    if ('closeAllConnections' in this.#server) (this.#server as HttpServer).closeAllConnections()
    await this.#gone()
  }

  /** Not listening is no error: what clients still have under way is to end all the same. */
  #stopAccepting(): void {
    if (this.#stopped) return
    this.#stopped = true
    withoutClosingIdle(this.#server, () => this.#server.close())
  }

  #add(socket: Duplex): void {
    this.#sockets.set(
      socket,
      on(socket, 'close', () => {
        this.#sockets.delete(socket)
        this.#settle()
      }),
    )
    if (this.#stopped) socket.destroy()
  }

  #gone(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#settle()
    })
  }

  #settle(): void {
    if (!this.#closed || this.#sockets.size > 0) return
    this.#clear()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

function drainsOf(server: Server): Drain[] {
  const { tls, http1, http2 } = protocolsOf(server)
  const event = tls ? 'secureConnection' : 'connection'
  const drains: Drain[] = tls ? [new Handshakes(server)] : []
  if (http2) drains.push(new Sessions(server))
  if (http1) {
    const replies = new Replies(server, event)
    drains.push(replies, new Upgrades(server, (socket) => replies.drop(socket)))
  }
  if (!http1 && !http2) drains.push(new Sockets(server, event))
  return drains
}

/**
 * Node's `close` of an HTTP server calls `closeIdleConnections`, which takes a connection for idle whose reply has been
 * ended but not yet sent: of a large one to a slow client the rest would be lost. Here it does nothing for once.
 */
function withoutClosingIdle(server: Server, action: () => void): void {
  const name = 'closeIdleConnections'
  const own = Object.getOwnPropertyDescriptor(server, name)
  Object.defineProperty(server, name, { value: () => {}, configurable: true, writable: true })
  try {
    action()
  } finally {
    if (own === undefined) Reflect.deleteProperty(server, name)
    else Object.defineProperty(server, name, own)
  }
}

/** Has the event loop look for what has arrived at least once: the turn under way may have looked already. */
function look(): Promise<void> {
  return new Promise((resolve) => {
    soon(() => soon(resolve))
  })
}
