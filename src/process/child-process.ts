import type { ChildProcess } from 'node:child_process'
import { type EventEmitter, errorMonitor } from 'node:events'
import { builtin } from '../lifecycle/builtin.ts'
import { type CloseContext, defineKind, type Kind } from '../lifecycle/kind.ts'
import { disposerOwner } from '../lifecycle/node-disposer.ts'
import { drainPipes, isUnread } from './tree/drain-pipes.ts'
import { hasExited } from './tree/has-exited.ts'
import { whenKnown } from './tree/process-table.ts'
import { type ProcessTree, treeOf } from './tree/process-tree.ts'
import { remarkOn } from './tree/remark.ts'
import { untilGone, type Watch } from './tree/vigil.ts'

/** How long a killed process is watched, in ms: as long as a lifecycle waits for `force`. */
const WATCH = 1_000

/**
 * The kind `child-process`: what `spawn`, `fork` and `execFile` return.
 *
 * It closes as `killTree` does: by SIGTERM to the child and to its group, or to what it has started in ours; whoever of
 * its tree is elsewhere gets it when his parent has ended. Forced, every member that lives gets SIGKILL. It has ended
 * when none of them lives, also when the child itself was the first to go.
 *
 * Pipes that have stood empty for 100 ms after the exit are destroyed, so that the child's `close` event comes although
 * somebody else has inherited them. Output that a reader of ours has not taken yet is waited for within the grace.
 *
 * - `closed`: everything ended on SIGTERM. How a program exits on it, with a status or by the signal, is its own affair.
 * - `failed`: signalling was refused by all who live, as it is by processes of another user.
 *
 * A child leaves its lifecycle when it exits, or could not be spawned; but one that leaves members of its group behind
 * stays, since somebody has to end them. There is no event for the last of them, so it then stays until it is closed.
 */
export const childProcess: Kind<ChildProcess> = defineKind<ChildProcess>({
  name: 'child-process',
  matches,
  close,
  force,
  isGone,
  onGone(child: ChildProcess & EventEmitter, leave) {
    // What its group is and when it was born can only be seen while it lives.
    if (child.pid !== undefined) treeOf(child)
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
  return hasExited(child) && (child.pid === undefined || treeOf(child).isGone())
}

async function close(child: ChildProcess, context: CloseContext): Promise<void> {
  if (child.pid === undefined) return
  const { clock, signal: stop } = context
  const tree = treeOf(child)
  const act = () => whenKnown(tree.ask(), () => refuse(tree))
  await end(child, context, { clock, stop, begin: () => whenKnown(tree.look(clock), act), act }, stop)
}

async function force(child: ChildProcess, context: CloseContext): Promise<void> {
  if (child.pid === undefined) return
  const { clock } = context
  const tree = treeOf(child)
  if (isGone(child) && isUnread(child)) context.note('its output was not read in time')
  const limit = new AbortController()
  const timer = clock.setTimeout(() => {
    const survivors = tree.survivors.map(({ pid, name, state }) => `${pid} ${name} (${state})`)
    context.note(`still there: ${survivors.join(', ')}`)
    limit.abort()
  }, WATCH)
  const begin = () => tree.force(clock).then(() => refuse(tree))
  try {
    await end(child, context, { clock, stop: limit.signal, begin, act: () => tree.kill() }, AbortSignal.abort())
  } finally {
    clock.clearTimeout(timer)
  }
}

/** That nobody lets us signal him is told at once: there is nothing to wait for. */
function refuse({ refusal }: ProcessTree): void {
  if (refusal !== undefined) throw refusal
}

/** Waits for the end of a child's tree. Once the watch is stopped it lets go of the child and stays pending. */
async function end(child: ChildProcess, context: CloseContext, watch: Watch, hurry: AbortSignal): Promise<void> {
  const tree = treeOf(child)
  if (!(await untilGone(tree, watch))) await new Promise(() => {})
  const remark = remarkOn(tree)
  if (remark !== undefined) context.note(remark)
  await drainPipes(child, { ...watch, hurry })
}
