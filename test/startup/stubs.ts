import { vi } from 'vitest'
import { Lifecycle, Startup, type StartupOptions } from '../../src/index.ts'
import { FakeClock } from '../../src/testing/index.ts'

/** A lifecycle on a clock of its own, and a start in it. */
export function begin(options: StartupOptions = {}) {
  const clock = new FakeClock()
  const life = new Lifecycle({ name: 'app', clock, grace: 1_000 })
  return { clock, life, boot: new Startup(life, options) }
}

/** Work that never settles. */
export const never = () => new Promise<never>(() => {})

/** What became of a promise, looked at later. */
export function fate(promise: Promise<unknown>) {
  const settled = vi.fn()
  promise.then(settled, settled)
  return settled
}

/** The error that a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => {
      throw new Error('it did not reject')
    },
    (error: unknown) => error,
  )
}

/** Work that takes its time on the clock, and heeds its signal. */
export function lasting(clock: FakeClock, ms: number, value?: unknown) {
  return (signal: AbortSignal) =>
    new Promise<unknown>((resolve, reject) => {
      const timer = clock.setTimeout(() => resolve(value), ms)
      signal.addEventListener('abort', () => {
        clock.clearTimeout(timer)
        reject(signal.reason)
      })
    })
}
