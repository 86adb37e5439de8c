import type { ChildProcess } from 'node:child_process'
import { builtin } from '../../lifecycle/builtin.ts'
import { spawnFailed } from './child-error.ts'
import { type ChildExit, exitOf } from './child-exit.ts'
import type { Launched } from './launched.ts'

const nothing = { forced: false, abandoned: false, byUs: true, lastWords: [] }

/** A child that the system did not start: there is nothing to end, and an error is on its way that says why. */
export function stillborn(
  child: ChildProcess,
  facts: { readonly command: string; readonly path: string },
  cwd: string | undefined,
): Launched {
  const ended = Promise.withResolvers<ChildExit>()
  const ready = Promise.withResolvers<never>()
  child.once('error', (error: NodeJS.ErrnoException) => {
    // For a directory that does not exist the system says the same as for such a program.
    const isLost = error.code === 'ENOENT' && cwd !== undefined && !builtin('node:fs').existsSync(cwd)
    const why = isLost ? ` There is no directory ${cwd}.` : ''
    // The status that Node gives it is the number of the error.
    ended.resolve(exitOf({ exitCode: null, signalCode: null }, nothing))
    ready.reject(spawnFailed(facts, error, why))
  })
  return {
    pid: Number.NaN,
    path: facts.path,
    child,
    parentDeathGuard: 'none',
    lastWords: [],
    ended: ended.promise,
    ready: ready.promise,
    failure: undefined,
    stop: () => ended.promise,
    [Symbol.asyncDispose]: () => ended.promise.then(() => {}),
  }
}
