import { coded } from './errors.ts'

/** What using something rejects with, or throws, after its `close`. */
export function closedError(path: string): ReferenceError {
  return coded(new ReferenceError(`${path} is closed. Use it before its close, or make a new one.`), 'ERR_CLOSED')
}
