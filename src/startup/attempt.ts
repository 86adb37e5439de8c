import { endLate } from '../lifecycle/acquire.ts'
import { EndswellError } from '../lifecycle/errors.ts'
import { publish } from '../lifecycle/events.ts'
import { inspect } from '../lifecycle/inspect.ts'
import type { Scope } from '../lifecycle/scope.ts'

/** A step that is being tried. */
export interface Step<T> {
  readonly scope: Scope
  readonly name: string
  readonly timeout: number
  readonly impact: string | undefined
  readonly register: (scope: Scope, value: T) => void
}

/** Runs a step's function within its time. What it brings after that is ended at once. */
export function attempt<T>(
  step: Step<Awaited<T>>,
  fn: (signal: AbortSignal) => T,
  outer: AbortSignal,
): Promise<Awaited<T>> {
  const { scope, name, timeout, register } = step
  const path = `${scope.path}/${name}`
  const controller = new AbortController()
  const stop = (): void => {
    // From now on the closing says how long it may take.
    scope.clock.clearTimeout(timer)
    controller.abort(outer.reason)
  }
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<T>>()
  let over = false
  const finish = (): void => {
    over = true
    scope.clock.clearTimeout(timer)
    outer.removeEventListener('abort', stop)
  }
  const timer = scope.clock.setTimeout(() => {
    finish()
    const error = new EndswellError(
      'ERR_STARTUP_TIMEOUT',
      `${path} did not start within ${timeout} ms.${impactOf(step)}`,
      { path },
    )
    controller.abort(error)
    reject(error)
  }, timeout)
  outer.addEventListener('abort', stop)
  if (outer.aborted) stop()
  const run = async (): Promise<void> => {
    try {
      const value = await fn(controller.signal)
      if (over) return await endLate(scope, name, (late) => register(late, value))
      finish()
      resolve(value)
    } catch (cause) {
      if (over) return late(scope, path, cause)
      finish()
      reject(outer.aborted ? cause : failure(step, path, cause))
    }
  }
  run()
  return promise
}

function failure(step: Step<never>, path: string, cause: unknown): EndswellError {
  const why = cause instanceof Error ? cause.message.replace(/\.$/, '') : inspect(cause)
  return new EndswellError('ERR_STARTUP_FAILED', `${path} failed to start: ${why}.${impactOf(step)}`, { path, cause })
}

function impactOf({ impact }: Step<never>): string {
  return impact === undefined ? '' : ` Impact: ${impact.replace(/\.$/, '')}.`
}

/** What fails after the step has been given up is told of, and ends nothing. */
function late(scope: Scope, path: string, error: unknown): void {
  if (scope.observes('resource.late')) publish(scope, { type: 'resource.late', path, kind: 'task', error })
}
