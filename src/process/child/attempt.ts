import { isObject } from '../../lifecycle/check.ts'

/** Calls what somebody else wrote; `failed` is told what it throws, or what its promise rejects with some time. */
export function attempt(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const pending = call()
    if (isObject(pending)) Promise.resolve(pending).catch(failed)
  } catch (error) {
    failed(error)
  }
}
