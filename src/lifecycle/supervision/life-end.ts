import { checkBoolean, isObject } from '../check.ts'

/** How a life ended: with what `start` brought, or with an `error`, if only `undefined`, where that key is there. */
export interface LifeEnd<T> {
  /** What `start` returned, or its promise resolved with. */
  readonly value?: T
  /** What was thrown: by `start`, by `readyWhen`, or the `TimeoutError` of a life that was not ready in time. */
  readonly error?: unknown
}

/** What a policy says of an end: that another life would only repeat it, or whether it was a normal one. */
export type Verdict = 'final' | 'normal' | 'abnormal'

/** What a policy can be asked. */
interface Judge {
  readonly isNormal?: (value: never) => boolean
  readonly giveUpWhen?: (end: LifeEnd<never>) => boolean
}

/**
 * Asks a policy about an end.
 *
 * @throws what its functions throw, and a TypeError for an answer that is neither true nor false, such as a promise.
 */
export function judge({ isNormal, giveUpWhen }: Judge, end: LifeEnd<unknown>): Verdict {
  if (giveUpWhen !== undefined && answer('giveUpWhen', giveUpWhen(end as LifeEnd<never>))) return 'final'
  if ('error' in end) return 'abnormal'
  return isNormal === undefined || answer('isNormal', isNormal(end.value as never)) ? 'normal' : 'abnormal'
}

function answer(name: string, value: unknown): boolean {
  // Where that is a promise, the error below says all: what it rejects with later is not another one.
  if (isObject(value)) Promise.resolve(value).catch(() => {})
  checkBoolean(`What ${name} returned`, value)
  return value as boolean
}

/** What an end ended with. */
export function causeOf(end: LifeEnd<unknown>): unknown {
  return 'error' in end ? end.error : end.value
}
