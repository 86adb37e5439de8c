import { errorMonitor } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { builtin } from '../lifecycle/builtin.ts'
import { type CloseContext, defineKind, type Kind } from '../lifecycle/kind.ts'
import { disposerOwner } from '../lifecycle/node-disposer.ts'

/** What a worker is sent when it should end. See {@link worker} for how it listens. */
export interface CloseRequest {
  /** Tells this request from the program's own messages between threads. */
  readonly type: 'endswell:close'
  /** How many ms the thread has to end by itself before it is terminated. */
  readonly grace: number
}

/**
 * The kind `worker`: a thread of `node:worker_threads`.
 *
 * It is asked to end by a {@link CloseRequest}, sent with `postMessageToThread`, and has its grace to exit. A thread
 * where nobody listens for such messages, or one on Node before 22.5, has nothing to be asked: `terminate()` is its
 * gentle close. One that listens and does not end is terminated when its grace is over.
 *
 * - `closed`: it exited in time, or nobody in it listened. An exit code of its own other than 0 is noted.
 * - `failed`: it threw while it ended. Its `error` event stays the program's business: without a listener it is an
 *   uncaught exception, as ever.
 * - `abandoned`: it hangs in native code, from where no `terminate()` brings it back.
 *
 * A worker leaves its lifecycle when it exits.
 *
 * @example
 * In the worker, keep listening while there is something to finish. A listener that knows other messages only should
 * know this one too, or else each close waits for the whole grace.
 * ```ts
 * process.on('workerMessage', async (message: CloseRequest) => {
 *   if (message.type !== 'endswell:close') return
 *   await flush()
 *   process.exit()
 * })
 * ```
 */
export const worker: Kind<Worker> = defineKind<Worker>({
  name: 'worker',
  matches,
  close,
  force: (thread) => thread.terminate(),
  isGone: (thread) => thread.threadId === -1,
  onGone(thread, leave) {
    thread.once('exit', leave)
    return () => void thread.off('exit', leave)
  },
  describe: (thread) => (thread.threadId === -1 ? 'exited' : `thread ${thread.threadId}`),
})

function matches(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('threadId' in value) || !('resourceLimits' in value))
    return false
  const { Worker } = builtin('node:worker_threads')
  if (!(value instanceof Worker)) return false
  const owner = disposerOwner(value)
  return owner === undefined || owner === Worker.prototype
}

/** Settles with the thread's exit; once its grace is over it lets go of the thread and stays pending. */
function close(thread: Worker, context: CloseContext): Promise<void> | undefined {
  if (thread.threadId === -1) return undefined
  const { grace, signal } = context
  return new Promise((resolve, reject) => {
    let thrown: { error: unknown } | undefined
    let terminated = false
    const terminate = () => {
      terminated = true
      return thread.terminate()
    }
    // The monitor sees an error without handling it.
    const onError = (error: unknown) => {
      thrown ??= { error }
    }
    const onExit = (code: number) => {
      letGo()
      if (thrown !== undefined) return reject(thrown.error)
      if (!terminated && code !== 0) context.note(`exit code ${code}`)
      resolve()
    }
    const letGo = () => {
      thread.off(errorMonitor, onError)
      thread.off('exit', onExit)
      signal.removeEventListener('abort', letGo)
    }
    thread.on(errorMonitor, onError)
    thread.on('exit', onExit)
    signal.addEventListener('abort', letGo)
    ask(thread.threadId, grace).then(
      (listens) => (listens ? undefined : terminate()),
      (error) => {
        onError(error)
        return terminate()
      },
    )
  })
}

/**
 * Asks a thread to end, and tells whether anybody there listens. Rejects when what listens throws.
 *
 * A thread that exits before it answers leaves the question open for ever, and Node's record of it in memory. Hence the
 * time limit: with it the record goes too, and it does not keep the process alive.
 */
async function ask(threadId: number, grace: number): Promise<boolean> {
  const { postMessageToThread } = builtin('node:worker_threads')
  // Node before 22.5 has no such function.
  if ((postMessageToThread as unknown) === undefined) return false
  const request: CloseRequest = { type: 'endswell:close', grace }
  try {
    await postMessageToThread(threadId, request, [], grace)
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ERR_WORKER_MESSAGING_FAILED') return false
    if (code === 'ERR_WORKER_MESSAGING_TIMEOUT') return true
    throw error
  }
}
