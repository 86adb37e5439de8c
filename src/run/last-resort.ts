import { builtin } from '../lifecycle/builtin.ts'
import { checkTimeout } from '../lifecycle/check.ts'

/** What it is called in a list of processes. */
const NAME = 'endswell-last-resort'

/**
 * Its standard input is a pipe from the process that it watches, and it leads a group of its own. When the pipe ends,
 * that is when the process is gone, however it went, it kills that group: itself, and the `sleep`. So nothing is left
 * behind, and a process that got the same number later is never hit. Where `sleep` fails, nothing is killed.
 */
const SCRIPT = '(sleep "$1" && kill -KILL "$2") & read -r _; kill -KILL 0'

/**
 * Has this process killed with SIGKILL (status 137) if it still exists `delay` ms from now: 0 to 2 147 483 647, rounded
 * up to whole seconds, as no finer `sleep` is to be found everywhere. Default: 2 000.
 *
 * To be armed right before `process.exit()`. That waits for every thread of the process, and one that is stuck in the
 * kernel (a worker, or a file operation) lets it wait for ever, where no timer fires and no signal is heard any more. So
 * a shell watches from outside, which shares nothing with the process but one pipe, and goes with it.
 *
 * Starting it takes 3 to 20 ms, and more where the process is large: not for an exit that nothing can hold up.
 *
 * @returns its undo; or nothing where it cannot be armed: without `/bin/sh`, and in process 1 of a container, which the
 * kernel does not let be killed from inside: there the platform must.
 */
export function armLastResort(delay = 2_000): (() => void) | undefined {
  checkTimeout('delay', delay)
  if (process.platform === 'win32' || process.pid === 1) return undefined
  try {
    const seconds = String(Math.max(1, Math.ceil(delay / 1_000)))
    const shell = builtin('node:child_process').spawn('/bin/sh', ['-c', SCRIPT, NAME, seconds, String(process.pid)], {
      detached: true,
      // A stream of ours that it held would seem open to our parent for as long as it lives.
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    })
    // That it could not be started is seen below.
    shell.on('error', () => {})
    if (shell.pid === undefined) return undefined
    shell.unref()
    const { stdin } = shell as { stdin: typeof shell.stdin & { unref?(): void } }
    stdin.unref?.()
    return () => void stdin.destroy()
  } catch {
    // Starting processes is not allowed here, or there is no memory for one; the exit must go on all the same.
    return undefined
  }
}
