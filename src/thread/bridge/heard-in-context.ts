import { builtin } from '../../lifecycle/builtin.ts'
import type { Scope } from '../../lifecycle/scope.ts'
import type { CallOptions } from './call-options.ts'

/**
 * A listener of a call, as the bridge tells it: it runs in the async context in which the call is made, which is this one.
 * What it throws, or its promise rejects with, is published by the scope.
 */
export function heardInContext(
  onEvent: NonNullable<CallOptions['onEvent']>,
  scope: Scope,
): (name: string, value: unknown) => void {
  const inContext = builtin('node:async_hooks').AsyncLocalStorage.snapshot()
  const hear = async (name: string, value: unknown): Promise<void> => {
    try {
      await onEvent(name, value)
    } catch (error) {
      if (scope.observes('resource.error')) scope.publish('resource.error', undefined, { error })
    }
  }
  return (name, value) => void inContext(hear, name, value)
}
