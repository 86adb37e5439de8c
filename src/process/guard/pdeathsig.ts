import { builtin } from '../../lifecycle/builtin.ts'

/** The folders in which it is looked for behind those of `PATH`. */
const FOLDERS = ['/usr/bin', '/bin']

/**
 * The path of `setpriv` (util-linux), which can tell the kernel to kill a process when the thread that started it has
 * ended: so in a worker it would end with the worker. Nothing where there is none, or it cannot be relied on.
 */
export function findSetpriv(): string | undefined {
  if (process.platform !== 'linux' || !builtin('node:worker_threads').isMainThread) return undefined
  const { accessSync, constants } = builtin('node:fs')
  const folders = [...(process.env['PATH'] ?? '').split(':').filter((folder) => folder.startsWith('/')), ...FOLDERS]
  return folders
    .map((folder) => `${folder}/setpriv`)
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** What runs a command so that the kernel kills it, and it alone, with this process. It keeps its pid. */
export function withDeathSignal(
  setpriv: string,
  command: string,
  args: readonly string[],
): [file: string, args: readonly string[]] {
  return [setpriv, ['--pdeathsig', 'KILL', '--', command, ...args]]
}
