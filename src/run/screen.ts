/** Where the shutdown is shown: standard error, or what stands in for it in a test. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly destroyed: boolean
  readonly writableEnded: boolean
  write(text: string, callback: (error?: Error | null) => void): unknown
  once(event: 'error', listener: () => void): unknown
}

/**
 * Writes, and resolves when the system has it or never will. That nobody reads any more is no error: without a listener
 * it would be an uncaught one, and telling of that would be the next.
 */
export async function write(screen: Screen, text: string): Promise<void> {
  if (screen.destroyed || screen.writableEnded) return
  const { promise, resolve } = Promise.withResolvers<void>()
  screen.write(text, (error) => {
    // The event follows this call.
    if (error) screen.once('error', () => {})
    resolve()
  })
  await promise
}
