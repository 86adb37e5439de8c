/**
 * The service as a child process of the demo. Shows that a kind is data: this one is Node's `child-process` with another
 * `force`, because a service that is killed can't end its jobs any more.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { defineKind, type Report } from 'endswell'
import { childProcess } from 'endswell/process'

/** Ends the service by SIGTERM, and in a hurry by a second one, on which it forces all that it holds. */
export const serviceKind = defineKind<ChildProcess>({
  ...childProcess,
  name: 'service',
  async force(child) {
    if (childProcess.isGone?.(child)) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  },
})

/** Starts the service. It leads a group of its own, so that Ctrl-C reaches the demo alone, which ends it in order. */
export function startService(
  directory: string,
  more: readonly string[] = [],
  stderr: 'pipe' | 'inherit' = 'pipe',
): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, 'service.ts'), directory, ...more], {
    detached: true,
    stdio: ['ignore', 'ignore', stderr, 'ipc'],
  })
}

/** Resolves with the service's port when it listens. */
export async function portOf(service: ChildProcess, signal: AbortSignal): Promise<number> {
  const stop = new AbortController()
  const ended = () => stop.abort(new Error('the service ended before it listened'))
  signal.addEventListener('abort', ended, { once: true })
  service.once('exit', ended)
  try {
    const [{ port }] = await once(service, 'message', { signal: stop.signal })
    return port
  } finally {
    signal.removeEventListener('abort', ended)
    service.off('exit', ended)
  }
}

/** What a service has left when it has ended. */
export interface Remains {
  readonly status: number | null
  readonly report: (Report & { readonly status: number }) | undefined
}

/** Resolves when the service has ended. What it prints besides its report is shown. */
export async function remainsOf(service: ChildProcess): Promise<Remains> {
  let report: Remains['report']
  if (service.stderr !== null) {
    createInterface({ input: service.stderr }).on('line', (line) => {
      if (line.startsWith('{"event":"endswell:shutdown"')) report = JSON.parse(line)
      else console.log(line)
    })
  }
  const [status] = await once(service, 'close')
  return { status, report }
}
