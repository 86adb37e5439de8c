import { Deadline, withTimeout } from 'endswell'
import { FakeClock } from 'endswell/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listeners } from '../fixtures/listeners.ts'
import { wait } from './stubs.ts'

/** Work with a timeout. After a pause it begins what is inside of it, which it does not wait for. */
interface Plan {
  readonly timeout: number
  readonly pause: number
  /** How long it goes on then, and how it settles. */
  readonly lasts: number
  readonly ends: 'value' | 'rejection' | 'never'
  readonly inside: readonly Plan[]
}

/** What must come of one wait, and what came. */
interface Fate {
  readonly expected: number
  readonly done: number
  readonly ends: Plan['ends']
  begun: boolean
  ended: number[]
  late: number
}

// No work settles at the very moment of a limit or of the abort, where either might come first.
const moment = fc.integer({ min: 0, max: 20 })
const leaf = {
  timeout: moment.map((n) => n * 4),
  pause: moment.map((n) => n * 4 + 2),
  lasts: moment.map((n) => n * 4 + 1),
  ends: fc.constantFrom('value', 'rejection', 'never'),
} as const
const inner = fc.record({
  ...leaf,
  inside: fc.array(fc.record({ ...leaf, inside: fc.constant([]) }), { maxLength: 2 }),
})
const plans: fc.Arbitrary<Plan> = fc.record({ ...leaf, inside: fc.array(inner, { maxLength: 3 }) })

/** Plays a plan that is stopped at the moment `stop` if it still waits then, and writes down what comes of each wait. */
function play(plan: Plan, stop: number, signal: AbortSignal, parent: Deadline, fates: Fate[]): void {
  const { clock } = parent
  const now = clock.now()
  const limit = Math.min(now + plan.timeout, parent.at, stop)
  const done = plan.ends === 'never' ? Number.POSITIVE_INFINITY : now + plan.pause + plan.lasts
  const expected = Math.max(now, Math.min(limit, done))
  const fate: Fate = { expected, done, ends: plan.ends, begun: false, ended: [], late: 0 }
  fates.push(fate)
  const run = async (deadline: Deadline, own: AbortSignal): Promise<void> => {
    fate.begun = true
    expect(deadline.at).toBeLessThanOrEqual(parent.at)
    await wait(clock as FakeClock, plan.pause)
    // The signal of work that settled in time never aborts.
    const stopInside = limit < done ? limit : Number.POSITIVE_INFINITY
    for (const each of plan.inside) play(each, stopInside, own, deadline, fates)
    if (plan.ends === 'never') return await new Promise(() => {})
    await wait(clock as FakeClock, plan.lasts)
    if (plan.ends === 'rejection') throw new Error('of the work')
  }
  const settle = (): void => void fate.ended.push(clock.now())
  const onLate = (): void => {
    fate.late += 1
  }
  withTimeout(({ deadline, signal }) => run(deadline, signal), {
    timeout: plan.timeout,
    signal,
    onLate,
    deadline: parent,
  }).then(settle, settle)
}

test('however waits are nested and end, each settles once, by the soonest limit, and nothing is left', async () => {
  await fc.assert(
    fc.asyncProperty(plans, moment, async (plan, abortAfter) => {
      const clock = new FakeClock()
      const outer = new AbortController()
      const fates: Fate[] = []
      clock.setTimeout(() => outer.abort(), abortAfter * 4)
      play(plan, abortAfter * 4, outer.signal, new Deadline(60, { clock }), fates)
      await clock.advance(1_000)
      for (const { expected, done, ends, begun, ended, late } of fates) {
        expect(ended).toEqual([expected])
        expect(late).toBe(begun && ends === 'value' && done > expected ? 1 : 0)
      }
      expect(clock.pending).toBe(0)
      expect(listeners(outer.signal)).toEqual({ abort: 0 })
    }),
    { numRuns: 200 },
  )
})
