import { builtin } from './builtin.ts'

const SHELL = '/bin/sh'

/**
 * Ends the process with `status` at once, whatever its threads are stuck in: it becomes a shell that does nothing but
 * exit, and the kernel ends all threads of what it was before. Unlike a kill it keeps the status, and it works in process
 * 1 of a container too.
 *
 * To be called in the last listener of the process's `exit`, when something was abandoned: workers hear nothing of it,
 * and profiles and coverage are not written.
 *
 * It returns only where it cannot be done: before Node 22.15, on Windows, without `/bin/sh`, under Node's permission
 * model, and outside the main thread.
 */
export function hardExit(status: number): void {
  // `execve` aborts the process where the file cannot be run, so that is looked at first.
  if (typeof process.execve !== 'function' || !isThere()) return
  try {
    process.execve(SHELL, ['sh', '-c', 'exit "$0"', String(status)], {})
  } catch {
    // Not allowed here: whoever called exits in the ordinary way.
  }
}

function isThere(): boolean {
  const { accessSync, constants } = builtin('node:fs')
  try {
    accessSync(SHELL, constants.X_OK)
    return true
  } catch {
    return false
  }
}
