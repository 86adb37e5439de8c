import type { ChildProcess } from 'node:child_process'

/** Whether a child has exited and Node has told of it, or it was never spawned. Until then nobody else has its number. */
export function hasExited(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}
