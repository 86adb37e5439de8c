import pTimeout from 'p-timeout'
import type { Clock } from '../lifecycle/clock.ts'
import { write } from './screen.ts'

/** A logger that can be asked to write out what it holds, as pino's can. */
export interface Flushable {
  /** Writes everything out, then calls back or resolves. One that takes no callback may also do it in step. */
  flush(callback?: (error?: unknown) => void): unknown
}

/** What there is besides the logger, and how long it may take. */
interface Flushing {
  /** Something that still ends, and may log. */
  readonly late?: Promise<unknown>
  readonly timeout: number
  readonly clock: Clock
  readonly failed: (error: unknown) => void
}

/** Waits until what is late has ended, and the logger, then the standard streams have written what they hold: for at most `timeout` ms. */
export async function flush(log: Flushable | undefined, { late, timeout, clock, failed }: Flushing): Promise<void> {
  const all = async (): Promise<void> => {
    await late
    if (log !== undefined) await logged(log).catch(failed)
    await Promise.all([process.stdout, process.stderr].map(drained))
  }
  const fallback = (): void => failed(new Error(`It took longer than ${timeout} ms, so the rest may be lost.`))
  const customTimers = {
    setTimeout: ((callback: () => void, ms: number) => clock.setTimeout(callback, ms)) as typeof setTimeout,
    clearTimeout: ((timer: NodeJS.Timeout) => clock.clearTimeout(timer)) as typeof clearTimeout,
  }
  await pTimeout(all(), { milliseconds: timeout, fallback, customTimers })
}

/** Whichever way the logger tells that it is done, the first counts. */
async function logged(log: Flushable): Promise<void> {
  const { promise: called, resolve, reject } = Promise.withResolvers<void>()
  const result = log.flush((error) => (error ? reject(error) : resolve()))
  const tellsByResult = typeof (result as { then?: unknown } | undefined)?.then === 'function'
  await (tellsByResult || log.flush.length === 0 ? Promise.race([called, result]) : called)
}

/** Resolves when a stream has handed everything to the system. */
async function drained(stream: NodeJS.WriteStream): Promise<void> {
  // What is written last is handed over last.
  if (stream.writableLength > 0) await write(stream, '')
}
