import type { ChildProcess } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../../lifecycle/clock.ts'

/** How long output that is still in a pipe may take to arrive after the exit, in ms. */
const DRAIN = 100

/**
 * Resolves when the pipes of a child that has exited have closed, and sees to it that they do: whoever inherited them
 * would keep the child's `close` event away. Once `stop` aborts it lets go of them and stays pending.
 */
export function drainPipes(child: ChildProcess, clock: Clock, stop: AbortSignal): Promise<void> | undefined {
  const pipes = (child.stdio ?? []).filter(isOpen)
  if (pipes.length === 0 || stop.aborted) return undefined
  return new Promise((resolve) => {
    const letGo = () => {
      clock.clearTimeout(timer)
      for (const pipe of pipes) pipe.off('close', onClose)
      stop.removeEventListener('abort', letGo)
    }
    const onClose = () => {
      if (pipes.some(isOpen)) return
      letGo()
      resolve()
    }
    const timer = clock.setTimeout(() => {
      for (const pipe of pipes) pipe.destroy()
    }, DRAIN)
    for (const pipe of pipes) pipe.on('close', onClose)
    stop.addEventListener('abort', letGo)
  })
}

function isOpen(pipe: Readable | Writable | null | undefined): pipe is Readable | Writable {
  return pipe !== null && pipe !== undefined && !pipe.closed
}
