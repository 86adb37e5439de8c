/** What a program may have left behind, seen from outside of it: processes, open files, a listening port. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'

const isLinux = process.platform === 'linux'

/** Whether a process lives; one that is dead and only not yet waited for does not. */
export function lives(pid: number): boolean {
  try {
    if (!isLinux) return process.kill(pid, 0)
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}

/** Pids of all processes, but this one. Empty where there is no `/proc`. */
export function processes(): number[] {
  if (!isLinux) return []
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
}

/** Whether a process was started with that text in its command line, or has a file open whose path holds it. */
export function mentions(pid: number, text: string): boolean {
  return commandLine(pid).includes(text) || openFiles(pid).some((path) => path.includes(text))
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // It has ended meanwhile.
  }
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
  } catch {
    return [] // It has ended meanwhile, or is another user's.
  }
}

function linkOf(path: string): string[] {
  try {
    return [readlinkSync(path)]
  } catch {
    return [] // It was closed meanwhile.
  }
}

/** Whether somebody listens at a port of this machine. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
