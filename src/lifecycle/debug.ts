import { createRequire } from 'node:module'
import type { LifecycleEvent } from './event.ts'

type Log = (format: string, ...values: unknown[]) => void

/**
 * Writes events with the package `debug`, under `endswell:resource` and `endswell:lifecycle`.
 *
 * The package reads the environment when it is loaded, so it is loaded with the first lifecycle, and only where the
 * environment variable `DEBUG` names this library: otherwise nothing listens.
 */
export function debugListener(): ((event: LifecycleEvent) => void) | undefined {
  if (!/endswell|\*/.test(process.env['DEBUG'] ?? '')) return undefined
  const debug = createRequire(import.meta.url)('debug') as (namespace: string) => Log
  const logs: Record<string, Log> = { resource: debug('endswell:resource'), lifecycle: debug('endswell:lifecycle') }
  return ({ type, path, kind, ...more }) => {
    const [subject = '', verb] = type.split('.')
    logs[subject]?.('%s %s (%s) %o', verb, path, kind, more)
  }
}
