/**
 * A client with one kept-alive connection, which counts what became of its requests: replies that came whole, replies
 * that were cut after their header, and requests that were refused before a byte of a reply.
 */
import { Agent, type ClientRequest, request } from 'node:http'

/** What came back; a request that was refused or cut has no reply. */
export interface Reply {
  readonly status: number
  readonly body: string
}

/** What became of all requests of all clients. */
export class Counts {
  readonly whole = new Map<number, number>()
  cut = 0
  refused = 0

  /** Replies that came whole. */
  get replies(): number {
    return [...this.whole.values()].reduce((sum, count) => sum + count, 0)
  }

  toString(): string {
    const statuses = [...this.whole].sort(([a], [b]) => a - b).map(([status, count]) => `${status} × ${count}`)
    return `${this.replies} replies (${statuses.join(', ')}), ${this.cut} cut, ${this.refused} refused`
  }
}

/** A request under way. */
export interface Exchange {
  readonly request: ClientRequest
  /** Resolves when the header of the reply has come, or nothing will. */
  readonly begun: Promise<void>
  /** Resolves when all is over. */
  readonly reply: Promise<Reply | undefined>
}

/** A client of the service at a port of this machine. */
export class Client {
  readonly #port: number
  readonly #counts: Counts
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor(port: number, counts: Counts) {
    this.#port = port
    this.#counts = counts
  }

  /** Begins a request whose body is still to be sent. */
  begin(method: string, path: string, headers: Record<string, string | number> = {}): Exchange {
    const sent = request({ host: '127.0.0.1', port: this.#port, agent: this.#agent, method, path, headers })
    const begun = Promise.withResolvers<void>()
    const over = Promise.withResolvers<Reply | undefined>()
    const { whole } = this.#counts
    let answered = false
    sent.on('response', (response) => {
      answered = true
      begun.resolve()
      let body = ''
      response.setEncoding('utf8').on('data', (text) => {
        body += text
      })
      // A reply that is cut has an error, which says no more than that.
      response.on('error', () => {})
      response.on('close', () => {
        const { complete, statusCode: status = 0 } = response
        if (complete) whole.set(status, (whole.get(status) ?? 0) + 1)
        else this.#counts.cut += 1
        over.resolve(complete ? { status, body } : undefined)
      })
    })
    sent.on('error', () => {
      if (answered) return
      this.#counts.refused += 1
      begun.resolve()
      over.resolve(undefined)
    })
    return { request: sent, begun: begun.promise, reply: over.promise }
  }

  /** Sends a request and waits for its reply. */
  async send(method: string, path: string, body = ''): Promise<Reply | undefined> {
    const { request: sent, reply } = this.begin(method, path, body === '' ? {} : { 'Content-Length': body.length })
    sent.end(body)
    return await reply
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}
