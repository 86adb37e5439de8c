/**
 * Does something with each of some items, a few at once. When one of them fails, none is begun any more; it rejects when
 * those under way are over, so that nothing goes on behind the back of whoever waits.
 */
export async function eachOf<T>(items: readonly T[], atOnce: number, fn: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]()
  const errors: unknown[] = []
  const work = async (): Promise<void> => {
    for (const item of rest) {
      try {
        await fn(item)
      } catch (error) {
        errors.push(error)
      }
      if (errors.length > 0) return
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work))
  if (errors.length > 0) throw errors[0]
}
