import { wordOf } from './errors.ts'

/** What a promise brings, or `otherwise` where the file is not there. */
export async function unlessMissing<T, O>(promise: Promise<T>, otherwise: O): Promise<T | O> {
  try {
    return await promise
  } catch (error) {
    if (wordOf(error, 'code') === 'ENOENT') return otherwise
    throw error
  }
}
