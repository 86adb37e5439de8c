import { coded } from '../lifecycle/errors.ts'
import type { Scope } from '../lifecycle/scope.ts'
import type { Stage } from './stage.ts'

/** What decides whether something may begin. */
interface Situation {
  readonly scope: Scope
  /** The innermost phase or step around the call, else the whole start. */
  readonly around: Stage
  /** Whether nothing more was to come. */
  readonly over: boolean
}

/**
 * Refuses a phase or step that cannot begin here and now.
 *
 * @throws ReferenceError (`ERR_CLOSED`) where the lifecycle takes no more; RangeError (`ERR_DUPLICATE_NAME`) for a name
 * that was used before; else an Error (`ERR_MISPLACED`).
 */
export function checkAdmission(kind: 'phase' | 'step', name: string, situation: Situation): void {
  const { scope, around, over } = situation
  const { facts, path } = around
  scope.checkOpen()
  if (over && facts.kind === 'start')
    throw misplaced(`The start of ${path} is over: '${name}' is too late. Open it by life.acquire() or life.use().`)
  if (!around.running) {
    throw misplaced(`The ${facts.kind} ${path} is over: '${name}' is too late. Begin it before it returns.`)
  }
  if (kind === 'phase' && facts.kind === 'step') {
    throw misplaced(`The phase '${name}' cannot begin inside the step ${path}. Make that a phase.`)
  }
  if (facts.retried) {
    throw misplaced(
      `The step '${name}' cannot begin inside ${path}, which is tried again: give the inner one the retry.`,
    )
  }
  if (!around.has(name)) return
  const message = `${path} has begun something called '${name}' before. Give each phase and step its own name.`
  throw coded(new RangeError(message), 'ERR_DUPLICATE_NAME')
}

/** An error (`ERR_MISPLACED`) about something that cannot be there. */
export function misplaced(message: string): Error {
  return coded(new Error(message), 'ERR_MISPLACED')
}

/** For what is to begin after the start has failed: that failure, of which everybody has been told. */
export function refusal(failure: Error): Promise<never> {
  const refused = Promise.reject(failure)
  refused.catch(() => {})
  return refused
}
