import { builtin } from '../lifecycle/builtin.ts'
import type { Send } from './outbox.ts'

/** What there is wherever there is systemd. */
const PROGRAM = 'systemd-notify'

/**
 * Sends messages to the datagram socket at `address` by the program `systemd-notify`, since Node cannot open one. It
 * ends only when systemd has taken the message, so that systemd still finds out which service it came from.
 */
export function sendByProgram(address: string): Send {
  return (message, signal) =>
    new Promise<void>((resolve, reject) => {
      const { spawn } = builtin('node:child_process')
      const child = spawn(PROGRAM, message.split('\n'), {
        env: { ...process.env, NOTIFY_SOCKET: address },
        // That it failed is told once, by a warning.
        stdio: 'ignore',
        killSignal: 'SIGKILL',
        signal,
      })
      child.unref()
      child.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'ENOENT' ? missing(error) : error))
      child.once('exit', (status, killedBy) => {
        if (status === 0) resolve()
        else reject(new Error(`${PROGRAM} ended with ${killedBy ?? `status ${status}`}.`))
      })
    })
}

function missing(cause: Error): Error {
  return new Error(`There is no program ${PROGRAM} in PATH. Install it, or give notifySystemd a send of your own.`, {
    cause,
  })
}
