/** Websockets that watch the jobs. Shows a client without a disposer, given to the lifecycle by two of its methods. */
import { EventEmitter, once } from 'node:events'
import type { Lifecycle } from 'endswell'
import { WebSocket } from 'ws'
import type { News } from './progress.ts'

/** Some websockets on the service's progress, and what they have heard. */
export class Watchers {
  /** The codes with which the service said goodbye. */
  readonly goodbyes: number[] = []
  news = 0
  readonly #sockets: WebSocket[] = []
  readonly #ready = new Set<string>()
  readonly #events = new EventEmitter()

  /** Opens `count` of them. */
  async open(life: Lifecycle, port: number, count: number): Promise<void> {
    for (let opened = 0; opened < count; opened += 1) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/progress`)
      life.use(socket, { name: 'watcher', close: 'close', force: 'terminate' })
      socket.on('message', (data) => this.#heard(JSON.parse(String(data))))
      socket.on('close', (code) => this.goodbyes.push(code))
      socket.on('error', () => {})
      this.#sockets.push(socket)
      await once(socket, 'open', { signal: life.signal })
    }
  }

  /** Waits until all these jobs have said that they are ready. */
  async ready(ids: readonly string[], signal: AbortSignal): Promise<void> {
    while (!ids.every((id) => this.#ready.has(id))) await once(this.#events, 'ready', { signal })
  }

  /** Waits until all have been told goodbye: then the service is closing. */
  async over(signal: AbortSignal): Promise<void> {
    const open = this.#sockets.filter(({ readyState }) => readyState !== WebSocket.CLOSED)
    await Promise.all(open.map((socket) => once(socket, 'close', { signal })))
  }

  #heard({ id, line }: News): void {
    this.news += 1
    if (line !== 'ready') return
    this.#ready.add(id)
    this.#events.emit('ready')
  }
}
