import { checkBoolean, checkFunction, checkTimeout, LONGEST_TIMEOUT, outOfRange, wrongType } from './check.ts'
import type { Clock, ClockTimer } from './clock.ts'
import type { EveryOptions, Outcome, PlaceOptions } from './contract.ts'
import { ENDED, type Entry } from './entry.ts'
import { wordOf } from './errors.ts'
import type { CloseContext, Kind } from './kind.ts'
import { checkNamed } from './place.ts'
import { releaseOne } from './release.ts'
import type { Scope } from './scope.ts'

const NONE = [] as const
const MORE = ['jitter', 'immediate', 'ref'] as const

/** A timer of the lifecycle's own, and the run of its function that is under way. */
class Beat {
  readonly #clock: Clock
  readonly #controller = new AbortController()
  #timer: ClockTimer | undefined = undefined
  #running: Promise<void> | undefined = undefined
  runs = 0
  failures = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wait(delay: number, ref: boolean, fire: () => void): void {
    if (this.#controller.signal.aborted) return
    this.#timer = this.#clock.setTimeout(fire, delay)
    if (!ref) this.#timer.unref()
  }

  /** Runs the function; its errors go to `failed`. */
  async run(fn: (signal: AbortSignal) => unknown, failed: (error: unknown) => void): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#running = promise
    this.runs += 1
    try {
      await fn(this.#controller.signal)
    } catch (error) {
      failed(error)
    }
    this.#running = undefined
    resolve()
  }

  stop(): Promise<void> | undefined {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#controller.abort()
    return this.#running
  }

  get aborted(): boolean {
    return this.#controller.signal.aborted
  }
}

const beatKind: Kind<Beat> = Object.freeze({ name: 'timer', matches: () => false, close: closeBeat })

async function closeBeat(beat: Beat, context: CloseContext): Promise<void> {
  await beat.stop()
  if (beat.failures > 0) context.note(`${beat.failures} of ${beat.runs} runs failed`)
}

function published(scope: Scope, entry: Entry, beat: Beat): (error: unknown) => void {
  return (error) => {
    if (beat.aborted && wordOf(error, 'name') === 'AbortError') return
    beat.failures += 1
    if (scope.observes('resource.error')) scope.publish('resource.error', entry, { error })
  }
}

/**
 * Calls `fn` on the beats of a fixed grid, never two at once: a run that lasts past a beat makes it skip that beat.
 * Returns the undo, which waits for the run under way.
 */
export function startEvery(
  scope: Scope,
  name: string,
  interval: number,
  fn: (signal: AbortSignal) => unknown,
  options: EveryOptions,
): () => Promise<Outcome> {
  scope.checkOpen()
  checkTimeout('interval', interval)
  if (interval < 1) throw outOfRange('interval', 'at least 1 ms', interval)
  checkFunction('fn', fn)
  checkNamed(name, options, MORE)
  const { jitter = 0, immediate = false, ref = true } = options
  if (typeof jitter !== 'number') throw wrongType('options.jitter', 'a number', jitter)
  if (!(jitter >= 0 && jitter <= 1)) throw outOfRange('options.jitter', 'a share from 0 to 1', jitter)
  checkBoolean('options.immediate', immediate)
  checkBoolean('options.ref', ref)
  const { clock } = scope
  const beat = new Beat(clock)
  const entry = scope.add(beatKind, beat, undefined, scope.placeOf({ ...options, name }, MORE))
  let next = clock.now() + (immediate ? 0 : interval)
  const wait = (): void => {
    const now = clock.now()
    if (next < now) next += Math.ceil((now - next) / interval) * interval
    beat.wait(Math.min(next - now + jitter * Math.random() * interval, LONGEST_TIMEOUT), ref, fire)
  }
  const fire = async (): Promise<void> => {
    next += interval
    await beat.run(fn, published(scope, entry, beat))
    wait()
  }
  wait()
  return () => undo(scope, entry, beat)
}

/**
 * Calls `fn` once, and leaves as it fires: what it then does, such as closing its own lifecycle, is not waited for, and
 * its signal is the lifecycle's. Returns the undo.
 */
export function startAfter(
  scope: Scope,
  name: string,
  delay: number,
  fn: (signal: AbortSignal) => unknown,
  options: PlaceOptions & { grace?: number },
): () => Promise<Outcome> {
  scope.checkOpen()
  checkTimeout('delay', delay)
  checkFunction('fn', fn)
  checkNamed(name, options, NONE)
  const beat = new Beat(scope.clock)
  const entry = scope.add(beatKind, beat, undefined, scope.placeOf({ ...options, name }))
  beat.wait(delay, true, async () => {
    const { signal } = scope
    scope.left(entry)
    await beat.run(() => fn(signal), published(scope, entry, beat))
  })
  return () => undo(scope, entry, beat)
}

async function undo(scope: Scope, entry: Entry, beat: Beat): Promise<Outcome> {
  if (entry.state !== ENDED) return releaseOne(scope, entry)
  // It has been closed, or forgotten: then it still beats.
  await beat.stop()
  return 'closed'
}
