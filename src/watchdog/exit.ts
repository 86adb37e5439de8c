import { closeSync, openSync } from 'node:fs'
import { hardExit } from '../lifecycle/hard-exit.ts'

/**
 * Ends the process with a status, in the midst of a function that never ends, and whatever hangs.
 *
 * `process.exit` would run the application's 'exit' listeners there, and then wait for every thread, also for one that is
 * stuck in a native call. Where the process cannot be gone at once, it exits without the listeners.
 */
export function exitNow(status: number): never {
  hush()
  hardExit(status)
  const { reallyExit } = process as unknown as { reallyExit(status: number): never }
  return reallyExit.call(process, status)
}

/** While the inspector is in use, Node prints that it waits for a debugger, which it does not. */
function hush(): void {
  try {
    closeSync(2)
    // Takes the lowest number that is free.
    openSync('/dev/null', 'w')
  } catch {
    // Then it is not hushed.
  }
}
