import { Lifecycle } from 'endswell'
import { FakeClock } from 'endswell/testing'
import { expect } from 'vitest'

/** A closing that hangs. */
export const never = (): Promise<never> => new Promise(() => {})

/** Resolves when the clock has moved on by `ms`. */
export function wait<T = void>(clock: FakeClock, ms: number, value?: T): Promise<T> {
  return new Promise((resolve) => {
    clock.setTimeout(() => resolve(value as T), ms)
  })
}

/** Rejects when the clock has moved on by `ms`. */
export async function failAfter(clock: FakeClock, ms: number, error: unknown): Promise<never> {
  await wait(clock, ms)
  throw error
}

/** What a function throws; that it throws is part of the expectation. */
export function thrownBy(fn: () => unknown): Error & { code?: string } {
  try {
    fn()
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not throw')
}

/** Writes down what is called, in order. */
export class Log {
  readonly lines: string[] = []

  /** A function that writes `line`, and returns what `then` does. */
  at<T = undefined>(line: string, then?: () => T): () => T {
    return () => {
      this.lines.push(line)
      return then?.() as T
    }
  }

  /** A function that writes `line` when it begins, and `line` with a full stop when it ends, `ms` later. */
  lasting(line: string, clock: FakeClock, ms: number): () => Promise<void> {
    return async () => {
      this.lines.push(line)
      await wait(clock, ms)
      this.lines.push(`${line}.`)
    }
  }
}

/** A lifecycle on a clock of its own, and what is written down of it. */
export function setUp(options: ConstructorParameters<typeof Lifecycle>[0] & object = {}) {
  const clock = new FakeClock()
  const log = new Log()
  const life = new Lifecycle({ name: 'app', clock, ...options })
  /** Closes it, with all the time that it needs. */
  const close = async () => {
    const closing = life.close()
    await clock.advance(60_000)
    expect(clock.pending).toBe(0)
    return closing
  }
  return { clock, log, life, close }
}
