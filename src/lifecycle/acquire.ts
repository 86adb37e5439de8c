import { coded } from './errors.ts'
import { Scope } from './scope.ts'
import { closeScope } from './scope-kind.ts'
import { chain } from './suppressed-error.ts'
import { startTask, type TaskRun } from './task.ts'

/**
 * Opens something in a scope so that it cannot slip between opening and registering: while `open` runs it is a task of
 * the scope, and what it brings is registered in the same turn. Where the scope has begun to close meanwhile, what
 * arrives is ended at once, down the same ladder, and the promise rejects.
 */
export function acquire<T>(
  scope: Scope,
  name: string,
  open: (run: TaskRun) => T,
  register: (scope: Scope, value: Awaited<T>) => void,
): Promise<Awaited<T>> {
  const work = async (run: TaskRun): Promise<Awaited<T>> => {
    const value = await open(run)
    await settleIn(scope, name, run, value, register)
    return value
  }
  return startTask(scope, name, work, {}) as Promise<Awaited<T>>
}

/**
 * Puts what a task has opened in the task's place. Where that came too late or can't be registered, it is ended at once,
 * and the promise rejects.
 */
export async function settleIn<T>(
  scope: Scope,
  name: string,
  run: TaskRun,
  value: T,
  register: (scope: Scope, value: T) => void,
): Promise<void> {
  if (run.isForgotten()) return
  if (scope.state !== 'open' || !run.leave()) return await endLate(scope, name, (late) => register(late, value))
  try {
    scope.madeAt(run.site, () => register(scope, value))
  } catch (error) {
    const errors = await endAlone(scope, name, (late) => register(late, value))
    throw chain([error, ...errors])
  }
}

/** Ends what came too late, in a scope of its own, and throws. */
export async function endLate(scope: Scope, name: string, register: (late: Scope) => void): Promise<never> {
  const errors = await endAlone(scope, name, register)
  if (errors.length > 0) throw chain(errors)
  const message = `What ${name} brought came too late for ${scope.path}, and was ended at once.`
  throw coded(new ReferenceError(message), 'ERR_CLOSED')
}

/** Ends something in a scope of its own. Gives what its ending threw. */
async function endAlone(scope: Scope, name: string, register: (alone: Scope) => void): Promise<readonly unknown[]> {
  const alone = new Scope(name, scope.settings, undefined)
  register(alone)
  const closing = closeScope(alone, { reason: 'it came too late' }, Number.POSITIVE_INFINITY, false)
  if (closing !== undefined) await new Promise<void>((resolve) => closing.whenDone(resolve))
  return closing?.tally.errors ?? []
}
