import { outOfRange, wrongType } from '../../lifecycle/check.ts'
import { coded, EndswellError } from '../../lifecycle/errors.ts'

/** Refuses what can be no job's id. */
export function checkId(id: unknown): void {
  if (typeof id !== 'string') throw wrongType('id', 'a string', id)
  if (id === '') throw outOfRange('id', 'a string of at least one character', id)
}

/** What starting a job throws that is active already. */
export function duplicateJob(path: string, id: string): RangeError {
  const message = `${path} has an active job '${id}' already. End it first, or choose another id.`
  return coded(new RangeError(message), 'ERR_DUPLICATE_NAME')
}

/** What starting a job throws when as many are active as may be. */
export function tooManyJobs(path: string, id: string, most: number): EndswellError {
  const message = `${path} did not start '${id}': ${most} jobs are active, as many as may be. Try again when one has ended.`
  return new EndswellError('ERR_QUEUE_FULL', message, { path })
}
