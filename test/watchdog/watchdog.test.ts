import { describe, expect, onTestFinished, test } from 'vitest'
import { Deadline } from '../../src/lifecycle/deadline.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { Watchdog, type WatchdogOptions } from '../../src/watchdog/watchdog.ts'

const key = Symbol.for('endswell.watchdog.1')
const lastWords = (): void => {}

function watchdog(options: Partial<WatchdogOptions> = {}): Watchdog {
  const made = new Watchdog({ lastWords, ...options })
  onTestFinished(() => made.close())
  return made
}

describe('a watchdog', () => {
  test.each<[string, object, string]>([
    ['no last words', {}, 'options.lastWords must be a function'],
    ['a status that the system would cut', { lastWords, status: 256 }, 'options.status must be a whole number'],
    ['a slack shorter than loops are late', { lastWords, slack: 99 }, 'options.slack must be at least 100 ms'],
    ['a slack that is none', { lastWords, slack: '1' }, 'options.slack must be a number of milliseconds'],
    ['a misspelt option', { lastWords, stauts: 1 }, "Did you mean 'status'?"],
  ])('refuses %s', (_, options, message) => {
    expect(() => new Watchdog(options as WatchdogOptions)).toThrow(message)
  })

  test('refuses to guard what is no deadline, no path or no budget', () => {
    const deadline = new Deadline(1_000)
    expect(() => watchdog().guard(1_000 as never, '/app')).toThrow('deadline must be a Deadline')
    expect(() => watchdog().guard(deadline, 5 as never)).toThrow('path must be a string')
    expect(() => watchdog().guard(deadline, '/app', 5 as never)).toThrow('budget must be a string')
  })

  test('keeps its last words within reach only while something is guarded', () => {
    const watched = watchdog()
    expect(key in globalThis).toBe(false)
    const [first, second] = ['/a', '/b'].map((path) => watched.guard(new Deadline(60_000), path))
    expect(Object.getOwnPropertySymbols(globalThis)).toContain(key)
    first?.()
    expect(key in globalThis).toBe(true)
    second?.()
    second?.()
    expect(key in globalThis).toBe(false)
  })

  test('of which there are several keeps the last words of each', () => {
    const undo = [watchdog(), watchdog()].map((each) => each.guard(new Deadline(60_000), '/app'))
    for (const one of undo) {
      expect(key in globalThis).toBe(true)
      one()
    }
    expect(key in globalThis).toBe(false)
  })

  test('does not watch a deadline of another clock', () => {
    watchdog().guard(new Deadline(1, { clock: new FakeClock() }), '/app')()
    const undo = watchdog().guard(new Deadline(1, { clock: new FakeClock() }), '/app')
    expect(key in globalThis).toBe(false)
    undo()
  })

  test('can be closed before it has started, twice, and while it guards; then it guards nothing', async () => {
    const never = watchdog()
    await never.close()
    await never.close()
    const guards = watchdog()
    guards.guard(new Deadline(0), '/app')
    await Promise.all([guards.close(), guards.close()])
    expect(key in globalThis).toBe(false)
    guards.guard(new Deadline(0), '/app')()
    guards.guard(new Deadline(0), '/app')
    expect(key in globalThis).toBe(false)
  })

  test('lets a loop go on that turns past many deadlines', async () => {
    const watched = watchdog({ slack: 100 })
    const undo = [0, 1, 50, 60_000].map((timeout) => watched.guard(new Deadline(timeout), `/app/${timeout}`))
    // Longer than it takes to be found blocked.
    const until = performance.now() + 500
    while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve))
    for (const one of undo) one()
  })
})
