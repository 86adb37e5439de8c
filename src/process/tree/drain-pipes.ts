import type { ChildProcess } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../../lifecycle/clock.ts'

/** How long output that is still in a pipe may take to arrive after the exit, in ms. */
const DRAIN = 100

type Pipe = Readable | Writable

/** How long pipes are waited for. */
interface Patience {
  readonly clock: Clock
  /** Once it aborts, the pipes are let go of, open as they may be. */
  readonly stop: AbortSignal
  /** Once it aborts, output that its reader has not taken is waited for no longer. */
  readonly hurry: AbortSignal
}

/**
 * Resolves when the pipes of a child that has exited have closed, and sees to it that they do: whoever inherited them
 * would keep the child's `close` event away. They are destroyed when they have stood empty for 100 ms. What a slow reader
 * of ours has not taken yet has come, and is not thrown away. Once `stop` aborts it lets go of them and stays pending.
 */
export function drainPipes(child: ChildProcess, { clock, stop, hurry }: Patience): Promise<void> | undefined {
  const pipes = (child.stdio ?? []).filter(isPipe)
  if (pipes.length === 0 || stop.aborted) return undefined
  const open = new Set(pipes.filter((pipe) => !pipe.closed))
  return new Promise((resolve) => {
    // A pipe says that it has closed a tick before it tells, and others hear of it as late as we do.
    const done = () => process.nextTick(resolve)
    if (open.size === 0) return done()
    const closers = [...open].map((pipe) => [pipe, () => onClose(pipe)] as const)
    const letGo = () => {
      clock.clearTimeout(timer)
      for (const [pipe, closed] of closers) pipe.off('close', closed)
      stop.removeEventListener('abort', letGo)
    }
    const onClose = (pipe: Pipe) => {
      open.delete(pipe)
      if (open.size > 0) return
      letGo()
      done()
    }
    const isAwaited = () => !hurry.aborted && [...open].some(holdsOutput)
    let wasAwaited = isAwaited()
    const look = () => {
      const before = wasAwaited
      wasAwaited = isAwaited()
      if (wasAwaited || (before && !hurry.aborted)) timer = clock.setTimeout(look, DRAIN)
      else for (const pipe of open) pipe.destroy()
    }
    let timer = clock.setTimeout(look, DRAIN)
    for (const [pipe, closed] of closers) pipe.on('close', closed)
    stop.addEventListener('abort', letGo)
  })
}

/** Whether a pipe of a child holds output that its reader has not taken. */
export function isUnread(child: ChildProcess): boolean {
  return (child.stdio ?? []).some((pipe) => isPipe(pipe) && !pipe.destroyed && holdsOutput(pipe))
}

/** Whether somebody reads it, and has not taken all that has come. */
function holdsOutput(pipe: Pipe): boolean {
  if (!('readableLength' in pipe) || pipe.readableLength === 0) return false
  return pipe.listenerCount('data') > 0 || pipe.listenerCount('readable') > 0
}

function isPipe(pipe: Pipe | null | undefined): pipe is Pipe {
  return pipe !== null && pipe !== undefined
}
