import type { RecycleOptions } from './recycle-options.ts'

/** How long one worker may serve. */
export interface WorkerLimits {
  /** So many requests or calls; `undefined` for any number. */
  readonly requests: number | undefined
  /** So many ms; `undefined` for any time. */
  readonly age: number | undefined
}

/**
 * Draws a worker's limits, once, at its birth: each is the least one and a part of its jitter. Without a least one there
 * is no limit, whatever the jitter.
 *
 * @param share which part of the jitter: 0 to 1. Those that are born together share it out evenly, since what chance
 * draws for them may lie close together, and they all wear alike.
 */
export function drawLimits(options: RecycleOptions, share: number): WorkerLimits {
  const { maxRequests = 0, jitter = 0, maxAge = 0, ageJitter = 0 } = options
  return Object.freeze({
    requests: maxRequests === 0 ? undefined : maxRequests + part(jitter, share),
    age: maxAge === 0 ? undefined : maxAge + part(ageJitter, share),
  })
}

/** Which part of the jitter worker `index` of `count` gets that are born together. */
export function evenShare(index: number, count: number): number {
  return count < 2 ? 0 : index / (count - 1)
}

/** A whole number from 0 to the jitter, its end included. */
function part(jitter: number, share: number): number {
  return Math.min(jitter, Math.floor(share * (jitter + 1)))
}
