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
    session.on('NodeWorker.receivedMessageFromWorker', ({ params: { sessionId, message } }) => {
      if (sessionId === id) this.#listener?.(JSON.parse(message) as InspectorMessage)
    })
  }

  listen(listener: (message: InspectorMessage) => void): void {
    this.#listener = listener
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

/**
 * Opens a line to the inspector of a thread for as long as `use` takes, and leaves nothing behind; `undefined` where there
 * is none: no worker of ours, or no inspector. Each has a session of its own, so that none waits for what another hangs up.
 */
export async function withLine<T>(threadId: number, use: (line: WorkerLine | undefined) => Promise<T>): Promise<T> {
  const inspector = await load()
  if (inspector === undefined) return use(undefined)
  const session = new inspector.Session()
  session.connect()
  try {
    const line = lineTo(threadId, session)
    try {
      return await use(line)
    } finally {
      await line?.close()
    }
  } finally {
    session.post('NodeWorker.disable')
    session.disconnect()
  }
}

function lineTo(threadId: number, session: Session): WorkerLine | undefined {
  let line: WorkerLine | undefined
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
    if (TITLE.exec(workerInfo.title)?.[1] === String(threadId)) line ??= new WorkerLine(session, sessionId)
  })
  // It tells of all workers there are before it returns.
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  return line
}

/** Node can be built without. */
async function load(): Promise<typeof import('node:inspector') | undefined> {
  try {
    return await import('node:inspector')
  } catch {
    return undefined
  }
}
