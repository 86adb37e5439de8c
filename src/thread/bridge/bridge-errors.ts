import { coded, EndswellError } from '../../lifecycle/errors.ts'
import { inspect } from '../../lifecycle/inspect.ts'
import { TimeoutError } from '../../lifecycle/timeout-error.ts'
import type { Refusal } from '../wire/caller-end.ts'
import { BridgeError } from './bridge-error.ts'
import type { PendingCall } from './pending-call.ts'

/** Says that no more calls may wait. */
export function queueFull(path: string, method: string, maxQueue: number): BridgeError {
  const message = `${path} can't take the call of '${method}': ${maxQueue} wait already. Await room() before, say overflow: 'wait', or allow more (maxQueue) or more threads.`
  return new BridgeError('ERR_QUEUE_FULL', message, { path, method, retriable: true })
}

/** Says that a bridge takes no more calls. */
export function bridgeClosed(path: string, what: string): ReferenceError {
  return coded(new ReferenceError(`${path} is closing or closed: ${what}.`), 'ERR_CLOSED')
}

/** Says that a call was given up because its bridge closes. */
export function closedBefore(path: string, { method }: PendingCall, cause?: unknown): BridgeError {
  const options = cause === undefined ? { path, method } : { path, method, cause }
  return new BridgeError('ERR_ABORTED', `${path} was closed before the call of '${method}' had ended.`, options)
}

/** Says that there is no thread to make a call, and will be none. */
export function noThread(path: string, method: string, cause: unknown): BridgeError {
  const message = `${path} has no thread, and starts no more. ${wordsOf(cause)}`
  return new BridgeError('ERR_GAVE_UP', message, { path, method, cause })
}

/** Says why a call was not made, or its result did not come. */
export function refusedCall(path: string, { method }: PendingCall, refusal: Refusal): BridgeError {
  const { code, message } = refusal
  const cause = 'cause' in refusal ? { cause: refusal.cause } : {}
  return new BridgeError(code, message, { path, method, ...cause })
}

/** Says that a thread does not know a method. */
export function unknownMethod(path: string, { method }: PendingCall, methods: ReadonlySet<string>): BridgeError {
  const known = methods.size === 0 ? 'It serves none.' : `It serves ${[...methods].join(', ')}.`
  return new BridgeError('ERR_UNKNOWN_METHOD', `${path} serves no method '${method}'. ${known}`, { path, method })
}

/** Says that a thread ended while a call was running in it. */
export function lostCall(path: string, call: PendingCall, cause: unknown, retriable: boolean): BridgeError {
  const { method, transfer } = call
  const moved = retriable && transfer !== undefined ? ' What was transferred to it is gone.' : ''
  const message = `${path} ended while it ran '${method}'. ${wordsOf(cause)}${moved}`
  return new BridgeError('ERR_WORKER_LOST', message, { path, method, cause, retriable })
}

/** Says that a call was not over in time. */
export function callTimeout(
  path: string,
  call: PendingCall,
  timeout: number,
  now: number,
  isQueued: boolean,
): TimeoutError {
  const hint = isQueued
    ? `The call of '${call.method}' waited for a thread all that time: more threads or a longer queueTimeout may help.`
    : `The call of '${call.method}' is cancelled: its handler sees that in this.signal and this.cancelled.`
  const elapsed = Math.round(Math.max(timeout, now - call.at))
  return new TimeoutError({ path, timeout, elapsed, limitedBy: undefined, hint })
}

/** Why a thread is terminated that a call does not let go of. */
export function unheeded({ method }: PendingCall): string {
  return `'${method}' did not heed that it was cancelled`
}

/** Says why a thread was terminated, with all that was in it. */
export function terminatedFor(path: string, why: string, cause?: unknown): EndswellError {
  return new EndswellError(
    'ERR_ABORTED',
    `It was terminated: ${why}.`,
    cause === undefined ? { path } : { path, cause },
  )
}

/** What an error says, in a sentence. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return `The cause: ${inspect(error)}`
  return `${error.name}: ${error.message}`
}
