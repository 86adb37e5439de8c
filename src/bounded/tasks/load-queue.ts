import { createRequire } from 'node:module'
import type PQueue from 'p-queue'

/** The class of `p-queue`, loaded with the first task queue: who uses a cache alone does not pay for it. */
export function loadQueue(): typeof PQueue {
  const module = createRequire(import.meta.url)('p-queue') as { readonly default: typeof PQueue }
  return module.default
}
