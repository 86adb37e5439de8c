import type { Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Drain, on } from './drain.ts'
import { sayGoodbye } from './goodbye.ts'

/**
 * The connections of a `net` or `tls` server, whose protocol only the program knows: each is ended on our side, and is
 * over when the client has ended it too.
 */
export class Sockets implements Drain {
  drained = 0
  #ending = false
  #cut = false
  readonly #sockets = new Map<Duplex, () => void>()
  readonly #stop: () => void

  constructor(server: Server, event: 'connection' | 'secureConnection') {
    this.#stop = on(server, event, (socket: Duplex) => this.#add(socket))
  }

  begin(): void {
    this.#ending = true
  }

  sweep(): void {
    for (const socket of this.#sockets.keys()) sayGoodbye(socket)
  }

  cut(): number {
    this.#cut = true
    for (const socket of this.#sockets.keys()) socket.destroy()
    return this.#sockets.size
  }

  stop(): void {
    this.#stop()
    for (const letGo of this.#sockets.values()) letGo()
  }

  #add(socket: Duplex): void {
    const letGo = on(socket, 'close', () => {
      this.#sockets.delete(socket)
      if (this.#ending && !this.#cut) this.drained++
    })
    this.#sockets.set(socket, letGo)
    if (this.#ending) sayGoodbye(socket)
  }
}
