import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

interface Builtins {
  'node:async_hooks': typeof import('node:async_hooks')
  'node:child_process': typeof import('node:child_process')
  'node:cluster': typeof import('node:cluster').default
  'node:fs': typeof import('node:fs')
  'node:http': typeof import('node:http')
  'node:http2': typeof import('node:http2')
  'node:https': typeof import('node:https')
  'node:net': typeof import('node:net')
  'node:os': typeof import('node:os')
  'node:stream': typeof import('node:stream')
  'node:timers': typeof import('node:timers')
  'node:util': typeof import('node:util')
  'node:worker_threads': typeof import('node:worker_threads')
}

/**
 * One of Node's own modules, loaded on first use.
 *
 * Importing them all costs more than the rest of this library, and a program that uses a worker has loaded
 * `node:worker_threads` already: asking for it then is a look-up.
 */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  return require(name) as Builtins[Name]
}
