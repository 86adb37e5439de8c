import type { ChildProcess } from 'node:child_process'
import { type EventEmitter, errorMonitor } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { builtin } from '../lifecycle/builtin.ts'
import type { Clock, ClockTimer } from '../lifecycle/clock.ts'
import { defineKind, type Kind } from '../lifecycle/kind.ts'
import { disposerOwner } from '../lifecycle/node-disposer.ts'
import { hasExited, ledGroup, livingMembers, signalGroup } from './group.ts'

/** How long output that is still in a pipe may take to arrive after the exit, in ms. */
const DRAIN = 100
/** How long a killed process is watched, in ms: as long as a lifecycle waits for `force`. */
const WATCH = 1_000
/** The first and the longest wait between two looks at a group, in ms. */
const FIRST_LOOK = 5
const LONGEST_LOOK = 50

/**
 * The kind `child-process`: what `spawn`, `fork` and `execFile` return.
 *
 * It closes by SIGTERM and is forced by SIGKILL, and has ended when it has exited. A child spawned `detached` leads a
 * process group: then every member gets the signal and it has ended only when none of them lives, also when the child
 * itself was the first to go. Without `detached`, what the child started is beyond reach and survives it.
 *
 * Piped output gets 100 ms after the exit, then the pipes are destroyed, so that the child's `close` event comes although
 * a grandchild has inherited them.
 *
 * - `closed`: everything ended on SIGTERM. How a program exits on it, with a status or by the signal, is its own affair.
 * - `failed`: signalling it was refused, as it is for a process of another user.
 *
 * A child leaves its lifecycle when it exits, or could not be spawned; but one that leaves members of its group behind
 * stays, since somebody has to end them. There is no event for the last of them, so it then stays until it is closed.
 */
export const childProcess: Kind<ChildProcess> = defineKind<ChildProcess>({
  name: 'child-process',
  matches,
  close: (child, { clock, signal }) => end(child, 'SIGTERM', clock, signal),
  force,
  isGone,
  onGone(child: ChildProcess & EventEmitter, leave) {
    const onExit = () => {
      if (isGone(child)) leave()
    }
    const onError = () => {
      if (child.pid === undefined) leave()
    }
    child.on('exit', onExit)
    // The monitor sees an error without handling it.
    child.on(errorMonitor, onError)
    return () => {
      child.off('exit', onExit)
      child.off(errorMonitor, onError)
    }
  },
  describe: (child) => (child.pid === undefined ? 'not spawned' : `pid ${child.pid}`),
})

function matches(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('spawnfile' in value)) return false
  const { ChildProcess } = builtin('node:child_process')
  if (!(value instanceof ChildProcess)) return false
  const owner = disposerOwner(value)
  return owner === undefined || owner === ChildProcess.prototype
}

function isGone(child: ChildProcess): boolean {
  return hasExited(child) && ledGroup(child) === undefined
}

async function force(child: ChildProcess, { clock }: { clock: Clock }): Promise<void> {
  const limit = new AbortController()
  const timer = clock.setTimeout(() => limit.abort(), WATCH)
  try {
    await end(child, 'SIGKILL', clock, limit.signal)
  } finally {
    clock.clearTimeout(timer)
  }
}

/** Signals a child, or its group, and waits for its end. Once `stop` aborts it lets go of it and stays pending. */
async function end(child: ChildProcess, signal: NodeJS.Signals, clock: Clock, stop: AbortSignal): Promise<void> {
  const group = ledGroup(child)
  if (group !== undefined) signalGroup(group, signal)
  else if (!hasExited(child)) child.kill(signal)
  await exited(child, group, clock, stop)
  await drained(child, clock, stop)
}

/** Resolves when the child has exited and no member of its group lives. */
function exited(child: ChildProcess, group: number | undefined, clock: Clock, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer: ClockTimer | undefined
    let wait = FIRST_LOOK
    let members: readonly number[] = group === undefined ? [] : [group]
    const letGo = () => {
      if (timer !== undefined) clock.clearTimeout(timer)
      child.off('exit', look)
      stop.removeEventListener('abort', letGo)
    }
    const look = () => {
      if (timer !== undefined) clock.clearTimeout(timer)
      if (group !== undefined) members = livingMembers(group, members)
      if (members.length > 0) {
        timer = clock.setTimeout(look, wait)
        wait = Math.min(wait * 2, LONGEST_LOOK)
      } else if (hasExited(child)) {
        letGo()
        resolve()
      }
    }
    child.on('exit', look)
    stop.addEventListener('abort', letGo)
    look()
  })
}

/** Resolves when the child's pipes have closed, and sees to it that they do. */
function drained(child: ChildProcess, clock: Clock, stop: AbortSignal): Promise<void> | undefined {
  const pipes = (child.stdio ?? []).filter(isOpen)
  if (pipes.length === 0) return undefined
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
