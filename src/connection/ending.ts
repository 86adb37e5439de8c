import type { EventEmitter } from 'node:events'
import { builtin } from '../lifecycle/builtin.ts'
import { disposerOwner } from '../lifecycle/node-disposer.ts'

/** What all streams of Node have, the old ones of `node:http` too. */
export interface Ending extends EventEmitter {
  readonly destroyed: boolean
  readonly closed?: boolean
  destroy(): unknown
}

/** Whether `value` looks like a stream: asked before a module is loaded for it. */
export function looksLikeStream(value: unknown): value is Ending {
  if (typeof value !== 'object' || value === null) return false
  const { pipe, destroy } = value as { pipe?: unknown; destroy?: unknown }
  return typeof pipe === 'function' && typeof destroy === 'function'
}

/**
 * Whether it is the process's or the thread's output, which is nobody's to end: what comes after would be lost without
 * a word. Asking `process.stdout` itself would open it where nobody has yet.
 */
export function isOutput(stream: object): boolean {
  const { fd } = stream as { fd?: unknown }
  return fd === 1 || fd === 2 || stream.constructor?.name === 'WritableWorkerStdio'
}

/** Whether a stream's disposer is Node's own, or missing: a class that wrote one knows best how its objects end. */
export function hasNodesDisposer(stream: object): boolean {
  const { Readable, Writable } = builtin('node:stream')
  const owner = disposerOwner(stream)
  return owner === undefined || owner === Readable.prototype || owner === Writable.prototype
}

/** Whether it has ended and let go of what it held. */
export function isClosed(stream: Ending): boolean {
  return stream.closed ?? stream.destroyed
}

/** Resolves when a stream has closed, whatever error it tells of, which `failed` gets. */
export function closed(stream: Ending, failed: (error: unknown) => void = () => {}): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('error', failed)
      stream.off('close', done)
      resolve()
    }
    stream.on('error', failed)
    stream.on('close', done)
    // It counts as closed a tick before it tells so, and tells of the error that came with it.
    if (isClosed(stream)) process.nextTick(done)
  })
}

/** The second rung of sockets and streams. */
export function destroy(stream: Ending): Promise<void> {
  stream.destroy()
  return closed(stream)
}

/** Calls `leave` when it closes, and returns the undo. */
export function leaveOnClose(stream: Ending, leave: () => void): () => void {
  stream.once('close', leave)
  return () => void stream.off('close', leave)
}
