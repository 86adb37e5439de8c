import type { Session } from 'node:inspector'

/** What the inspector of a worker says: the answer to a message with an `id`, or the news of `method`. */
export interface InspectorMessage {
  readonly id?: number
  readonly method?: string
  readonly params?: unknown
  readonly result?: unknown
}

/** How Node titles a worker for debuggers. */
const TITLE = /^\[worker (\d+)\]/

/** A line to the inspector of one worker. */
export class WorkerLine {
  readonly #session: Session
  readonly #id: string
  #sent = 0
  #listener: ((message: InspectorMessage) => void) | undefined = undefined

  constructor(session: Session, id: string) {
    this.#session = session
    this.#id = id
  }

  listen(listener: (message: InspectorMessage) => void): void {
    this.#listener = listener
  }

  hear(message: string): void {
    this.#listener?.(JSON.parse(message) as InspectorMessage)
  }

  /** Sends a message, and returns its number. A worker that has ended hears nothing, and there's nobody to tell. */
  post(method: string, params: object = {}): number {
    this.#sent += 1
    const message = JSON.stringify({ id: this.#sent, method, params })
    this.#session.post('NodeWorker.sendMessageToWorker', { sessionId: this.#id, message }, () => {})
    return this.#sent
  }

  /** Hangs up: whatever was asked of the worker is undone. */
  close(): Promise<void> {
    this.#listener = undefined
    return new Promise((resolve) => {
      this.#session.post('NodeWorker.detach', { sessionId: this.#id }, () => resolve())
    })
  }
}

/** The inspector of this thread's workers. It is joined while somebody needs it, and nothing is left of it after that. */
export class WorkerInspector {
  #session: Session | undefined = undefined
  #users = 0
  readonly #lines = new Map<string, WorkerLine>()
  readonly #threads = new Map<number, WorkerLine>()

  /** Opens a line to a thread for as long as `use` takes; `undefined` where there is none: no worker of ours, or no inspector. */
  async with<T>(threadId: number, use: (line: WorkerLine | undefined) => Promise<T>): Promise<T> {
    const inspector = await load()
    if (inspector === undefined) return use(undefined)
    this.#users += 1
    try {
      this.#session ??= this.#join(new inspector.Session())
      return await this.#use(this.#threads.get(threadId), use)
    } finally {
      this.#users -= 1
      if (this.#users === 0) this.#leave()
    }
  }

  async #use<T>(line: WorkerLine | undefined, use: (line: WorkerLine | undefined) => Promise<T>): Promise<T> {
    try {
      return await use(line)
    } finally {
      await line?.close()
    }
  }

  #join(session: Session): Session {
    session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
      const [, threadId] = TITLE.exec(workerInfo.title) ?? []
      if (threadId === undefined) return
      const line = new WorkerLine(session, sessionId)
      this.#lines.set(sessionId, line)
      this.#threads.set(Number(threadId), line)
    })
    session.on('NodeWorker.receivedMessageFromWorker', ({ params: { sessionId, message } }) => {
      this.#lines.get(sessionId)?.hear(message)
    })
    session.connect()
    // It tells of all workers there are before it returns.
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
    return session
  }

  #leave(): void {
    const session = this.#session
    this.#session = undefined
    this.#lines.clear()
    this.#threads.clear()
    session?.post('NodeWorker.disable')
    session?.disconnect()
  }
}

/** Node can be built without. */
async function load(): Promise<typeof import('node:inspector') | undefined> {
  try {
    return await import('node:inspector')
  } catch {
    return undefined
  }
}
