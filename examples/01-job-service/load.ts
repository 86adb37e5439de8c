/** What the demo's clients do: a bounded number of requests of every sort, until they are refused. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lifecycle } from 'endswell'
import { Client, type Counts, type Exchange } from './client.ts'

/** How many jobs one visitor orders at most. */
const MOST = 400

/** How many ms it waits before it asks again, where there are too many. */
const AGAIN = 50

/** What a visitor orders, over and over: the stubborn one is then stopped, the others are waited for. */
const orders = ['quick', 'fails', 'quick', 'stubborn', 'quick', 'litter', 'quick', 'quick']

/** The clients of one service, and which jobs it has promised them. */
export class Load {
  readonly accepted = new Set<string>()
  readonly #life: Lifecycle
  readonly #port: number
  readonly #counts: Counts

  constructor(life: Lifecycle, port: number, counts: Counts) {
    this.#life = life
    this.#port = port
    this.#counts = counts
  }

  client(): Client {
    return this.#life.use(new Client(this.#port, this.#counts), { name: 'client' })
  }

  /** Orders jobs one after another until a request is refused. */
  async visit(first: number): Promise<void> {
    const client = this.client()
    for (let order = first; order < first + MOST && !this.#life.disposed; order += 1) {
      const id = await this.order(client, orders[order % orders.length] ?? 'quick')
      if (id === undefined) return
      const isOver = id.startsWith('stubborn')
        ? await client.send('DELETE', `/jobs/${id}`)
        : await client.send('GET', `/jobs/${id}?wait`)
      const all = isOver && (await client.send('GET', order % 5 === 0 ? '/export' : '/jobs'))
      if (all === undefined) return
    }
  }

  /** Orders a job, again and again while there are too many; gives its id, or `undefined` where it is refused. */
  async order(client: Client, kind: string): Promise<string | undefined> {
    while (!this.#life.disposed) {
      const reply = await client.send('POST', '/jobs', `kind=${kind}`)
      if (reply?.status === 201) {
        const { id } = JSON.parse(reply.body)
        this.accepted.add(id)
        return id
      }
      if (reply?.status !== 429) return undefined
      await sleep(AGAIN)
    }
    return undefined
  }

  /** Begins requests that will be under way for a while: their replies have begun, but for one that is half sent. */
  async linger(ids: readonly string[]): Promise<{ halfSent: Exchange; begun: readonly Exchange[] }> {
    const begun = [...ids.map((id) => `/jobs/${id}?wait`), '/export', '/export'].map((path) => {
      const exchange = this.client().begin('GET', path)
      exchange.request.end()
      return exchange
    })
    await Promise.all(begun.map((exchange) => exchange.begun))
    const halfSent = this.client().begin('POST', '/jobs', { 'Content-Length': 10, Expect: '100-continue' })
    const heard = Promise.withResolvers<void>()
    halfSent.request.once('continue', heard.resolve)
    await Promise.race([heard.promise, halfSent.reply])
    return { halfSent, begun }
  }
}
