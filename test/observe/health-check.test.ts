import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { type Clock, Lifecycle, type LifecycleEvent } from '../../src/index.ts'
import { scopeOf } from '../../src/lifecycle/lifecycle.ts'
import { HealthCheck } from '../../src/observe/health-check.ts'
import type { CheckFunction } from '../../src/observe/health-options.ts'
import { FakeClock } from '../../src/testing/index.ts'

const never = () => new Promise<never>(() => {})
const ok = { status: 'ok', ms: 0 }

function made(check: CheckFunction, { clock = new FakeClock(), timeout = 1_000, cache = 1_000 } = {}) {
  const life = new Lifecycle({ name: 'app', clock })
  const events: LifecycleEvent[] = []
  life.subscribe((event) => events.push(event))
  const health = new HealthCheck({ name: 'db', check, timeout, cache, on: 'ready' }, scopeOf(life))
  return { clock, life, events, health }
}

const after = (clock: Clock, ms: number) => new Promise<void>((resolve) => void clock.setTimeout(resolve, ms))

describe('a check passes', () => {
  test.each<[string, CheckFunction]>([
    ['when it returns', () => {}],
    ['when it returns true', () => true],
    ['when it returns what is not false itself', () => 0],
    ['when it resolves', async () => 'up'],
  ])('%s', async (_, check) => {
    const { health, events } = made(check)
    expect(await health.ask()).toEqual(ok)
    expect(events).toEqual([])
  })
})

describe('a check fails, and that is published,', () => {
  const withoutMessage = Object.assign(new AggregateError([], 'all'), { message: '', code: 'ECONNREFUSED' })
  const hostile = Object.defineProperty({}, 'message', {
    get() {
      throw new Error('not to be looked at')
    },
  })
  test.each<[string, CheckFunction, string]>([
    ['when it throws', () => raise(new Error('no connection')), 'no connection'],
    ['when it rejects', async () => raise(new Error('no connection')), 'no connection'],
    ['when it returns false', () => false, "The check 'db' returned false."],
    ['when it resolves with false', async () => false, "The check 'db' returned false."],
    ['when it throws a string', () => raise('down'), 'down'],
    ['when it throws nothing', () => raise(undefined), 'undefined'],
    ['when its error has but a code', () => raise(withoutMessage), 'ECONNREFUSED'],
    ['when its error has no words', () => raise({}), 'It threw an object without a message.'],
    ['when its error has a stack for a message', () => raise(new Error(new Error('gone').stack)), 'Error: gone'],
    ['when its error throws', () => raise(hostile), 'It threw an object that cannot be looked at.'],
  ])('%s', async (_, check, error) => {
    const { health, events } = made(check)
    expect(await health.ask()).toEqual({ status: 'failing', ms: 0, error })
    expect(events).toEqual([expect.objectContaining({ type: 'resource.error', path: '/app/db', kind: 'check' })])
  })

  test('when it takes longer than its timeout, and its signal aborts', async () => {
    const signals: AbortSignal[] = []
    const { health, clock, events } = made((signal) => {
      signals.push(signal)
      return never()
    })
    const answer = health.ask()
    await clock.advance(999)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    await clock.advance(1)
    expect(await answer).toEqual({ status: 'failing', ms: 1_000, error: expect.stringContaining('1000 ms') })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(events).toEqual([expect.objectContaining({ error: expect.objectContaining({ code: 'ERR_TIMEOUT' }) })])
    expect(clock.pending).toBe(0)
  })
})

test('those who ask while it runs share the run', async () => {
  const clock = new FakeClock()
  const check = vi.fn(() => after(clock, 500))
  const { health } = made(check, { clock })
  const answers = [health.ask(), health.ask()]
  await clock.advance(300)
  answers.push(health.ask())
  await clock.advance(200)
  expect(await Promise.all(answers)).toEqual(Array(3).fill({ status: 'ok', ms: 500 }))
  expect(check).toHaveBeenCalledTimes(1)
})

test.each([
  ['one that passes', () => true],
  ['one that fails', () => false],
])('the result is kept for its time, counted from its end (%s)', async (_, outcome) => {
  const clock = new FakeClock()
  const check = vi.fn(() => after(clock, 100).then(outcome))
  const { health } = made(check, { clock, cache: 400 })
  const calls: number[] = []
  for (const ms of [100, 399, 1, 100]) {
    const answer = health.ask()
    await clock.advance(ms)
    await answer
    calls.push(check.mock.calls.length)
  }
  expect(calls).toEqual([1, 1, 1, 2])
  expect(clock.pending).toBe(0)
})

test('with a cache of 0 it is asked each time', async () => {
  const check = vi.fn()
  const { health } = made(check, { cache: 0 })
  await health.ask()
  await health.ask()
  expect(check).toHaveBeenCalledTimes(2)
})

test('one that has overrun its time fails, and is not run again until it has settled', async () => {
  const clock = new FakeClock()
  let calls = 0
  const check = () => after(clock, ++calls === 1 ? 5_000 : 0)
  const { health } = made(check, { clock, cache: 0 })
  const first = health.ask()
  await clock.advance(1_000)
  expect(await first).toMatchObject({ status: 'failing' })
  await clock.advance(3_999)
  expect(await health.ask()).toMatchObject({ status: 'failing' })
  expect(calls).toBe(1)
  await clock.advance(1)
  const second = health.ask()
  await clock.advance(0)
  expect(await second).toMatchObject({ status: 'ok' })
  expect([calls, clock.pending]).toEqual([2, 0])
})

test('what fails after its time is absorbed', async () => {
  const clock = new FakeClock()
  const { health } = made(() => after(clock, 5_000).then(() => raise(new Error('late'))), { clock, cache: 0 })
  const answer = health.ask()
  await clock.advance(5_000)
  expect(await answer).toMatchObject({ status: 'failing' })
})

test('when the closing begins, a check under way is given up at once, and that is no failure to tell of', async () => {
  const signals: AbortSignal[] = []
  const { health, life, events, clock } = made((signal) => {
    signals.push(signal)
    return never()
  })
  const answer = health.ask()
  await life.close()
  await answer
  expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  expect(events.filter(({ type }) => type === 'resource.error')).toEqual([])
  expect(clock.pending).toBe(0)
})

/** How long a run takes, in ms, and how it ends. */
const runs = fc.record({ ms: fc.nat(400), ends: fc.constantFrom('ok', 'false', 'throws') })
const times = fc.record({ timeout: fc.integer({ min: 1, max: 200 }), cache: fc.nat(200) })

test('however requests come, it never runs twice at once, and every one is answered in its time', async () => {
  const story = fc.asyncProperty(
    times,
    fc.array(fc.nat(150), { minLength: 1, maxLength: 12 }),
    fc.array(runs, { minLength: 1, maxLength: 6 }),
    async (limits, pauses, plans) => {
      const clock = new FakeClock()
      let running = 0
      let most = 0
      let begun = 0
      const check = async () => {
        const { ms, ends } = plans[begun++ % plans.length] ?? { ms: 0, ends: 'ok' }
        most = Math.max(most, ++running)
        await after(clock, ms)
        running -= 1
        if (ends === 'throws') throw new Error('down')
        return ends === 'ok'
      }
      const { health } = made(check, { clock, ...limits })
      const waits: Promise<number>[] = []
      for (const pause of pauses) {
        await clock.advance(pause)
        const asked = clock.now()
        waits.push(Promise.resolve(health.ask()).then(() => clock.now() - asked))
      }
      await clock.advance(1_000)
      expect(most).toBe(1)
      expect(Math.max(...(await Promise.all(waits)))).toBeLessThanOrEqual(limits.timeout)
      expect(clock.pending).toBe(0)
    },
  )
  await fc.assert(story, { numRuns: 200 })
})

function raise(error: unknown): never {
  throw error
}
