import { EndswellError } from '../../lifecycle/errors.ts'
import { TimeoutError } from '../../lifecycle/timeout-error.ts'
import type { Task } from './task.ts'

/** What a task rejects with that nobody has room for. */
export function queueFull(path: string, name: string, queued: number): EndswellError {
  const message = `${path} did not take '${name}': ${queued} tasks wait, as many as may. Await room() before you add.`
  return new EndswellError('ERR_QUEUE_FULL', message, { path })
}

/** What waiting for room rejects with where too many do. */
export function tooManyWaiting(path: string): EndswellError {
  return new EndswellError('ERR_QUEUE_FULL', `${path} has as many waiting for room as may, maxWaiting.`, { path })
}

/** What a task rejects with that was dropped before it ran. */
export function dropped(path: string, name: string, reason: string): EndswellError {
  return new EndswellError('ERR_DROPPED', `${path}/${name} was dropped before it ran: ${reason}.`, { path })
}

/** What a task rejects with that was running at the end of its queue. */
export function stopped(path: string, name: string): EndswellError {
  return new EndswellError('ERR_ABORTED', `${path}/${name} was stopped: its queue has closed.`, { path })
}

/** What a task rejects with that has had its time. */
export function timeIsUp(path: string, { name, begun, since }: Task, timeout: number, now: number): TimeoutError {
  const elapsed = Math.round(Math.max(timeout, now - (begun ?? since)))
  const hint =
    begun === undefined ? 'It was still waiting for its turn.' : 'Its slot is taken until it has really ended.'
  return new TimeoutError({ path: `${path}/${name}`, timeout, elapsed, limitedBy: undefined, hint })
}
