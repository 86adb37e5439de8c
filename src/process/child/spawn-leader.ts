import type { ChildProcess, StdioOptions } from 'node:child_process'
import { builtin } from '../../lifecycle/builtin.ts'
import { TREE } from '../guard/sidecar-script.ts'
import type { SpawnChildOptions } from './launch-options.ts'

/** What is to be run. */
interface Program {
  readonly file: string
  readonly args: readonly string[]
  /** What the processes of its tree carry. */
  readonly mark: string
  readonly options: SpawnChildOptions
}

/**
 * Starts a program as the leader of a process group, and of a session, of its own. So a signal to our terminal does not
 * reach it: it ends when its lifecycle ends it.
 */
export function spawnLeader({ file, args, mark, options }: Program): ChildProcess {
  const {
    cwd,
    env = process.env,
    stdin = 'ignore',
    output = 'lines',
    readyWhen,
    ipc = readyWhen === 'message',
  } = options
  const stream = output === 'lines' ? 'pipe' : output
  const stdio: StdioOptions = [stdin, stream, stream, ...(ipc ? (['ipc'] as const) : [])]
  return builtin('node:child_process').spawn(file, args, {
    stdio,
    env: { ...env, [TREE]: mark },
    // On Windows it would get a console window of its own.
    detached: process.platform !== 'win32',
    windowsHide: true,
    ...(cwd === undefined ? {} : { cwd }),
  })
}
