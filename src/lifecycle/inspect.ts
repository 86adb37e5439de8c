import type { InspectOptions } from 'node:util'
import { builtin } from './builtin.ts'

/**
 * A value as `node:util` shows it. That module is loaded when something must be shown: it brings many others along.
 * What people throw or pass may throw in its turn when it is looked at: then this says so.
 */
export function inspect(value: unknown, options: InspectOptions = {}): string {
  try {
    return builtin('node:util').inspect(value, options)
  } catch (error) {
    return `(cannot be shown: ${error instanceof Error ? error.message : typeof error})`
  }
}

/** The name of the method by which an object says how it is shown. */
export const customInspect: unique symbol = Symbol.for('nodejs.util.inspect.custom') as typeof customInspect
