import { Agent, get } from 'node:http'

/** Clients that keep their connections and send one request after another, each of them once. */
export class Clients {
  done = 0
  failed = 0
  path = '/'
  readonly #port: number
  readonly #agent = new Agent({ keepAlive: true })
  readonly #all: readonly Promise<void>[]
  #isStopped = false

  constructor(port: number, count: number) {
    this.#port = port
    this.#all = Array.from({ length: count }, () => this.#send())
  }

  /** Lets the requests under way end. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#all)
    this.#agent.destroy()
  }

  async #send(): Promise<void> {
    while (!this.#isStopped) {
      await this.#ask().then(
        () => (this.done += 1),
        () => (this.failed += 1),
      )
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }

  #ask(): Promise<void> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#port, path: this.path, agent: this.#agent }
      get(options, (response) => response.resume().once('end', resolve).once('error', reject)).once('error', reject)
    })
  }
}
