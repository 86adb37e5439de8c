import type { Stats } from 'node:fs'
import { isAbsolute, parse, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtin } from '../../lifecycle/builtin.ts'
import { outOfRange, wrongType } from '../../lifecycle/check.ts'
import { checkPath } from '../../lifecycle/check-path.ts'
import { unlessMissing } from '../../lifecycle/unless-missing.ts'
import { Folder } from './folder.ts'

const MEND = 'Give a folder of its own to what is to be swept.'

/** A root as it is given: an absolute path, or a URL of a file. Refuses what nobody means to be swept. */
export function checkRoot(name: string, root: unknown): string {
  const isUrl = root instanceof URL
  if (isUrl && root.protocol !== 'file:') throw outOfRange(name, 'a URL of a file', root.href)
  const given = isUrl ? fileURLToPath(root) : root
  if (typeof given !== 'string') throw wrongType(name, 'an absolute path, or a URL', given)
  checkPath(name, given)
  if (!isAbsolute(given))
    throw outOfRange(name, 'an absolute path', given, 'What another means depends on where the process was started.')
  const path = resolve(given)
  refuseDangerous(name, path)
  return path
}

/** No root is that of the file system, or somebody's home, or what holds our home. */
function refuseDangerous(name: string, path: string): void {
  if (path === parse(path).root) throw outOfRange(name, 'a folder below the root of the file system', path, MEND)
  const home = homeFolder()
  if (home === undefined) return
  const way = relative(path, home)
  const holdsHome = way === '' || !(way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way))
  if (holdsHome) throw outOfRange(name, 'a folder that does not hold the home of the user', path, MEND)
}

/** A user may have none. */
function homeFolder(): string | undefined {
  try {
    const home = builtin('node:os').homedir()
    return isAbsolute(home) ? resolve(home) : undefined
  } catch {
    return undefined
  }
}

/** What is known of a root between two sweeps. */
export interface RootOptions {
  readonly path: string
  /** Whether the root may be a link. */
  readonly followRoot: boolean
  /** Where it led the last time. */
  readonly real: string | undefined
  /** Whether to look for open files in `/proc`. */
  readonly byHandle: boolean
}

/**
 * Opens a root for a sweep, or gives `undefined` where there is none. Looks anew at what it really is: it may have
 * become a link since, or lead elsewhere.
 */
export async function openRoot(options: RootOptions): Promise<{ folder: Folder; real: string } | undefined> {
  const { promises } = builtin('node:fs')
  const { path, followRoot } = options
  const stats = await unlessMissing(promises.lstat(path), undefined)
  if (stats === undefined) return undefined
  const real = await promises.realpath(path)
  if (stats.isSymbolicLink() && !followRoot)
    throw outOfRange('root', `a folder itself, and ${path} no link`, real, 'Set followRoot if it may be one.')
  if (!followRoot && options.real !== undefined && options.real !== real)
    throw outOfRange('root', `where ${path} led before, ${options.real}`, real, 'Make a new sweeper if that is meant.')
  refuseDangerous('root', real)
  const byHandle = options.byHandle && (await showsOpenFiles(real))
  const folder = Folder.root(real, byHandle)
  await folder.open()
  try {
    await refuseTwin(real, await promises.stat(real))
    if (byHandle && (await folder.whereabouts()) !== real)
      throw outOfRange('root', `where ${path} had led a moment ago`, await folder.whereabouts())
  } catch (error) {
    await folder.close()
    throw error
  }
  return { folder, real }
}

/** The root of the file system, or the home, under another name: mounted, say. */
async function refuseTwin(real: string, { dev, ino }: Stats): Promise<void> {
  for (const path of [parse(real).root, homeFolder()]) {
    const other =
      path === undefined ? undefined : await unlessMissing(builtin('node:fs').promises.stat(path), undefined)
    if (other?.dev === dev && other.ino === ino) throw outOfRange('root', `another folder than ${path}`, real, MEND)
  }
}

/** Whether what is open can be reached as a folder. */
async function showsOpenFiles(real: string): Promise<boolean> {
  if (process.platform !== 'linux') return false
  const { promises, constants } = builtin('node:fs')
  const handle = await promises.open(real, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const [held, seen] = await Promise.all([
      handle.stat(),
      unlessMissing(promises.stat(`/proc/self/fd/${handle.fd}/.`), undefined),
    ])
    return held.dev === seen?.dev && held.ino === seen.ino
  } finally {
    await handle.close()
  }
}
