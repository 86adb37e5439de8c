import pTimeout from 'p-timeout'
import type { Clock } from '../lifecycle/clock.ts'

/** A logger that can be asked to write out what it holds, as pino's can. */
export interface Flushable {
  /** Writes everything out, then calls back or resolves. */
  flush(callback?: (error?: unknown) => void): unknown
}

/** Waits until the logger and the standard streams have written what they hold, for at most `timeout` ms. */
export async function flush(log: Flushable | undefined, timeout: number, clock: Clock): Promise<void> {
  const streams = [process.stdout, process.stderr].map(drained)
  const all = Promise.allSettled([log === undefined ? undefined : logged(log), ...streams])
  const customTimers = {
    setTimeout: ((callback: () => void, ms: number) => clock.setTimeout(callback, ms)) as typeof setTimeout,
    clearTimeout: ((timer: NodeJS.Timeout) => clock.clearTimeout(timer)) as typeof clearTimeout,
  }
  await pTimeout(all, { milliseconds: timeout, fallback: () => undefined, customTimers })
}

async function logged(log: Flushable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const result = log.flush(() => resolve())
  // Some loggers take no callback and flush in step, or return a promise.
  if (log.flush.length === 0) await result
  else await promise
}

/** Resolves when a stream has handed everything to the system; a closed one has nothing to hand over. */
function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded || stream.writableLength === 0) return resolve()
    stream.once('error', () => resolve())
    stream.write('', () => resolve())
  })
}
