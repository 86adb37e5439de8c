import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Server } from 'node:net'
import { type Drain, on } from './drain.ts'

interface Session {
  /** Those that haven't closed. */
  readonly streams: Map<ServerHttp2Stream, () => void>
  letGo(): void
}

/**
 * The sessions of an HTTP/2 server. Each is closed: it tells its client by GOAWAY which streams it will still serve,
 * serves them, and ends. Node itself does so since version 24 only.
 */
export class Sessions implements Drain {
  drained = 0
  readonly #sessions = new Map<ServerHttp2Session, Session>()
  readonly #stop: () => void
  #ending = false
  #cut = false

  constructor(server: Server) {
    this.#stop = on(server, 'session', (session: ServerHttp2Session) => this.#add(session))
  }

  begin(): void {
    this.#ending = true
  }

  sweep(): void {
    for (const session of this.#sessions.keys()) session.close()
  }

  cut(): number {
    this.#cut = true
    let streams = 0
    for (const [session, { streams: open }] of this.#sessions) {
      streams += open.size
      session.destroy()
    }
    return streams
  }

  stop(): void {
    this.#stop()
    for (const { letGo } of this.#sessions.values()) letGo()
  }

  #add(session: ServerHttp2Session): void {
    const streams = new Map<ServerHttp2Stream, () => void>()
    const stops = [
      on(session, 'stream', (stream: ServerHttp2Stream) => this.#begin(stream, streams)),
      on(session, 'close', () => this.#sessions.delete(session)),
    ]
    const letGo = () => {
      for (const stop of [...stops, ...streams.values()]) stop()
    }
    this.#sessions.set(session, { streams, letGo })
    if (this.#ending) session.close()
  }

  #begin(stream: ServerHttp2Stream, streams: Session['streams']): void {
    const letGo = on(stream, 'close', () => {
      streams.delete(stream)
      const whole = stream.rstCode === 0 && !stream.aborted
      if (this.#ending && !this.#cut && whole) this.drained++
    })
    streams.set(stream, letGo)
  }
}
