import type { InspectOptions } from 'node:util'
import { builtin } from './builtin.ts'

/** A value as `node:util` shows it. That module is loaded when something must be shown: it brings many others along. */
export function inspect(value: unknown, options: InspectOptions = {}): string {
  return builtin('node:util').inspect(value, options)
}

/** The name of the method by which an object says how it is shown. */
export const customInspect: unique symbol = Symbol.for('nodejs.util.inspect.custom') as typeof customInspect
