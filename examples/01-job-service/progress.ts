/**
 * Tells websockets how the jobs get on. Shows a library, `ws`, on top of a server of ours: nothing of it is registered,
 * since the kind `server` says goodbye (1001, going away) to its connections.
 */
import type { Server } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'

/** How many bytes a watcher may be behind, before it is dropped. */
const BEHIND = 1 << 20

/** What is told of a job: a line that it printed, or its state when it has ended. */
export interface News {
  readonly id: string
  readonly line?: string
  readonly state?: string
}

/** The websockets that watch. */
export class Progress {
  #watchers: ReadonlySet<WebSocket> = new Set()

  /** Accepts websockets at `/progress`. */
  attach(server: Server): void {
    const sockets = new WebSocketServer({ server, path: '/progress' })
    sockets.on('connection', (watcher) => watcher.on('error', () => watcher.terminate()))
    this.#watchers = sockets.clients
  }

  tell(news: News): void {
    const text = JSON.stringify(news)
    for (const watcher of this.#watchers) {
      if (watcher.bufferedAmount > BEHIND) watcher.terminate()
      else if (watcher.readyState === watcher.OPEN) watcher.send(text)
    }
  }
}
