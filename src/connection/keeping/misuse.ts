/** The errors that say that an option is wrong, which could only be seen on the connection. */
const misuses = new WeakSet<Error>()

/** Marks an error as one that another attempt would only repeat. */
export function final<E extends Error>(error: E): E {
  misuses.add(error)
  return error
}

/** Whether an error is so marked. */
export function isFinal(error: unknown): boolean {
  return misuses.has(error as Error)
}
