import { checkObject, checkOptions, wrongType } from '../../lifecycle/check.ts'
import { checkSpan } from '../../lifecycle/check-span.ts'

/** What may be said of one entry. */
export interface CacheSetOptions {
  /** How many ms this one lives: any positive number, Infinity for ever. Default: the cache's `ttl`. */
  ttl?: number
  /** What it weighs, in place of what `weigh` says. Needs `maxSize`. */
  size?: number
}

/** Options of {@link BoundedCache.fetch}. */
export interface CacheFetchOptions extends CacheSetOptions {
  /** Ends this wait: the promise rejects with its reason. The load goes on as long as somebody else waits for it. */
  signal?: AbortSignal
}

/** Refuses a bad ttl of an entry, or an option that no entry has. Its size is looked at where it is weighed. */
export function checkSet(options: CacheSetOptions, known: readonly string[] = ['ttl', 'size']): void {
  checkObject('options', options)
  checkOptions('BoundedCache.set', options, known)
  if (options.ttl !== undefined) checkSpan('options.ttl', options.ttl)
}

/** Refuses bad options of a load. */
export function checkFetch(options: CacheFetchOptions): void {
  checkSet(options, ['ttl', 'size', 'signal'])
  const { signal } = options
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw wrongType('options.signal', 'an AbortSignal', signal)
}
